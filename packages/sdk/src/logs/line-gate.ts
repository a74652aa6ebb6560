// Which lines are written at all: samples of verbose levels, and an end to floods. Errors and warnings always are.
import type { Clock } from "../clock.ts";
import { UNKNOWN_TENANT } from "../tenant/tenant-id.ts";

export interface LineGateOptions {
  /** Share of lines that are kept, by level, above 0 and at most 1: `{ debug: 0.1 }`. All lines of a request or none. */
  readonly sample?: Readonly<Record<string, number>>;
  /** Lines below a warning that one tenant may write in a second; 0 for no bound. Default 1000. */
  readonly maxLinesPerSecond?: number;
}

export interface AskedLine {
  readonly level: string;
  readonly tenantId: string | undefined;
  readonly requestId: string | undefined;
}

/** Kept, and for how many lines it stands (1 without sampling); or why it is not. */
export type Admission =
  | { readonly kept: false; readonly reason: "sampled" | "flood" }
  | { readonly kept: true; readonly oneIn: number };

/** What one tenant's floods lost. */
export interface LeftOut {
  readonly tenantId: string | undefined;
  readonly lines: number;
}

interface Second {
  startMs: number;
  lines: number;
  leftOut: number;
}

/** Levels that are never left out, in the words of winston (npm, syslog) and pino. */
const ALWAYS = new Set(["warn", "warning", "error", "crit", "critical", "alert", "emerg", "fatal"]);
const KEPT: Admission = { kept: true, oneIn: 1 };
const SECOND_MS = 1000;
/** Tenants whose seconds are kept; beyond it the oldest is forgotten, which at worst lets some lines through. */
const TENANTS_MAX = 2000;

export class LineGate {
  private readonly sample: ReadonlyMap<string, number>;
  private readonly maxLinesPerSecond: number;
  private readonly clock: Clock;
  private readonly random: () => number;
  private readonly seconds = new Map<string, Second>();

  /** @throws RangeError for a share that is none, or that of a level which is never left out. */
  constructor(options: LineGateOptions, parts: { clock: Clock; random: () => number }) {
    for (const [level, share] of Object.entries(options.sample ?? {})) {
      if (ALWAYS.has(level)) throw new RangeError(`sample.${level}: lines of this level are always kept`);
      if (!(share > 0 && share <= 1)) throw new RangeError(`sample.${level}: expected a share above 0, at most 1`);
    }
    this.sample = new Map(Object.entries(options.sample ?? {}));
    this.maxLinesPerSecond = options.maxLinesPerSecond ?? 1000;
    this.clock = parts.clock;
    this.random = parts.random;
  }

  ask({ level, tenantId, requestId }: AskedLine): Admission {
    if (ALWAYS.has(level)) return KEPT;
    const share = this.sample.get(level) ?? 1;
    if (share < 1 && !this.chosen(share, requestId)) return { kept: false, reason: "sampled" };
    const oneIn = share < 1 ? 1 / share : 1;
    if (this.maxLinesPerSecond <= 0) return { kept: true, oneIn };
    const second = this.secondOf(tenantId ?? UNKNOWN_TENANT);
    if (second.lines >= this.maxLinesPerSecond) {
      second.leftOut += 1;
      return { kept: false, reason: "flood" };
    }
    second.lines += 1;
    return { kept: true, oneIn };
  }

  /** What floods have lost since this was asked last. */
  takeLeftOut(): LeftOut[] {
    const taken: LeftOut[] = [];
    for (const [tenantId, second] of this.seconds) {
      if (second.leftOut === 0) continue;
      taken.push({ tenantId: tenantId === UNKNOWN_TENANT ? undefined : tenantId, lines: second.leftOut });
      second.leftOut = 0;
    }
    return taken;
  }

  /** Outside of requests each line is drawn by itself. */
  private chosen(share: number, requestId: string | undefined): boolean {
    return (requestId === undefined ? this.random() : hashShare(requestId)) < share;
  }

  private secondOf(tenantId: string): Second {
    const nowMs = this.clock.monotonicMs();
    let second = this.seconds.get(tenantId);
    if (second === undefined) {
      if (this.seconds.size >= TENANTS_MAX) this.seconds.delete(this.seconds.keys().next().value!);
      second = { startMs: nowMs, lines: 0, leftOut: 0 };
      this.seconds.set(tenantId, second);
    }
    if (nowMs - second.startMs >= SECOND_MS) {
      second.startMs = nowMs;
      second.lines = 0;
    }
    return second;
  }
}

/** A number from 0 to 1 that is always the same for a text, and evenly spread over texts (FNV-1a with a final mix). */
function hashShare(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
