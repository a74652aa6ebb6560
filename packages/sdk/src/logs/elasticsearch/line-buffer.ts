// Lines that wait for the server: bounded in number and bytes, whatever happens there.

export interface Entry {
  /** Grows with each line. */
  readonly sequence: number;
  readonly id: string;
  readonly index: string;
  /** The document as JSON. */
  readonly json: string;
  /** What it takes of the bound, in bytes. */
  readonly bytes: number;
  /** 0: errors; the higher, the sooner it goes when room is needed. */
  readonly rank: number;
  /** How often the server has put off this very line. */
  refusals: number;
}

const RANKS = new Map([
  ...["emerg", "fatal", "alert", "crit", "critical", "error"].map((level) => [level, 0] as const),
  ...["warning", "warn"].map((level) => [level, 1] as const),
  ...["http"].map((level) => [level, 3] as const),
  ...["verbose"].map((level) => [level, 4] as const),
  ...["debug"].map((level) => [level, 5] as const),
  ...["silly", "trace"].map((level) => [level, 6] as const),
]);
const RANK_OF_INFO = 2;
const RANK_COUNT = 7;

/** How soon a line of this level is given up; levels of one's own are kept like `info`. */
export function rankOf(level: string): number {
  return RANKS.get(level) ?? RANK_OF_INFO;
}

/** A queue whose front can be taken and given back; taking is O(1) on average. */
class Queue {
  private items: (Entry | undefined)[] = [];
  private head = 0;

  get first(): Entry | undefined {
    return this.items[this.head];
  }

  push(entry: Entry): void {
    this.items.push(entry);
  }

  shift(): Entry | undefined {
    const entry = this.items[this.head];
    if (entry === undefined) return undefined;
    // Else the text would stay in memory, uncounted, until the next tidying.
    this.items[this.head] = undefined;
    this.head += 1;
    if (this.head >= 1024 && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return entry;
  }

  giveBack(entries: readonly Entry[]): void {
    const waiting = this.items.slice(this.head).filter((entry) => entry !== undefined);
    this.items = [...entries, ...waiting].sort((a, b) => (a?.sequence ?? 0) - (b?.sequence ?? 0));
    this.head = 0;
  }
}

/** One queue for each rank; read in the order in which lines were written. */
class Lane {
  private readonly queues = Array.from({ length: RANK_COUNT }, () => new Queue());

  push(entry: Entry): void {
    this.queues[entry.rank]?.push(entry);
  }

  first(): Entry | undefined {
    let first: Entry | undefined;
    for (const queue of this.queues) {
      const entry = queue.first;
      if (entry !== undefined && (first === undefined || entry.sequence < first.sequence)) first = entry;
    }
    return first;
  }

  shift(rank: number): Entry | undefined {
    return this.queues[rank]?.shift();
  }

  giveBack(entries: readonly Entry[]): void {
    this.queues.forEach((queue, rank) => {
      const own = entries.filter((entry) => entry.rank === rank);
      if (own.length > 0) queue.giveBack(own);
    });
  }
}

export interface BufferLimits {
  readonly lines: number;
  readonly bytes: number;
}

/**
 * Lines in the order of writing. When full, the oldest line of the most verbose level goes, errors last. Lines that are on
 * their way count until they are `done`: what is in memory is what is bounded.
 * Lines that the server put off wait in a lane of their own, so that one tenant's closed index does not hold up the others.
 */
export class LineBuffer {
  private readonly limits: BufferLimits;
  private readonly dropped: (entry: Entry) => void;
  private readonly fresh = new Lane();
  private readonly putOff = new Lane();
  private putOffCount = 0;
  private lineCount = 0;
  private byteCount = 0;

  constructor(limits: BufferLimits, dropped: (entry: Entry) => void) {
    this.limits = limits;
    this.dropped = dropped;
  }

  get lines(): number {
    return this.lineCount;
  }

  get bytes(): number {
    return this.byteCount;
  }

  get putOffLines(): number {
    return this.putOffCount;
  }

  push(entry: Entry): void {
    this.lineCount += 1;
    this.byteCount += entry.bytes;
    this.fresh.push(entry);
    while (this.lineCount > this.limits.lines || this.byteCount > this.limits.bytes) if (!this.evict()) return;
  }

  /** The oldest lines within `limits`, at least one if there is any; put-off ones take up to half of them. */
  take(limits: BufferLimits, withPutOff: boolean): Entry[] {
    const batch: Entry[] = [];
    let bytes = 0;
    const fill = (lane: Lane, max: BufferLimits): void => {
      for (let entry = lane.first(); entry !== undefined; entry = lane.first()) {
        const fits = batch.length < max.lines && bytes + entry.bytes <= max.bytes;
        if (!fits && batch.length > 0) return;
        lane.shift(entry.rank);
        batch.push(entry);
        bytes += entry.bytes;
      }
    };
    if (withPutOff) {
      fill(this.putOff, { lines: Math.ceil(limits.lines / 2), bytes: limits.bytes / 2 });
      this.putOffCount -= batch.length;
    }
    fill(this.fresh, limits);
    return batch.sort((a, b) => a.sequence - b.sequence);
  }

  /** These lines are through, or given up: they no longer count. */
  done(entries: Iterable<Entry>): void {
    for (const entry of entries) {
      this.lineCount -= 1;
      this.byteCount -= entry.bytes;
    }
  }

  giveBack(entries: readonly Entry[]): void {
    const again = entries.filter((entry) => entry.refusals > 0);
    this.putOffCount += again.length;
    this.putOff.giveBack(again);
    this.fresh.giveBack(entries.filter((entry) => entry.refusals === 0));
  }

  /** False when everything left is on its way. */
  private evict(): boolean {
    for (let rank = RANK_COUNT - 1; rank >= 0; rank -= 1) {
      const again = this.putOff.shift(rank);
      if (again !== undefined) this.putOffCount -= 1;
      const entry = again ?? this.fresh.shift(rank);
      if (entry === undefined) continue;
      this.done([entry]);
      this.dropped(entry);
      return true;
    }
    return false;
  }
}
