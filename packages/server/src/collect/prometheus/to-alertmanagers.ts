// From the checked keys of the section `alerting` to what sending alerts works with.
import type { z } from "zod";
import type { NameScheme } from "../relabel.ts";
import type { AlertmanagerConfig } from "./config-types.ts";
import type { alertingFields } from "./other-sections.ts";
import { toRelabelConfigs } from "./relabel-fields.ts";
import { toDiscoveries } from "./to-discoveries.ts";
import { type Surroundings, toHttp } from "./to-http.ts";

const TIMEOUT_MS = 10_000;

type Alerting = z.output<typeof alertingFields>;

export function toAlertmanagers(alerting: Alerting, nameScheme: NameScheme, from: Surroundings): AlertmanagerConfig[] {
  return (alerting?.alertmanagers ?? []).map((fields) => ({
    scheme: fields.scheme || "http",
    pathPrefix: slashed(fields.path_prefix ?? ""),
    timeoutMs: fields.timeout || TIMEOUT_MS,
    http: toHttp(fields, from),
    discoveries: toDiscoveries(fields, from),
    relabel: toRelabelConfigs(fields.relabel_configs),
    alertRelabel: toRelabelConfigs(fields.alert_relabel_configs),
    nameScheme,
  }));
}

function slashed(prefix: string): string {
  const bare = prefix.replace(/^\/+|\/+$/g, "");
  return bare === "" ? "" : `/${bare}`;
}
