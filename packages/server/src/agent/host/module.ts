// The host: what node_exporter says, by the same names.
import { closest } from "../../config/document.ts";
import { type Collector, collectorModule } from "../interface.ts";
import { cpufreq, createCpu } from "./cpu.ts";
import { diskstats } from "./diskstats.ts";
import { createFilesystem } from "./filesystem.ts";
import { edac, nvme, powerSupply, thermalZone } from "./hardware.ts";
import type { HostCollector } from "./host-collector.ts";
import { hwmon } from "./hwmon.ts";
import { osRelease, selinux, uname } from "./identity.ts";
import * as kernel from "./kernel.ts";
import { mdadm } from "./mdadm.ts";
import { meminfo, vmstat } from "./memory.ts";
import * as network from "./network.ts";
import { processes } from "./processes.ts";
import { hostSchema } from "./section.ts";
import * as sockets from "./sockets.ts";
import { systemd } from "./systemd.ts";
import { createTextfile } from "./textfile.ts";
import { time } from "./time.ts";
import { timex } from "./timex.ts";

function hostCollectors(): readonly HostCollector[] {
  return [
    network.arp,
    network.bonding,
    kernel.cgroups,
    sockets.conntrack,
    createCpu(),
    cpufreq,
    diskstats,
    edac,
    kernel.entropy,
    kernel.filefd,
    createFilesystem(),
    hwmon,
    kernel.interrupts,
    kernel.kernelHung,
    kernel.loadavg,
    mdadm,
    meminfo,
    network.netclass,
    network.netdev,
    sockets.netstat,
    nvme,
    osRelease,
    powerSupply,
    kernel.pressure,
    processes,
    kernel.schedstat,
    selinux,
    sockets.sockstat,
    sockets.softnet,
    kernel.stat,
    systemd,
    sockets.tcpstat,
    createTextfile(),
    thermalZone,
    time,
    timex,
    sockets.udpQueues,
    uname,
    vmstat,
  ];
}

const NAMES: ReadonlySet<string> = new Set(hostCollectors().map(({ name }) => name));

export const hostModule = collectorModule({
  name: "host",
  schema: hostSchema.superRefine((section, context) => {
    for (const key of ["enable", "disable"] as const) {
      section[key].forEach((name, i) => {
        if (NAMES.has(name)) return;
        const near = closest(name, [...NAMES]);
        const message = `there is no collector ${name}.${near ? ` Did you mean ${near}?` : ""}`;
        context.addIssue({ code: "custom", path: [key, i], message });
      });
    }
  }),
  create: (section, deps) =>
    hostCollectors().map((collector): Collector => {
      const isOn = collector.byDefault !== false || section.enable.includes(collector.name);
      return {
        name: collector.name,
        byDefault: isOn && !section.disable.includes(collector.name),
        cacheMs: collector.cacheMs,
        collect: async (signal) => (await collector.read({ ...deps, section, signal })).list(),
      };
    }),
});
