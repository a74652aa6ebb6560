import type { Clock } from "@storewatch/model";

/** Thrown out of a pause when the work is to end. */
export class Stopped extends Error {}

/** Holds work in slices back to a share of a core: after each slice it waits in proportion to what that took. */
export class Pacer {
  private sliceStartMs = 0;
  private stopped = false;

  constructor(
    private readonly clock: Pick<Clock, "monotonicMs" | "setTimer">,
    private readonly share: number,
  ) {}

  begin(): void {
    this.stopped = false;
    this.sliceStartMs = this.clock.monotonicMs();
  }

  stop(): void {
    this.stopped = true;
  }

  async pause(): Promise<void> {
    const spentMs = this.clock.monotonicMs() - this.sliceStartMs;
    const restMs = this.share >= 1 ? 0 : Math.min(5000, spentMs * (1 / this.share - 1));
    await new Promise<void>((resolve) => {
      if (restMs < 1) setImmediate(resolve);
      else this.clock.setTimer(restMs, resolve);
    });
    if (this.stopped) throw new Stopped("stopped");
    this.sliceStartMs = this.clock.monotonicMs();
  }
}
