import {
  type ReceiverTestResult,
  type ReceiverView,
  receiverListSchema,
  receiverTestResultSchema,
} from "@storewatch/model/api";
import { queryOptions } from "@tanstack/react-query";
import { request } from "../../api/http.ts";

const RECEIVERS = "/api/storewatch/v1/receivers";

/** Their health changes with every delivery. */
export const receiversQuery = queryOptions({
  queryKey: ["notifications", "receivers"],
  queryFn: async (): Promise<readonly ReceiverView[]> => receiverListSchema.parse(await request(RECEIVERS)).receivers,
});

/** `integration` undefined: all of the receiver. */
export async function testReceiver(name: string, integration?: string): Promise<ReceiverTestResult["results"]> {
  const answer = await request(`${RECEIVERS}/${encodeURIComponent(name)}/test`, {
    method: "POST",
    json: integration === undefined ? {} : { integration },
  });
  return receiverTestResultSchema.parse(answer).results;
}
