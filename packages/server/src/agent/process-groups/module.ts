// Groups of processes, by the names of process-exporter (namedprocess_namegroup_*).
import { z } from "zod";
import { Families } from "../families.ts";
import { listFolder, readText } from "../files.ts";
import { type Collector, type CollectorDeps, collectorModule, type MetricFamily } from "../interface.ts";
import { type Candidate, groupNameOf, groupSchema, type ProcessGroup } from "./groups.ts";
import { type ProcessStat, readCmdline, readDetails, readExe, readStat } from "./process-reader.ts";

export const processGroupsModule = collectorModule({
  name: "process_groups",
  schema: z
    .array(groupSchema)
    .default([])
    .describe("Processes to watch as groups; the first that matches takes a process."),
  create: (groups, deps) => (groups.length > 0 ? [new ProcessGroups(groups, deps)] : []),
});

/** What only grows, in the order of COUNTERS. */
type Counts = number[];

const GROUPS_MAX = 1000;
const OTHER = "__other__";
const PREFIX = "namedprocess_namegroup_";
const COUNTERS: ReadonlyArray<readonly [name: string, labels: Readonly<Record<string, string>>, help: string]> = [
  ["cpu_seconds_total", { mode: "user" }, "Cpu usage in seconds"],
  ["cpu_seconds_total", { mode: "system" }, "Cpu usage in seconds"],
  ["minor_page_faults_total", {}, "Minor page faults"],
  ["major_page_faults_total", {}, "Major page faults"],
  ["context_switches_total", { ctxswitchtype: "voluntary" }, "Context switches"],
  ["context_switches_total", { ctxswitchtype: "nonvoluntary" }, "Context switches"],
  ["read_bytes_total", {}, "number of bytes read by this group"],
  ["write_bytes_total", {}, "number of bytes written by this group"],
];
const STATES: Readonly<Record<string, string>> = { R: "Running", S: "Sleeping", D: "Waiting", Z: "Zombie" };

interface Known {
  readonly startSeconds: number;
  /** Undefined: in no group. */
  readonly group: string | undefined;
  counts: Counts;
}

interface Group {
  readonly counts: Counts;
  now: Sums;
}

/** Sums over the processes of a group at this moment. */
class Sums {
  processes = 0;
  threads = 0;
  virtualBytes = 0;
  residentBytes = 0;
  swappedBytes = 0;
  openFiles = 0;
  worstFileRatio = 0;
  oldestStartSeconds = Number.POSITIVE_INFINITY;
  readonly states = new Map(["Running", "Sleeping", "Waiting", "Zombie", "Other"].map((state) => [state, 0]));
}

/**
 * The counters of a group go on when its processes come and go: each adds what it did since the last look, a new one all
 * it did. At the first look the counters start at 0 whatever the processes did before, so that a restart of the agent is no
 * burst.
 */
class ProcessGroups implements Collector {
  readonly name = "process_groups";
  private readonly groups = new Map<string, Group>();
  private known: ReadonlyMap<string, Known> | undefined;

  constructor(
    private readonly wanted: readonly ProcessGroup[],
    private readonly deps: CollectorDeps,
  ) {
    for (const { name } of wanted) if (name !== undefined) this.groupOf(name);
  }

  async collect(): Promise<readonly MetricFamily[]> {
    const { procfs } = this.deps.paths;
    for (const group of this.groups.values()) group.now = new Sums();
    const seen = new Map<string, Known>();
    for (const pid of listFolder(procfs) ?? []) {
      const stat = /^\d+$/.test(pid) ? readStat(procfs, pid) : undefined;
      if (stat) seen.set(pid, this.look(pid, stat));
    }
    this.known = seen;
    const bootSeconds = Number(/^btime (\d+)/m.exec(readText(`${procfs}/stat`) ?? "")?.[1] ?? 0);
    const out = new Families();
    for (const [name, group] of this.groups) addGroup(out, name, group, bootSeconds);
    return out.list();
  }

  private look(pid: string, stat: ProcessStat): Known {
    const { procfs } = this.deps.paths;
    const before = this.known?.get(pid);
    const isSame = before?.startSeconds === stat.startSeconds;
    const candidate: Candidate = {
      comm: stat.comm,
      exe: () => readExe(procfs, pid),
      cmdline: () => readCmdline(procfs, pid),
    };
    const group = isSame ? before.group : groupNameOf(this.wanted, candidate);
    if (group === undefined) return { startSeconds: stat.startSeconds, group, counts: [] };
    const details = readDetails(procfs, pid);
    const counts = [
      stat.userSeconds,
      stat.systemSeconds,
      stat.minorFaults,
      stat.majorFaults,
      details.voluntarySwitches,
      details.nonvoluntarySwitches,
      details.io?.readBytes ?? 0,
      details.io?.writeBytes ?? 0,
    ];
    const { counts: sums, now } = this.groupOf(group);
    const last = isSame ? before.counts : [];
    if (this.known) {
      counts.forEach((count, i) => {
        sums[i] += Math.max(0, count - (last[i] ?? 0));
      });
    }
    now.processes++;
    now.threads += stat.threads;
    now.virtualBytes += stat.virtualBytes;
    now.residentBytes += details.residentBytes;
    now.swappedBytes += details.swappedBytes;
    now.openFiles += details.files?.open ?? 0;
    now.worstFileRatio = Math.max(now.worstFileRatio, details.files ? details.files.open / details.files.limit : 0);
    now.oldestStartSeconds = Math.min(now.oldestStartSeconds, stat.startSeconds);
    const state = STATES[stat.state] ?? "Other";
    now.states.set(state, (now.states.get(state) ?? 0) + 1);
    return { startSeconds: stat.startSeconds, group, counts };
  }

  private groupOf(name: string): Group {
    const known = this.groups.get(name);
    if (known) return known;
    // Processes may call themselves anything.
    if (this.groups.size >= GROUPS_MAX && name !== OTHER) return this.groupOf(OTHER);
    const group = { counts: COUNTERS.map(() => 0), now: new Sums() };
    this.groups.set(name, group);
    return group;
  }
}

function addGroup(out: Families, groupname: string, { counts, now }: Group, bootSeconds: number): void {
  COUNTERS.forEach(([name, labels, help], i) => {
    out.counter(PREFIX + name, help, counts[i], { groupname, ...labels });
  });
  const gauge = (name: string, help: string, value: number, labels: Readonly<Record<string, string>> = {}) =>
    out.gauge(PREFIX + name, help, value, { groupname, ...labels });
  gauge("num_procs", "number of processes in this group", now.processes);
  gauge("num_threads", "Number of threads", now.threads);
  const memory = "number of bytes of memory in use";
  gauge("memory_bytes", memory, now.residentBytes, { memtype: "resident" });
  gauge("memory_bytes", memory, now.virtualBytes, { memtype: "virtual" });
  gauge("memory_bytes", memory, now.swappedBytes, { memtype: "swapped" });
  gauge("open_filedesc", "number of open file descriptors for this group", now.openFiles);
  gauge("worst_fd_ratio", "the worst (closest to 1) ratio between open fds and max fds", now.worstFileRatio);
  for (const [state, count] of now.states) gauge("states", "Number of processes in states", count, { state });
  if (now.processes === 0) return;
  const oldest = "start time in seconds since 1970/01/01 of oldest process in group";
  gauge("oldest_start_time_seconds", oldest, Math.floor(bootSeconds + now.oldestStartSeconds));
}
