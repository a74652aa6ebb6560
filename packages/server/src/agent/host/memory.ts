// Memory and paging.
import { Families } from "../families.ts";
import { mustReadText } from "../files.ts";
import type { HostCollector } from "./host-collector.ts";

export const meminfo: HostCollector = {
  name: "meminfo",
  read({ paths }) {
    const out = new Families();
    for (const line of mustReadText(`${paths.procfs}/meminfo`).split("\n")) {
      // `Active(anon):   123 kB`
      const match = /^([\w()]+):\s+(\d+)( kB)?/.exec(line);
      if (!match) continue;
      const [, field, value, unit] = match;
      const key = field.replace(/\((.*)\)/, "_$1") + (unit ? "_bytes" : "");
      out.gauge(`node_memory_${key}`, `Memory information field ${key}.`, Number(value) * (unit ? 1024 : 1));
    }
    return out;
  },
};

export const vmstat: HostCollector = {
  name: "vmstat",
  read({ paths, section }) {
    const out = new Families();
    for (const line of mustReadText(`${paths.procfs}/vmstat`).split("\n")) {
      const [field, value] = line.split(" ", 2);
      if (value === undefined || !section.vmstat.fields(field)) continue;
      out.untyped(`node_vmstat_${field}`, `/proc/vmstat information field ${field}.`, Number(value));
    }
    return out;
  },
};
