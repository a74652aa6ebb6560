// When a group was evaluated and why: bounded, so that a replay can use the very same times.

export interface JournalEntry {
  readonly timeMs: number;
  readonly occasion: "tick" | "arrival";
}

/** At one evaluation a second this holds over an hour. */
const LIMIT = 4096;

/** A ring: the newest LIMIT evaluations of one group. */
export class EvaluationJournal {
  private readonly times = new Float64Array(LIMIT);
  private readonly arrivals = new Uint8Array(LIMIT);
  private count = 0;

  add(timeMs: number, occasion: "tick" | "arrival"): void {
    const at = this.count++ % LIMIT;
    this.times[at] = timeMs;
    this.arrivals[at] = occasion === "arrival" ? 1 : 0;
  }

  /** Oldest first, of the times in [fromMs, toMs]. */
  entries(fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY): JournalEntry[] {
    const found: JournalEntry[] = [];
    for (let i = Math.max(0, this.count - LIMIT); i < this.count; i++) {
      const timeMs = this.times[i % LIMIT];
      if (timeMs < fromMs || timeMs > toMs) continue;
      found.push({ timeMs, occasion: this.arrivals[i % LIMIT] === 1 ? "arrival" : "tick" });
    }
    return found;
  }
}
