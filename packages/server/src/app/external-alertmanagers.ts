// The section `alerting` of the Prometheus file → Alertmanagers to send to.
import { type LabelRecord, Labels } from "@storewatch/model";
import { DiscoverySet } from "../collect/discovery/discovery-set.ts";
import type { DiscoveryDeps } from "../collect/discovery/interface.ts";
import { ConfiguredHttp } from "../collect/http/configured-http.ts";
import type { AlertmanagerConfig, PrometheusConfig, TargetGroup } from "../collect/prometheus-config.ts";
import { createRelabeller, relabel } from "../collect/relabel.ts";
import type { AlertmanagerTarget } from "../notify/index.ts";

const API = "/api/v2/alerts";

export interface AlertmanagerFinder {
  /** Takes another configuration: what is discovered alike goes on. */
  configure(config: PrometheusConfig): void;
  /** Where alerts go now, each once. */
  urls(): readonly string[];
  stop(): void;
}

export interface AlertmanagerFinderOptions {
  readonly discovery: DiscoveryDeps;
  /** Called with all of them whenever one appears or goes, on the same turn for those of `static_configs`. */
  readonly onTargets: (targets: readonly AlertmanagerTarget[]) => void;
}

export function createAlertmanagerFinder({ discovery, onTargets }: AlertmanagerFinderOptions): AlertmanagerFinder {
  let config: PrometheusConfig | undefined;
  let clients: ConfiguredHttp[] = [];
  let sets: DiscoverySet[] = [];
  let urls: readonly string[] = [];
  const tell = () => {
    if (!config) return;
    const targets = targetsOf(config, clients, (i) => sets[i]?.groups() ?? []);
    urls = [...new Set(targets.map(({ name }) => name))];
    onTargets(targets);
  };
  return {
    configure(next) {
      config = undefined;
      for (const set of sets.splice(next.alertmanagers.length)) set.stop();
      clients = next.alertmanagers.map(({ http }) => new ConfiguredHttp(http, discovery.http, discovery.clock));
      sets = next.alertmanagers.map((_, i) => sets[i] ?? new DiscoverySet(discovery, tell));
      for (const [i, { discoveries }] of next.alertmanagers.entries()) sets[i].set(discoveries);
      config = next;
      tell();
    },
    urls: () => urls,
    stop() {
      config = undefined;
      for (const set of sets) set.stop();
      sets = [];
    },
  };
}

/** External labels are added where an alert has none of the name, then it is relabelled: for all, and for each. */
function targetsOf(
  config: PrometheusConfig,
  clients: readonly ConfiguredHttp[],
  groupsOf: (manager: number) => readonly TargetGroup[],
): AlertmanagerTarget[] {
  const forAll = createRelabeller(config.alertRelabel);
  const external = config.global.externalLabels.toJSON();
  return config.alertmanagers.flatMap((manager, i) => {
    const own = createRelabeller(manager.alertRelabel, manager.nameScheme);
    const relabelAlert = (labels: LabelRecord): LabelRecord | undefined => {
      const map = new Map(Object.entries({ ...external, ...labels }));
      return forAll(map) && own(map) ? Object.fromEntries(map) : undefined;
    };
    return addressesOf(manager, groupsOf(i)).map((url) => ({
      name: url,
      relabel: relabelAlert,
      post: (body, signal) => post(clients[i], manager.timeoutMs, url, body, signal),
    }));
  });
}

/** Each once. */
function addressesOf(manager: AlertmanagerConfig, groups: readonly TargetGroup[]): string[] {
  const relabeller = createRelabeller(manager.relabel, manager.nameScheme);
  const urls = groups.flatMap(({ targets, labels }) =>
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
