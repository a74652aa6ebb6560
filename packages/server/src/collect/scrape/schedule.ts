// When a target is asked: every interval at its own place within it, on a grid that a restart finds again.
import type { Clock, Timer } from "@storewatch/model";
import { spread } from "./target.ts";

/** A row's time is the grid's when the scrape came at most this late: even steps read and compress better. */
const TOLERANCE_MS = 20;

export class Schedule {
  private timer: Timer | undefined;
  private nextMs = 0;
  private stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly key: string,
    private intervalMs: number,
    /** One run; the next is planned when it has ended, so that runs never overlap. */
    private readonly run: (timeMs: number) => Promise<void>,
  ) {}

  /** The first run comes soon, at the key's place within `firstWithinMs`; the grid takes over from there. */
  start(firstWithinMs: number): void {
    const delayMs = spread(this.key, Math.min(firstWithinMs, this.intervalMs));
    this.nextMs = this.clock.nowMs() + delayMs;
    this.plan();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  changeInterval(intervalMs: number): void {
    if (intervalMs === this.intervalMs) return;
    this.intervalMs = intervalMs;
    if (!this.timer) return;
    this.timer.cancel();
    this.nextMs = this.onGrid(this.clock.nowMs());
    this.plan();
  }

  private plan(): void {
    // Never longer than an interval: the wall clock may have been set back.
    const delayMs = Math.min(this.nextMs - this.clock.nowMs(), this.intervalMs);
    this.timer = this.clock.setTimer(delayMs, () => void this.tick());
  }

  private async tick(): Promise<void> {
    this.timer = undefined;
    const lateMs = this.clock.nowMs() - this.nextMs;
    const tolerated = Math.min(TOLERANCE_MS, this.intervalMs / 100);
    // Timers fire early by a little, and by more while time waits for a wall clock that was set back. A row must not be
    // ahead of the clock: an alert that it ends would be taken for one that ends later, and not be told as resolved.
    if (lateMs < 0 && lateMs > -this.intervalMs) {
      this.plan();
      return;
    }
    await this.run(Math.round(Math.abs(lateMs) <= tolerated ? this.nextMs : this.clock.nowMs()));
    if (this.stopped) return;
    this.nextMs = this.onGrid(this.clock.nowMs());
    this.plan();
  }

  /** The first time of the grid after `afterMs`. */
  private onGrid(afterMs: number): number {
    const place = spread(this.key, this.intervalMs);
    return (Math.floor((afterMs - place) / this.intervalMs) + 1) * this.intervalMs + place;
  }
}
