// What the agent says of itself.
import { Families } from "./families.ts";
import type { MetricFamily } from "./interface.ts";

/** Names as every Prometheus client gives them. `hasHost`: the page is read in place of node_exporter's. */
export function selfFamilies(version: string, hasHost: boolean): readonly MetricFamily[] {
  const out = new Families();
  const { user, system } = process.cpuUsage();
  const goversion = `node ${process.versions.node}`;
  out.gauge("storewatch_agent_build_info", "Version of the agent; the value is 1.", 1, { version, goversion });
  if (hasHost)
    out.gauge("node_exporter_build_info", "By this name dashboards list machines.", 1, { version, goversion });
  out.counter("process_cpu_seconds_total", "CPU time of the agent, user and system.", (user + system) / 1e6);
  out.gauge("process_resident_memory_bytes", "Memory of the agent in RAM.", process.memoryUsage.rss());
  return out.list();
}
