import { Families } from "../families.ts";
import { mustReadText } from "../files.ts";
import type { HostCollector } from "./host-collector.ts";

export const loadavg: HostCollector = {
  name: "loadavg",
  read({ paths }) {
    const [load1, load5, load15] = mustReadText(`${paths.procfs}/loadavg`).split(" ", 3).map(Number);
    const out = new Families();
    out.gauge("node_load1", "1m load average.", load1);
    out.gauge("node_load15", "15m load average.", load15);
    out.gauge("node_load5", "5m load average.", load5);
    return out;
  },
};
