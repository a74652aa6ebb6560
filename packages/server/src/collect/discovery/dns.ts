// Targets from DNS records.
import { isIPv6 } from "node:net";
import type { DnsDiscoveryConfig, TargetGroup } from "../prometheus-config.ts";
import type { DnsRecord } from "./dns-resolver.ts";
import type { Discovery, DiscoveryDeps } from "./interface.ts";
import { refreshing } from "./refreshing.ts";

/** A name that cannot be resolved keeps its targets; the others go on. */
export function dnsDiscovery(config: DnsDiscoveryConfig, deps: DiscoveryDeps): Discovery {
  const known = new Map<string, readonly TargetGroup[]>();
  return refreshing({
    clock: deps.clock,
    intervalMs: config.refreshIntervalMs,
    onProblem: (message) => deps.onProblem(config.names.join(", "), message),
    async read() {
      await Promise.all(
        config.names.map(async (name) => {
          try {
            known.set(name, groupsOf(name, config, await deps.resolver.resolve(name, config.type)));
          } catch (error) {
            deps.onProblem(name, error instanceof Error ? error.message : String(error));
          }
        }),
      );
      return known.size > 0 ? [...known.values()].flat() : undefined;
    },
  });
}

/** One group for each record, because the labels tell of the record. */
function groupsOf(name: string, config: DnsDiscoveryConfig, records: readonly DnsRecord[]): TargetGroup[] {
  return records.map(({ target, port = config.port }) => {
    const host = target.replace(/\.$/, "");
    const labels: Record<string, string> = { __meta_dns_name: name };
    if (config.type === "SRV") {
      labels.__meta_dns_srv_record_target = `${host}.`;
      labels.__meta_dns_srv_record_port = String(port);
    } else if (config.type === "MX") labels.__meta_dns_mx_record_target = `${host}.`;
    else if (config.type === "NS") labels.__meta_dns_ns_record_target = `${host}.`;
    return { targets: [isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`], labels };
  });
}
