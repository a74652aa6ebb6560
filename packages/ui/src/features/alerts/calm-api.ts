// What is held back to keep people from being told too often, what a silence would hide, and what was looked at.
import {
  type Calm,
  calmSchema,
  type SilencePreview,
  type SilencePreviewRequest,
  silencePreviewSchema,
} from "@storewatch/model/api";
import { queryOptions } from "@tanstack/react-query";
import { request } from "../../api/http.ts";

const OWN = "/api/storewatch/v1";

export const calmQuery = queryOptions({
  queryKey: ["alerts", "calm"],
  queryFn: async (): Promise<Calm> => calmSchema.parse(await request(`${OWN}/calm`)),
});

export async function previewSilence(asked: SilencePreviewRequest, signal?: AbortSignal): Promise<SilencePreview> {
  const answer = await request(`${OWN}/silences/preview`, { method: "POST", json: asked, signal });
  return silencePreviewSchema.parse(answer);
}

/** Told for the report on alert quality; nothing waits for it, and its failure is nobody's business. */
export function tellSeen(fingerprint: string, acted: boolean): void {
  const path = `${OWN}/alerts/${encodeURIComponent(fingerprint)}/seen`;
  request(path, { method: "POST", json: { acted } }).catch(() => undefined);
}
