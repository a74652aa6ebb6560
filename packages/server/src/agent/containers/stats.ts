// Files of a group → cAdvisor's families. A file that a group does not have (the root, a controller that is off) gives no series.
import { statSync } from "node:fs";
import type { Families } from "../families.ts";
import { readNumber, readText } from "../files.ts";
import type { LabelValues } from "../interface.ts";

const MICROSECONDS = 1e6;

/** cAdvisor's word for what the kernel calls `some` and `full`. */
const PRESSURES = [
  ["some", "waiting"],
  ["full", "stalled"],
] as const;

/** `name value` lines. */
function readFlat(file: string): ReadonlyMap<string, number> | undefined {
  const text = readText(file);
  if (text === undefined) return undefined;
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    const value = space < 0 ? Number.NaN : Number(line.slice(space + 1));
    if (!Number.isNaN(value)) values.set(line.slice(0, space), value);
  }
  return values;
}

/** Undefined: no such file. `max`, no limit, is 0 as in cAdvisor. */
function readLimit(file: string): number | undefined {
  const text = readText(file)?.trim();
  if (text === undefined || text === "") return undefined;
  const value = text === "max" ? 0 : Number(text);
  return Number.isNaN(value) ? undefined : value;
}

export function addCpu(out: Families, dir: string, labels: LabelValues): void {
  const stat = readFlat(`${dir}/cpu.stat`);
  if (!stat) return;
  const seconds = (key: string) => (stat.get(key) ?? 0) / MICROSECONDS;
  const usage = "Cumulative cpu time consumed in seconds.";
  out.counter("container_cpu_usage_seconds_total", usage, seconds("usage_usec"), { cpu: "total", ...labels });
  const user = "Cumulative user cpu time consumed in seconds.";
  out.counter("container_cpu_user_seconds_total", user, seconds("user_usec"), labels);
  const system = "Cumulative system cpu time consumed in seconds.";
  out.counter("container_cpu_system_seconds_total", system, seconds("system_usec"), labels);
  const [quota, period] = readText(`${dir}/cpu.max`)?.trim().split(" ") ?? [];
  if (period !== undefined) {
    out.gauge("container_spec_cpu_period", "CPU period of the container.", Number(period), labels);
    if (quota !== "max") {
      out.gauge("container_spec_cpu_quota", "CPU quota of the container.", Number(quota), labels);
      addThrottling(out, stat, seconds("throttled_usec"), labels);
    }
  }
  const weight = readNumber(`${dir}/cpu.weight`);
  if (weight !== undefined && weight > 0) {
    // The way back of the formula by which runtimes make weights of shares.
    const shares = Math.floor(2 + ((weight - 1) * 262142) / 9999);
    out.gauge("container_spec_cpu_shares", "CPU share of the container.", shares, labels);
  }
}

function addThrottling(
  out: Families,
  stat: ReadonlyMap<string, number>,
  throttledSeconds: number,
  labels: LabelValues,
): void {
  const periods = "Number of elapsed enforcement period intervals.";
  out.counter("container_cpu_cfs_periods_total", periods, stat.get("nr_periods") ?? 0, labels);
  const throttled = "Number of throttled period intervals.";
  out.counter("container_cpu_cfs_throttled_periods_total", throttled, stat.get("nr_throttled") ?? 0, labels);
  const duration = "Total time duration the container has been throttled.";
  out.counter("container_cpu_cfs_throttled_seconds_total", duration, throttledSeconds, labels);
}

export function addMemory(out: Families, dir: string, labels: LabelValues, hostUsageBytes?: number): void {
  const stat = readFlat(`${dir}/memory.stat`);
  // The root group has no memory.current.
  const usage = readNumber(`${dir}/memory.current`) ?? (stat && hostUsageBytes);
  if (!stat || usage === undefined) return;
  const gauge = (name: string, help: string, value: number | undefined) => {
    if (value !== undefined) out.gauge(`container_${name}`, help, value, labels);
  };
  const of = (key: string) => stat.get(key) ?? 0;
  gauge("memory_usage_bytes", "Current memory usage in bytes, including all memory.", usage);
  gauge("memory_working_set_bytes", "Current working set in bytes.", Math.max(0, usage - of("inactive_file")));
  gauge("memory_rss", "Size of RSS in bytes.", of("anon"));
  gauge("memory_cache", "Number of bytes of page cache memory.", of("file"));
  gauge("memory_mapped_file", "Size of memory mapped files in bytes.", of("file_mapped"));
  gauge("memory_kernel_usage", "Size of kernel memory allocated in bytes.", stat.get("kernel"));
  gauge("memory_total_active_file_bytes", "Current total active file in bytes.", of("active_file"));
  gauge("memory_total_inactive_file_bytes", "Current total inactive file in bytes.", of("inactive_file"));
  gauge("memory_max_usage_bytes", "Maximum memory usage recorded in bytes", readNumber(`${dir}/memory.peak`));
  gauge("memory_swap", "Container swap usage in bytes.", readNumber(`${dir}/memory.swap.current`));
  gauge("spec_memory_limit_bytes", "Memory limit for the container.", readLimit(`${dir}/memory.max`));
  const swapLimit = readLimit(`${dir}/memory.swap.max`);
  gauge("spec_memory_swap_limit_bytes", "Memory swap limit for the container.", swapLimit);
  const reservation = readLimit(`${dir}/memory.min`);
  gauge("spec_memory_reservation_limit_bytes", "Memory reservation limit for the container.", reservation);
  addMemoryEvents(out, dir, stat, labels);
}

function addMemoryEvents(out: Families, dir: string, stat: ReadonlyMap<string, number>, labels: LabelValues): void {
  const faults = "Cumulative count of memory allocation failures.";
  const faultTypes = [
    ["pgfault", "pgfault"],
    ["pgmajfault", "pgmajfault"],
  ] as const;
  for (const [failure_type, key] of faultTypes) {
    // The kernel counts what is below with it.
    const all = { failure_type, scope: "hierarchy", ...labels };
    out.counter("container_memory_failures_total", faults, stat.get(key) ?? 0, all);
  }
  const events = readFlat(`${dir}/memory.events`);
  if (!events) return;
  const failcnt = "Number of memory usage hits limits";
  out.counter("container_memory_failcnt", failcnt, events.get("max") ?? 0, labels);
  const oom = "Count of out of memory events observed for the container";
  out.counter("container_oom_events_total", oom, events.get("oom_kill") ?? 0, labels);
}

/** `device`: major:minor → name below /dev. */
export function addIo(out: Families, dir: string, labels: LabelValues, device: (numbers: string) => string): void {
  for (const line of readText(`${dir}/io.stat`)?.split("\n") ?? []) {
    const [numbers, ...pairs] = line.split(" ");
    if (!/^\d+:\d+$/.test(numbers)) continue;
    const values = new Map(pairs.map((pair) => pair.split("=") as [string, string]));
    const all = { device: device(numbers), ...labels };
    const counter = (name: string, help: string, key: string) =>
      out.counter(`container_fs_${name}`, help, Number(values.get(key) ?? 0), all);
    counter("reads_bytes_total", "Cumulative count of bytes read", "rbytes");
    counter("writes_bytes_total", "Cumulative count of bytes written", "wbytes");
    counter("reads_total", "Cumulative count of reads completed", "rios");
    counter("writes_total", "Cumulative count of writes completed", "wios");
  }
}

export function addProcesses(out: Families, dir: string, labels: LabelValues): void {
  const threads = readNumber(`${dir}/pids.current`);
  if (threads === undefined) return;
  out.gauge("container_threads", "Number of threads running inside the container", threads, labels);
  const limit = readLimit(`${dir}/pids.max`);
  if (limit === undefined) return;
  const help = "Maximum number of threads allowed inside the container, infinity if value is zero";
  out.gauge("container_threads_max", help, limit, labels);
}

export function addPressure(out: Families, dir: string, labels: LabelValues): void {
  for (const resource of ["cpu", "memory", "io"]) {
    const text = readText(`${dir}/${resource}.pressure`) ?? "";
    for (const [kind, word] of PRESSURES) {
      const total = new RegExp(`^${kind} .*total=(\\d+)`, "m").exec(text)?.[1];
      if (total === undefined) continue;
      const help = `Total time duration tasks in the container ${word === "waiting" ? "have waited" : "were stalled"} due to ${resource} congestion.`;
      const name = `container_pressure_${resource}_${word}_seconds_total`;
      out.counter(name, help, Number(total) / MICROSECONDS, labels);
    }
  }
}

/** When the group was made; undefined when it went away meanwhile. */
export function startSeconds(dir: string): number | undefined {
  try {
    return Math.floor(statSync(dir).ctimeMs / 1000);
  } catch {
    return undefined;
  }
}

const NETWORK: ReadonlyArray<readonly [column: number, name: string, help: string]> = [
  [0, "receive_bytes_total", "Cumulative count of bytes received"],
  [1, "receive_packets_total", "Cumulative count of packets received"],
  [2, "receive_errors_total", "Cumulative count of errors encountered while receiving"],
  [3, "receive_packets_dropped_total", "Cumulative count of packets dropped while receiving"],
  [8, "transmit_bytes_total", "Cumulative count of bytes transmitted"],
  [9, "transmit_packets_total", "Cumulative count of packets transmitted"],
  [10, "transmit_errors_total", "Cumulative count of errors encountered while transmitting"],
  [11, "transmit_packets_dropped_total", "Cumulative count of packets dropped while transmitting"],
];
/** Ends of the containers' own cables, which are counted on their side. */
const NOT_COUNTED = /^(lo$|veth|docker|nerdctl)/;

/** `file`: the /proc/<pid>/net/dev of a process in the network that is meant. */
export function addNetwork(out: Families, file: string, labels: LabelValues): void {
  for (const line of readText(file)?.split("\n") ?? []) {
    const match = /^\s*(\S+):\s*(.*)$/.exec(line);
    if (!match || NOT_COUNTED.test(match[1])) continue;
    const columns = match[2].trim().split(/\s+/);
    for (const [column, name, help] of NETWORK) {
      const value = Number(columns[column] ?? 0);
      out.counter(`container_network_${name}`, help, value, { interface: match[1], ...labels });
    }
  }
}
