// The kinds of discovery. A new kind is a file or folder here, its keys in prometheus/to-discoveries.ts, and one line below.
import type { DiscoveryConfig } from "../prometheus-config.ts";
import { dnsDiscovery } from "./dns.ts";
import { fileDiscovery } from "./file.ts";
import { httpDiscovery } from "./http.ts";
import type { Discovery, DiscoveryDeps } from "./interface.ts";
import { kubernetesDiscovery } from "./kubernetes/index.ts";
import { staticDiscovery } from "./static.ts";

type Kind = DiscoveryConfig["kind"];
type Makers = { [K in Kind]: (config: Extract<DiscoveryConfig, { kind: K }>, deps: DiscoveryDeps) => Discovery };

const KINDS: Makers = {
  static: staticDiscovery,
  file: fileDiscovery,
  http: httpDiscovery,
  dns: dnsDiscovery,
  kubernetes: kubernetesDiscovery,
};

export function createDiscovery(config: DiscoveryConfig, deps: DiscoveryDeps): Discovery {
  // The compiler cannot see that the maker and the configuration are of the same kind; `Makers` says so.
  const make = KINDS[config.kind] as (config: DiscoveryConfig, deps: DiscoveryDeps) => Discovery;
  return make(config, deps);
}
