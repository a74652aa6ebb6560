/** A window that is written to after its time to be sealed is kept open for so long after the last write … */
const QUIET_MS = 30_000;
/** … but no longer than this after the first one. */
const HELD_MS_MAX = 600_000;

interface Held {
  readonly firstMs: number;
  lastMs: number;
}

/**
 * History that is pushed in the order of its time (a sender that was cut off, an import) would find its windows sealed
 * under it: they wait until it has passed. Times are monotonic ms.
 */
export class LateWrites {
  private readonly windows = new Map<number, Held>();

  get isEmpty(): boolean {
    return this.windows.size === 0;
  }

  note(window: number, nowMs: number): void {
    const known = this.windows.get(window);
    if (known) known.lastMs = nowMs;
    else this.windows.set(window, { firstMs: nowMs, lastMs: nowMs });
  }

  /** Is the window to stay open for now? */
  holds(window: number, nowMs: number): boolean {
    const known = this.windows.get(window);
    return known !== undefined && nowMs - known.lastMs < QUIET_MS && nowMs - known.firstMs < HELD_MS_MAX;
  }

  /** The window, and those before it, are sealed. */
  forgetThrough(window: number): void {
    for (const known of this.windows.keys()) if (known <= window) this.windows.delete(known);
  }
}
