// Alerts that change between firing and resolved too often. They are marked until they have been calm for a while.
import { formatDurationMs } from "@storewatch/model";
import type { CalmConfig } from "../../config/calm.ts";
import type { Transition } from "./transition.ts";

export interface FlapMark {
  readonly fingerprint: string;
  readonly sinceMs: number;
  readonly lastChangeMs: number;
  /** Within the window before the last change, counted to 101. */
  readonly changes: number;
}

/** One more than the configuration can allow. */
const TIMES_MAX = 101;

interface Changes {
  /** Within the window, oldest first. */
  times: number[];
  mark: FlapMark | undefined;
}

export class FlapTracker {
  /** Of alerts that changed within the window or are marked: others need no memory. */
  private readonly alerts = new Map<string, Changes>();

  constructor(private settings: CalmConfig["flap"]) {}

  configure(settings: CalmConfig["flap"]): void {
    this.settings = settings;
    if (!settings) this.alerts.clear();
  }

  restore(mark: FlapMark): void {
    if (this.settings) this.alerts.set(mark.fingerprint, { times: [mark.lastChangeMs], mark });
  }

  /** Takes what a report changed; true when the alert flaps from now on. */
  observe(fingerprint: string, transitions: readonly Transition[]): boolean {
    const { settings } = this;
    if (!settings || transitions.length === 0) return false;
    const known = this.alerts.get(fingerprint) ?? { times: [], mark: undefined };
    this.alerts.set(fingerprint, known);
    const lastChangeMs = transitions[transitions.length - 1].atMs;
    const since = lastChangeMs - settings.windowMs;
    known.times = [...known.times, ...transitions.map(({ atMs }) => atMs)]
      .filter((atMs) => atMs > since)
      .slice(-TIMES_MAX);
    const changes = known.times.length;
    const before = known.mark && this.isCalm(known.mark, lastChangeMs) ? undefined : known.mark;
    if (!before && changes <= settings.changes) {
      known.mark = undefined;
      return false;
    }
    known.mark = { fingerprint, sinceMs: before?.sinceMs ?? lastChangeMs, lastChangeMs, changes };
    return before === undefined;
  }

  /** undefined: it does not flap, or is calm again. */
  markOf(fingerprint: string, nowMs: number): FlapMark | undefined {
    const mark = this.alerts.get(fingerprint)?.mark;
    return mark && !this.isCalm(mark, nowMs) ? mark : undefined;
  }

  /** Latest change first. */
  marks(nowMs: number): FlapMark[] {
    return [...this.alerts.values()]
      .flatMap(({ mark }) => (mark && !this.isCalm(mark, nowMs) ? [mark] : []))
      .sort((a, b) => b.lastChangeMs - a.lastChangeMs);
  }

  /** Forgets alerts without recent changes; returns the fingerprints of those that were marked. */
  sweep(nowMs: number): string[] {
    const calm: string[] = [];
    for (const [fingerprint, { times, mark }] of this.alerts) {
      if (mark && !this.isCalm(mark, nowMs)) continue;
      if (mark) calm.push(fingerprint);
      else if (times[times.length - 1] > nowMs - (this.settings?.windowMs ?? 0)) continue;
      this.alerts.delete(fingerprint);
    }
    return calm;
  }

  calmAtMs(mark: FlapMark): number {
    return mark.lastChangeMs + (this.settings?.calmForMs ?? 0);
  }

  /** How many alerts it remembers. */
  get size(): number {
    return this.alerts.size;
  }

  private isCalm(mark: FlapMark, nowMs: number): boolean {
    return nowMs >= this.calmAtMs(mark);
  }

  /** What people are told. */
  sentence(mark: FlapMark): string {
    const { changes, windowMs, calmForMs } = this.settings ?? { changes: 0, windowMs: 0, calmForMs: 0 };
    return (
      `Flapping: more than ${changes} changes between firing and resolved within ${formatDurationMs(windowMs)}` +
      ` (since ${new Date(mark.sinceMs).toISOString()}). You are told again when it has not changed for` +
      ` ${formatDurationMs(calmForMs)}.`
    );
  }
}
