// Processors: time by mode, throttling, frequencies.
import { Families } from "../families.ts";
import { listFolder, mustReadText, readNumber, readWord } from "../files.ts";
import type { HostCollector } from "./host-collector.ts";

/** The kernel shows these in hundredths of a second on every architecture that Node.js runs on (USER_HZ). */
const TICKS_PER_SECOND = 100;
const MODES = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"] as const;
const IDLE = MODES.indexOf("idle");
/** A processor that was offline starts its counters anew; a smaller step back is an error of the kernel's accounting. */
const RESTART_SECONDS = 3;

/** Time by mode. The kernel's idle and iowait can step back a little, which a counter must not. */
export function createCpu(): HostCollector {
  const before = new Map<string, number[]>();
  return {
    name: "cpu",
    read({ paths }) {
      const out = new Families();
      for (const line of mustReadText(`${paths.procfs}/stat`).split("\n")) {
        if (!line.startsWith("cpu") || line.startsWith("cpu ")) continue;
        const [name, ...fields] = line.split(" ");
        const cpu = name.slice(3);
        const seconds = forward(
          before.get(cpu),
          fields.map((field) => Number(field) / TICKS_PER_SECOND),
        );
        before.set(cpu, seconds);
        addTimes(out, cpu, seconds);
      }
      addThrottles(out, `${paths.sysfs}/devices/system/cpu`);
      return out;
    },
  };
}

function forward(before: readonly number[] | undefined, now: number[]): number[] {
  if (!before || before[IDLE] - now[IDLE] > RESTART_SECONDS) return now;
  return now.map((seconds, i) => Math.max(seconds, before[i] ?? 0));
}

function addTimes(out: Families, cpu: string, seconds: readonly number[]): void {
  MODES.forEach((mode, i) => {
    out.counter("node_cpu_seconds_total", "Seconds the CPUs spent in each mode.", seconds[i] ?? 0, { cpu, mode });
  });
  const help = "Seconds the CPUs spent in guests (VMs) for each mode.";
  out.counter("node_cpu_guest_seconds_total", help, seconds[8] ?? 0, { cpu, mode: "user" });
  out.counter("node_cpu_guest_seconds_total", help, seconds[9] ?? 0, { cpu, mode: "nice" });
}

/** Hyperthreads share the counters of their core, cores those of their package: each is told once. */
function addThrottles(out: Families, dir: string): void {
  const seen = new Set<string>();
  for (const cpu of cpuFolders(dir)) {
    const at = `${dir}/${cpu}`;
    const cores = readNumber(`${at}/thermal_throttle/core_throttle_count`);
    const packages = readNumber(`${at}/thermal_throttle/package_throttle_count`);
    if (cores === undefined && packages === undefined) continue;
    const of = readWord(`${at}/topology/physical_package_id`) ?? "";
    const core = readWord(`${at}/topology/core_id`) ?? "";
    if (cores !== undefined && !seen.has(`${of} ${core}`)) {
      const help = "Number of times this CPU core has been throttled.";
      out.counter("node_cpu_core_throttles_total", help, cores, { package: of, core });
    }
    if (packages !== undefined && !seen.has(of)) {
      const help = "Number of times this CPU package has been throttled.";
      out.counter("node_cpu_package_throttles_total", help, packages, { package: of });
    }
    seen.add(`${of} ${core}`).add(of);
  }
}

function cpuFolders(dir: string): readonly string[] {
  return (listFolder(dir) ?? []).filter((name) => /^cpu\d+$/.test(name));
}

const FREQUENCIES = [
  ["cpuinfo_cur_freq", "node_cpu_frequency_hertz", "Current CPU thread frequency in hertz."],
  ["cpuinfo_min_freq", "node_cpu_frequency_min_hertz", "Minimum CPU thread frequency in hertz."],
  ["cpuinfo_max_freq", "node_cpu_frequency_max_hertz", "Maximum CPU thread frequency in hertz."],
  ["scaling_cur_freq", "node_cpu_scaling_frequency_hertz", "Current scaled CPU thread frequency in hertz."],
  ["scaling_min_freq", "node_cpu_scaling_frequency_min_hertz", "Minimum scaled CPU thread frequency in hertz."],
  ["scaling_max_freq", "node_cpu_scaling_frequency_max_hertz", "Maximum scaled CPU thread frequency in hertz."],
] as const;

export const cpufreq: HostCollector = {
  name: "cpufreq",
  read({ paths }) {
    const out = new Families();
    const dir = `${paths.sysfs}/devices/system/cpu`;
    for (const name of cpuFolders(dir)) {
      const cpu = name.slice(3);
      const at = `${dir}/${name}/cpufreq`;
      for (const [file, metric, help] of FREQUENCIES) {
        const kilohertz = readNumber(`${at}/${file}`);
        if (kilohertz !== undefined) out.gauge(metric, help, kilohertz * 1000, { cpu });
      }
      const current = readWord(`${at}/scaling_governor`);
      const available = readWord(`${at}/scaling_available_governors`);
      if (current === undefined || !available) continue;
      for (const governor of available.split(/\s+/)) {
        const help = "Current enabled CPU frequency governor.";
        out.gauge("node_cpu_scaling_governor", help, governor === current ? 1 : 0, { cpu, governor });
      }
    }
    return out;
  },
};
