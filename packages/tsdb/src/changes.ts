// What was written when: tells a reader who keeps answers (a result cache) whether the samples behind them are still the
// same. Kept by the minute of the samples' times; nothing is kept for each series.
import type { Clock } from "@storewatch/model";
import type { ChangeView } from "./interface.ts";

const MINUTE_MS = 60_000;
/** About 2.8 days, one hour and a half of it ahead of the clock. */
const MINUTES = 4096;
const MINUTES_AHEAD = 96;
const RANGES_MAX = 64;

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
  readonly mark: number;
}

export class ChangeLog implements ChangeView {
  private current = 1;
  /** For each minute from `floor` on the mark of its newest write, at place minute % MINUTES. */
  private readonly marks = new Float64Array(MINUTES);
  private floor: number;
  /** The newest write to a minute before `floor`, and to one after the last that is kept. */
  private before = 0;
  private after = 0;
  /** Deletions and the like, the newest last. */
  private ranges: Range[] = [];
  private lastMinute = Number.NaN;

  constructor(private readonly clock: Pick<Clock, "nowMs">) {
    this.floor = this.floorNow();
  }

  mark(): number {
    return this.current++;
  }

  /** A sample of this time was written. */
  note(timeMs: number): void {
    const minute = Math.floor(timeMs / MINUTE_MS);
    if (minute !== this.lastMinute) this.moveTo(minute);
    if (minute < this.floor) this.before = this.current;
    else if (minute >= this.floor + MINUTES) this.after = this.current;
    else this.marks[minute % MINUTES] = this.current;
  }

  /** Samples in the range (inclusive) were taken away, or may now read otherwise. */
  noteRange(fromMs: number, toMs: number): void {
    this.ranges.push({ fromMs, toMs, mark: this.current });
    if (this.ranges.length <= RANGES_MAX) return;
    const [a, b] = this.ranges;
    const both = { fromMs: Math.min(a.fromMs, b.fromMs), toMs: Math.max(a.toMs, b.toMs), mark: b.mark };
    this.ranges = [both, ...this.ranges.slice(2)];
  }

  firstSince(mark: number, fromMs: number, toMs: number): number | undefined {
    const floorMs = this.floor * MINUTE_MS;
    let first = Number.POSITIVE_INFINITY;
    if (fromMs < floorMs && this.before > mark) first = fromMs;
    for (const range of this.ranges) {
      if (range.mark > mark && range.toMs >= fromMs && range.fromMs <= toMs)
        first = Math.min(first, Math.max(fromMs, range.fromMs));
    }
    const end = Math.min(Math.floor(toMs / MINUTE_MS), this.floor + MINUTES - 1);
    for (let minute = Math.max(this.floor, Math.floor(fromMs / MINUTE_MS)); minute <= end; minute++) {
      if (minute * MINUTE_MS >= first) break;
      if (this.marks[minute % MINUTES] > mark) {
        first = Math.max(fromMs, minute * MINUTE_MS);
        break;
      }
    }
    const endMs = (this.floor + MINUTES) * MINUTE_MS;
    if (toMs >= endMs && this.after > mark) first = Math.min(first, Math.max(fromMs, endMs));
    return first <= toMs ? first : undefined;
  }

  private floorNow(): number {
    return Math.floor(this.clock.nowMs() / MINUTE_MS) + MINUTES_AHEAD - MINUTES;
  }

  /** A sample from far in the future must not push what is kept away: only the clock moves it. */
  private moveTo(minute: number): void {
    this.lastMinute = minute;
    if (minute < this.floor + MINUTES) return;
    const floor = Math.max(this.floor, this.floorNow());
    const leaving = Math.min(floor - this.floor, MINUTES);
    for (let i = 0; i < leaving; i++) {
      const place = (this.floor + i) % MINUTES;
      this.before = Math.max(this.before, this.marks[place]);
      this.marks[place] = 0;
    }
    // What lay ahead may lie within now: each minute of it may have been written.
    if (floor > this.floor && this.after > 0) this.noteRange((this.floor + MINUTES) * MINUTE_MS, Number.MAX_VALUE);
    this.floor = floor;
  }
}
