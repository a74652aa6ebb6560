import type { Clock } from "@storewatch/model";
import { FetchError } from "./fetch-error.ts";

/** A request's time limit over all hops, and the caller's wish to stop. */
export class Deadline {
  private failure: Error | undefined;
  private onFailure: (error: Error) => void = () => {};
  private readonly timer: { cancel(): void };
  private readonly abort = () => this.fail(new FetchError("the scrape was called off"));

  constructor(
    timeoutMs: number,
    private readonly signal: AbortSignal,
    clock: Clock,
  ) {
    this.timer = clock.setTimer(timeoutMs, () =>
      this.fail(new FetchError(`no complete answer within the scrape timeout of ${timeoutMs / 1000} s`, "timeout")),
    );
    signal.addEventListener("abort", this.abort, { once: true });
    if (signal.aborted) this.abort();
  }

  /** Whom to tell; told at once when it is too late already. */
  watch(onFailure: (error: Error) => void): void {
    this.onFailure = onFailure;
    if (this.failure) onFailure(this.failure);
  }

  end(): void {
    this.timer.cancel();
    this.onFailure = () => {};
    this.signal.removeEventListener("abort", this.abort);
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.onFailure(this.failure);
  }
}
