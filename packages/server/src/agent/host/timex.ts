// How well the clock is kept (adjtimex). Node.js has no way to that system call, so that a short program of an interpreter
// which nearly every Linux has makes it: perl (a part of Debian's base), else python3.
import { execFile } from "node:child_process";
import os from "node:os";
import { promisify } from "node:util";
import { Families } from "../families.ts";
import { NothingToCollect } from "../interface.ts";
import type { HostCollector } from "./host-collector.ts";

const run = promisify(execFile);

/** Number of adjtimex, by `process.arch`. */
const SYSCALLS: Readonly<Record<string, number>> = { x64: 159, arm64: 171, riscv64: 171, ppc64: 124, s390x: 124 };
const STRUCT_BYTES = 208;
const PYTHON = "import ctypes;b=ctypes.create_string_buffer(208);r=ctypes.CDLL(None).adjtimex(b);print(r,b.raw.hex())";
const TIME_ERROR = 5;
const STATUS_NANO = 0x2000;
/** Frequencies are parts per million with 16 binary digits behind the point. */
const PPM_16 = 1e6 * 65_536;

/** An interpreter costs 2 ms of CPU; the clock's state changes over minutes. */
const CACHE_MS = 60_000;

export const timex: HostCollector = {
  name: "timex",
  cacheMs: CACHE_MS,
  read: async ({ signal }) => timexFamilies(await callAdjtimex(signal)),
};

interface Adjtimex {
  readonly state: number;
  /** `struct timex` of a 64-bit kernel. */
  readonly bytes: Buffer;
}

async function callAdjtimex(signal: AbortSignal): Promise<Adjtimex> {
  const number = SYSCALLS[process.arch];
  const perl = `$b="\\0"x${STRUCT_BYTES};$r=syscall(${number},$b);print "$r ",unpack("H*",$b)`;
  const programs: Array<[string, readonly string[]]> = [
    ...(number === undefined ? [] : [["perl", ["-e", perl]] satisfies [string, readonly string[]]]),
    ["python3", ["-c", PYTHON]],
  ];
  for (const [program, argv] of programs) {
    try {
      const { stdout } = await run(program, argv, { signal, env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
      const [state, hex] = stdout.trim().split(" ");
      const bytes = Buffer.from(hex ?? "", "hex");
      if (Number(state) >= 0 && bytes.length === STRUCT_BYTES) return { state: Number(state), bytes };
    } catch {
      if (signal.aborted) throw signal.reason;
    }
  }
  throw new NothingToCollect("adjtimex needs perl or python3");
}

/** Exported for its test. */
export function timexFamilies({ state, bytes }: Adjtimex): Families {
  const isLittle = os.endianness() === "LE";
  const long = (at: number) => Number(isLittle ? bytes.readBigInt64LE(at) : bytes.readBigInt64BE(at));
  const int = (at: number) => (isLittle ? bytes.readInt32LE(at) : bytes.readInt32BE(at));
  const status = int(40);
  const perSecond = status & STATUS_NANO ? 1e9 : 1e6;
  const out = new Families();
  const gauge = (name: string, help: string, value: number) => out.gauge(`node_timex_${name}`, help, value);
  const counter = (name: string, help: string, value: number) => out.counter(`node_timex_${name}`, help, value);
  gauge("sync_status", "Is clock synchronized to a reliable server (1 = yes, 0 = no).", state === TIME_ERROR ? 0 : 1);
  gauge("offset_seconds", "Time offset in between local system and reference clock.", long(8) / perSecond);
  gauge("frequency_adjustment_ratio", "Local clock frequency adjustment.", 1 + long(16) / PPM_16);
  gauge("maxerror_seconds", "Maximum error in seconds.", long(24) / 1e6);
  gauge("estimated_error_seconds", "Estimated error in seconds.", long(32) / 1e6);
  gauge("status", "Value of the status array bits.", status);
  gauge("loop_time_constant", "Phase-locked loop time constant.", long(48));
  gauge("tick_seconds", "Seconds between clock ticks.", long(88) / 1e6);
  gauge("pps_frequency_hertz", "Pulse per second frequency.", long(96) / PPM_16);
  gauge("pps_jitter_seconds", "Pulse per second jitter.", long(104) / perSecond);
  gauge("pps_shift_seconds", "Pulse per second interval duration.", int(112));
  gauge("pps_stability_hertz", "Pulse per second stability, average of recent frequency changes.", long(120) / PPM_16);
  counter("pps_jitter_total", "Pulse per second count of jitter limit exceeded events.", long(128));
  counter("pps_calibration_total", "Pulse per second count of calibration intervals.", long(136));
  counter("pps_error_total", "Pulse per second count of calibration errors.", long(144));
  counter("pps_stability_exceeded_total", "Pulse per second count of stability limit exceeded events.", long(152));
  gauge("tai_offset_seconds", "International Atomic Time (TAI) offset.", int(160));
  return out;
}
