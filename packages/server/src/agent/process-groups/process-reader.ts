// One process from /proc/PID: what its files say.
import { listFolder, readLink, readText } from "../files.ts";

const TICKS_PER_SECOND = 100;

/** From /proc/PID/stat, which everybody may read. */
export interface ProcessStat {
  readonly comm: string;
  /** A letter: R, S, D, Z, … */
  readonly state: string;
  readonly minorFaults: number;
  readonly majorFaults: number;
  readonly userSeconds: number;
  readonly systemSeconds: number;
  readonly threads: number;
  /** Since the boot; with the PID it names a process for good. */
  readonly startSeconds: number;
  readonly virtualBytes: number;
}

/** Undefined: it ended. */
export function readStat(procfs: string, pid: string): ProcessStat | undefined {
  const text = readText(`${procfs}/${pid}/stat`);
  // `1 (name with ) and blanks) S 0 …`
  const open = text?.indexOf("(") ?? -1;
  const close = text?.lastIndexOf(")") ?? -1;
  if (text === undefined || open < 0 || close < 0) return undefined;
  const fields = text.slice(close + 2).split(" ");
  const number = (at: number) => Number(fields[at] ?? 0);
  return {
    comm: text.slice(open + 1, close),
    state: fields[0],
    minorFaults: number(7),
    majorFaults: number(9),
    userSeconds: number(11) / TICKS_PER_SECOND,
    systemSeconds: number(12) / TICKS_PER_SECOND,
    threads: number(17),
    startSeconds: number(19) / TICKS_PER_SECOND,
    virtualBytes: number(20),
  };
}

export function readCmdline(procfs: string, pid: string): string {
  return (readText(`${procfs}/${pid}/cmdline`) ?? "").replace(/\0+$/, "").replaceAll("\0", " ");
}

export function readExe(procfs: string, pid: string): string {
  return readLink(`${procfs}/${pid}/exe`) ?? "";
}

export interface ProcessDetails {
  readonly residentBytes: number;
  readonly swappedBytes: number;
  readonly voluntarySwitches: number;
  readonly nonvoluntarySwitches: number;
  /** Undefined where the agent may not look: processes of other users. */
  readonly io: { readonly readBytes: number; readonly writeBytes: number } | undefined;
  readonly files: { readonly open: number; readonly limit: number } | undefined;
}

export function readDetails(procfs: string, pid: string): ProcessDetails {
  const status = valuesOf(readText(`${procfs}/${pid}/status`) ?? "");
  const ioText = readText(`${procfs}/${pid}/io`);
  const io = ioText === undefined ? undefined : valuesOf(ioText);
  const of = (values: ReadonlyMap<string, number>, key: string) => values.get(key) ?? 0;
  const open = listFolder(`${procfs}/${pid}/fd`)?.length;
  const limit = /^Max open files\s+(\S+)/m.exec(readText(`${procfs}/${pid}/limits`) ?? "")?.[1];
  return {
    residentBytes: of(status, "VmRSS") * 1024,
    swappedBytes: of(status, "VmSwap") * 1024,
    voluntarySwitches: of(status, "voluntary_ctxt_switches"),
    nonvoluntarySwitches: of(status, "nonvoluntary_ctxt_switches"),
    io: io && { readBytes: of(io, "read_bytes"), writeBytes: of(io, "write_bytes") },
    files:
      open === undefined
        ? undefined
        : { open, limit: limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit) },
  };
}

/** Of `Key:   123 kB` lines. */
function valuesOf(text: string): ReadonlyMap<string, number> {
  return new Map(Array.from(text.matchAll(/^(\w+):\s+(\d+)/gm), ([, key, value]) => [key, Number(value)]));
}
