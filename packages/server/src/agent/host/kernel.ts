// What the kernel says of itself: load, counters since the boot, limits, stalls.
import { Families } from "../families.ts";
import { mustReadText, readNumber, readText } from "../files.ts";
import { NothingToCollect } from "../interface.ts";
import type { HostCollector } from "./host-collector.ts";

export const loadavg: HostCollector = {
  name: "loadavg",
  read({ paths }) {
    const [load1, load5, load15] = mustReadText(`${paths.procfs}/loadavg`).split(" ", 3).map(Number);
    const out = new Families();
    out.gauge("node_load1", "1m load average.", load1);
    out.gauge("node_load5", "5m load average.", load5);
    out.gauge("node_load15", "15m load average.", load15);
    return out;
  },
};

/** First word of a line of /proc/stat → type, name, help. */
const STAT = {
  intr: ["counter", "node_intr_total", "Total number of interrupts serviced."],
  ctxt: ["counter", "node_context_switches_total", "Total number of context switches."],
  processes: ["counter", "node_forks_total", "Total number of forks."],
  btime: ["gauge", "node_boot_time_seconds", "Node boot time, in unixtime."],
  procs_running: ["gauge", "node_procs_running", "Number of processes in runnable state."],
  procs_blocked: ["gauge", "node_procs_blocked", "Number of processes blocked waiting for I/O to complete."],
} as const satisfies Readonly<Record<string, readonly ["counter" | "gauge", string, string]>>;

export const stat: HostCollector = {
  name: "stat",
  read({ paths }) {
    const out = new Families();
    for (const line of mustReadText(`${paths.procfs}/stat`).split("\n")) {
      // The line of `intr` holds a number for each interrupt there is.
      const [word, value] = line.split(" ", 2);
      if (!Object.hasOwn(STAT, word)) continue;
      const [type, name, help] = STAT[word as keyof typeof STAT];
      out.add(name, help, type, { labels: {}, value: Number(value) });
    }
    return out;
  },
};

export const filefd: HostCollector = {
  name: "filefd",
  read({ paths }) {
    const [allocated, , maximum] = mustReadText(`${paths.procfs}/sys/fs/file-nr`).trim().split(/\s+/).map(Number);
    const out = new Families();
    out.gauge("node_filefd_allocated", "File descriptor statistics: allocated.", allocated);
    out.gauge("node_filefd_maximum", "File descriptor statistics: maximum.", maximum);
    return out;
  },
};

export const entropy: HostCollector = {
  name: "entropy",
  read({ paths }) {
    const dir = `${paths.procfs}/sys/kernel/random`;
    const out = new Families();
    out.gauge(
      "node_entropy_available_bits",
      "Bits of available entropy.",
      Number(mustReadText(`${dir}/entropy_avail`)),
    );
    out.gauge("node_entropy_pool_size_bits", "Bits of entropy pool.", Number(mustReadText(`${dir}/poolsize`)));
    return out;
  },
};

const PRESSURES = [
  ["cpu", "some", "cpu_waiting", "that processes have waited for CPU time"],
  ["io", "some", "io_waiting", "that processes have waited due to IO congestion"],
  ["io", "full", "io_stalled", "no process could make progress due to IO congestion"],
  ["memory", "some", "memory_waiting", "that processes have waited for memory"],
  ["memory", "full", "memory_stalled", "no process could make progress due to memory congestion"],
  ["irq", "full", "irq_stalled", "no process could make progress due to IRQ congestion"],
] as const;

export const pressure: HostCollector = {
  name: "pressure",
  read({ paths }) {
    const out = new Families();
    for (const [file, kind, name, what] of PRESSURES) {
      const total = totalOf(readText(`${paths.procfs}/pressure/${file}`), kind);
      if (total === undefined) continue;
      out.counter(`node_pressure_${name}_seconds_total`, `Total time in seconds ${what}.`, total / 1e6);
    }
    if (out.list().length === 0) throw new NothingToCollect("the kernel does not account pressure");
    return out;
  },
};

/** Of `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`: microseconds. */
function totalOf(text: string | undefined, kind: "some" | "full"): number | undefined {
  const line = text?.split("\n").find((each) => each.startsWith(kind));
  const total = line && /total=(\d+)/.exec(line)?.[1];
  return total ? Number(total) : undefined;
}

export const schedstat: HostCollector = {
  name: "schedstat",
  read({ paths }) {
    const text = readText(`${paths.procfs}/schedstat`);
    if (text === undefined) throw new NothingToCollect("the kernel keeps no schedstat");
    const out = new Families();
    for (const line of text.split("\n")) {
      if (!line.startsWith("cpu")) continue;
      const fields = line.split(" ");
      const cpu = fields[0].slice(3);
      const [running, waiting, slices] = fields.slice(7, 10).map(Number);
      out.counter("node_schedstat_running_seconds_total", "Seconds CPU spent running a process.", running / 1e9, {
        cpu,
      });
      out.counter("node_schedstat_waiting_seconds_total", "Seconds processes waited for this CPU.", waiting / 1e9, {
        cpu,
      });
      out.counter("node_schedstat_timeslices_total", "Number of timeslices executed by CPU.", slices, { cpu });
    }
    return out;
  },
};

export const kernelHung: HostCollector = {
  name: "kernel_hung",
  read({ paths }) {
    const count = readNumber(`${paths.procfs}/sys/kernel/hung_task_detect_count`);
    if (count === undefined) throw new NothingToCollect("the kernel does not count hung tasks");
    const out = new Families();
    out.counter("node_kernel_hung_tasks_total", "Total number of tasks that have been detected as hung.", count);
    return out;
  },
};

export const cgroups: HostCollector = {
  name: "cgroups",
  byDefault: false,
  read({ paths }) {
    const out = new Families();
    for (const line of mustReadText(`${paths.procfs}/cgroups`).split("\n")) {
      const [subsys_name, , count, enabled] = line.split(/\s+/);
      if (enabled === undefined || subsys_name.startsWith("#")) continue;
      out.gauge("node_cgroups_cgroups", "Current cgroup number of the subsystem.", Number(count), { subsys_name });
      out.gauge("node_cgroups_enabled", "Current cgroup state of the subsystem.", Number(enabled), { subsys_name });
    }
    return out;
  },
};

export const interrupts: HostCollector = {
  name: "interrupts",
  byDefault: false,
  read({ paths }) {
    const [head, ...lines] = mustReadText(`${paths.procfs}/interrupts`).split("\n");
    const cpus = head.trim().split(/\s+/).length;
    const out = new Families();
    for (const line of lines) {
      const words = line.trim().split(/\s+/);
      // `ERR` and `MIS` have one number for the machine.
      if (words.length < cpus + 1) continue;
      const type = words[0].slice(0, -1);
      const rest = words.slice(cpus + 1);
      // A numbered interrupt: chip and pin, then the devices; a named one: words on what it is.
      const isNumbered = /^\d+$/.test(type);
      const info = isNumbered ? (rest[0] ?? "") : rest.join(" ");
      const devices = isNumbered ? rest.slice(1).join(" ") : "";
      for (let i = 0; i < cpus; i++) {
        const labels = { cpu: String(i), type, info, devices };
        out.counter("node_interrupts_total", "Interrupt details.", Number(words[i + 1]), labels);
      }
    }
    return out;
  },
};
