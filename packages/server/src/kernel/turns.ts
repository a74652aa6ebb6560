// Sharing the event loop: long computations hand it back every few milliseconds and wait here for their next turn.
// setImmediate alone would not do: all that wait run in the same round of the loop, so that twenty queries with slices of
// 10 ms each would keep a scrape or a health probe waiting for 200 ms.

export class Turns {
  private readonly urgent: Array<() => void> = [];
  private readonly patient: Array<() => void> = [];
  private isScheduled = false;

  /** Resolves in a later round of the event loop. One caller goes on in each round, urgent ones first. */
  next(isUrgent = false): Promise<void> {
    return new Promise((resolve) => {
      (isUrgent ? this.urgent : this.patient).push(resolve);
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      const go = this.urgent.shift() ?? this.patient.shift();
      // What is scheduled now runs in the next round, after input and output had theirs.
      if (this.urgent.length + this.patient.length > 0) this.schedule();
      go?.();
    });
  }
}
