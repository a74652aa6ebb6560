import {
  type RoutingTestResult,
  type RoutingTree,
  routingTestResultSchema,
  routingTreeSchema,
} from "@storewatch/model/api";
import { queryOptions } from "@tanstack/react-query";
import { request } from "../../api/http.ts";
import type { LabelSet } from "../../api/prometheus.ts";

const ROUTING = "/api/storewatch/v1/routing";

export const routingQuery = queryOptions({
  queryKey: ["alerts", "routing"],
  queryFn: async (): Promise<RoutingTree> => routingTreeSchema.parse(await request(ROUTING)),
});

export const testRouting = async (labels: LabelSet): Promise<RoutingTestResult> =>
  routingTestResultSchema.parse(await request(`${ROUTING}/test`, { method: "POST", json: { labels } }));
