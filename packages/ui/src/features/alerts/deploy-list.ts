// Deploys around an alert's start, as its detail shows them.
import { type AlertDeploy, alertDeploysSchema } from "@storewatch/model/api";
import { queryOptions } from "@tanstack/react-query";
import { request } from "../../api/http.ts";
import type { LabelSet } from "../../api/prometheus.ts";

export function alertDeploysQuery(startMs: number, labels: LabelSet) {
  const path = alertDeploysPath(startMs, labels);
  return queryOptions({
    queryKey: ["annotations", "around", path],
    queryFn: async (): Promise<readonly AlertDeploy[]> => alertDeploysSchema.parse(await request(path)).deploys,
  });
}

export function alertDeploysPath(startMs: number, labels: LabelSet): string {
  const params = new URLSearchParams({ start: String(Math.floor(startMs)) });
  for (const [name, value] of [
    ["service", labels.service],
    ["job", labels.job],
    ["tenant", labels.tenant_id],
  ] as const)
    if (value) params.set(name, value);
  return `/api/storewatch/v1/deploys?${params}`;
}

/** Whether it is safe to be a link: what else a URL may be, runs in this page or goes to another program. */
export function isWebUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}
