// The section `alerting` of the Prometheus file → Alertmanagers to send to.
import { type Clock, type LabelRecord, Labels } from "@storewatch/model";
import { ConfiguredHttp } from "../collect/http/configured-http.ts";
import type { AlertmanagerConfig, PrometheusConfig } from "../collect/prometheus-config.ts";
import { createRelabeller, relabel } from "../collect/relabel.ts";
import { systemClock } from "../kernel/clock.ts";
import type { SafeHttp } from "../kernel/safe-http.ts";
import type { AlertmanagerTarget } from "../notify/index.ts";

const API = "/api/v2/alerts";

/** External labels are added where an alert has none of the name, then it is relabelled: for all, and for each. */
export function alertmanagerTargets(
  config: PrometheusConfig,
  send: SafeHttp["request"],
  clock: Clock = systemClock,
): AlertmanagerTarget[] {
  const forAll = createRelabeller(config.alertRelabel);
  const external = config.global.externalLabels.toJSON();
  return config.alertmanagers.flatMap((manager) => {
    const own = createRelabeller(manager.alertRelabel, manager.nameScheme);
    const relabelAlert = (labels: LabelRecord): LabelRecord | undefined => {
      const map = new Map(Object.entries({ ...external, ...labels }));
      return forAll(map) && own(map) ? Object.fromEntries(map) : undefined;
    };
    const http = new ConfiguredHttp(manager.http, send, clock);
    return addressesOf(manager).map((url) => ({
      name: url,
      relabel: relabelAlert,
      post: (body, signal) => post(http, manager.timeoutMs, url, body, signal),
    }));
  });
}

/** Where alerts go, each once. */
export function alertmanagerUrls({ alertmanagers }: PrometheusConfig): string[] {
  return [...new Set(alertmanagers.flatMap(addressesOf))];
}

/** Each once. */
function addressesOf(manager: AlertmanagerConfig): string[] {
  const relabeller = createRelabeller(manager.relabel, manager.nameScheme);
  const urls = manager.staticGroups.flatMap(({ targets, labels }) =>
    targets.flatMap((address) => {
      const before = Labels.fromEntries(
        Object.entries({
          ...labels,
          __address__: address,
          __scheme__: manager.scheme,
          __alerts_path__: `${manager.pathPrefix}${API}`,
        }),
      );
      const after = relabel(before, relabeller)?.toJSON();
      if (!after?.__address__) return [];
      return [`${after.__scheme__}://${after.__address__}${after.__alerts_path__}`];
    }),
  );
  return [...new Set(urls)];
}

async function post(
  http: ConfiguredHttp,
  timeoutMs: number,
  url: string,
  body: string,
  signal: AbortSignal,
): Promise<number> {
  const { status } = await http.request({
    method: "POST",
    url,
    body,
    headers: { "content-type": "application/json", "user-agent": "Storewatch" },
    timeoutMs,
    bodyLimitBytes: 64 * 1024,
    signal,
  });
  return status;
}
