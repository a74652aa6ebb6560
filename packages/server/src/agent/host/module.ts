// The host: what node_exporter says, by the same names.
import { type Collector, collectorModule } from "../interface.ts";
import type { HostCollector } from "./host-collector.ts";
import { loadavg } from "./loadavg.ts";
import { hostSchema } from "./section.ts";

const COLLECTORS: readonly HostCollector[] = [loadavg];

export const hostModule = collectorModule({
  name: "host",
  schema: hostSchema,
  create: (section, deps) =>
    COLLECTORS.map((collector): Collector => {
      const byDefault = collector.byDefault !== false || section.enable.includes(collector.name);
      return {
        name: collector.name,
        byDefault: byDefault && !section.disable.includes(collector.name),
        collect: async (signal) => (await collector.read({ ...deps, section, signal })).list(),
      };
    }),
});
