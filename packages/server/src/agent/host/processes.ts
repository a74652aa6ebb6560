// Processes by state. It reads a file for each process, hence only when asked for.
import { Families } from "../families.ts";
import { listFolder, mustReadText, readText } from "../files.ts";
import type { HostCollector } from "./host-collector.ts";

export const processes: HostCollector = {
  name: "processes",
  byDefault: false,
  read({ paths }) {
    const states = new Map<string, number>();
    let pids = 0;
    let threads = 0;
    for (const pid of listFolder(paths.procfs) ?? []) {
      const text = /^\d+$/.test(pid) ? readText(`${paths.procfs}/${pid}/stat`) : undefined;
      if (text === undefined) continue;
      // `1 (name with ) and blanks) S 0 …`: the state is the first field behind the name, the threads the 18th.
      const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
      states.set(fields[0], (states.get(fields[0]) ?? 0) + 1);
      threads += Number(fields[17]);
      pids++;
    }
    const limit = (name: string) => Number(mustReadText(`${paths.procfs}/sys/kernel/${name}`));
    const out = new Families();
    for (const [state, count] of states) {
      out.gauge("node_processes_state", "Number of processes in each state.", count, { state });
    }
    out.gauge("node_processes_pids", "Number of PIDs", pids);
    out.gauge("node_processes_threads", "Allocated threads in system", threads);
    out.gauge("node_processes_max_processes", "Number of max PIDs limit", limit("pid_max"));
    out.gauge("node_processes_max_threads", "Limit of threads in the system", limit("threads-max"));
    return out;
  },
};
