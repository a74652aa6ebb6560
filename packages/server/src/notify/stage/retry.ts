// One delivery: attempts with growing pauses until delivered, refused for good, or out of time.
import { type Clock, type NotificationData, sleep } from "@storewatch/model";
import type { DeliveryRecord, DeliveryResult, Integration } from "../interface.ts";

export interface RetryOptions {
  readonly clock: Clock;
  /** In [0, 1): spreads the retries of many groups. */
  readonly rng: () => number;
  /** Ends the delivery. */
  readonly signal: AbortSignal;
  /** After each attempt that will be followed by another. */
  readonly onRetry: (attempt: number, result: DeliveryResult) => void;
  /** Asked before each attempt, told of its end. */
  readonly gate?: Gate;
}

/** Lets attempts pass, or holds them back while the service is known to be down. */
export interface Gate {
  /** "again": it held this back, and what it says may be stale: start over. "aborted": the signal came first. */
  enter(signal: AbortSignal): Promise<"go" | "again" | "aborted">;
  report(result: DeliveryResult): void;
  /** Why it holds back. */
  readonly reason: string;
}

export interface Delivered {
  readonly result: DeliveryResult;
  readonly attempts: number;
  /** Held back and let go: to be delivered anew with what is true now. */
  readonly again?: boolean;
}

const FIRST_PAUSE_MS = 500;
const PAUSE_GROWTH = 1.5;
const PAUSE_MAX_MS = 60_000;
/** For integrations without a limit of their own: a service that hangs is given up, and asked again, within the flush. */
const ATTEMPT_MS = 60_000;
/** A receiver may not put us off for longer. */
const RETRY_AFTER_MAX_MS = 300_000;

export async function deliverWithRetry(
  integration: Integration,
  data: NotificationData,
  options: RetryOptions,
): Promise<Delivered> {
  const { gate, signal } = options;
  let pauseMs = FIRST_PAUSE_MS;
  let last: DeliveryResult | undefined;
  for (let attempts = 1; ; attempts++) {
    const pass = (await gate?.enter(signal)) ?? "go";
    if (pass !== "go") return { result: last ?? heldBack(gate), attempts: attempts - 1, again: pass === "again" };
    const result = await attempt(integration, data, options);
    gate?.report(result);
    if (result.outcome !== "retry") return { result, attempts };
    last = givenUp(result);
    if (signal.aborted) return { result: last, attempts };
    options.onRetry(attempts, result);
    // Jitter only lengthens: a receiver that needs half a second gets it.
    const ownMs = pauseMs * (1 + options.rng() / 2);
    const waitMs = Math.max(ownMs, Math.min(result.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS));
    pauseMs = Math.min(pauseMs * PAUSE_GROWTH, PAUSE_MAX_MS);
    try {
      await sleep(options.clock, waitMs, signal);
    } catch {
      return { result: last, attempts };
    }
  }
}

function heldBack(gate: Gate | undefined): DeliveryResult {
  return { outcome: "failed", reason: `held back: ${gate?.reason ?? ""}`, record: NOTHING_SENT };
}

function givenUp(result: DeliveryResult & { readonly outcome: "retry" }): DeliveryResult {
  return { outcome: "failed", reason: result.reason, record: result.record };
}

const NOTHING_SENT: DeliveryRecord = { target: "", subject: "", body: "", answer: "" };

/** Ends with the attempt's time or the delivery's, also when the integration does not listen to the signal. */
async function attempt(
  integration: Integration,
  data: NotificationData,
  options: RetryOptions,
): Promise<DeliveryResult> {
  const controller = new AbortController();
  const cutOff = new Promise<DeliveryResult>((resolve) => {
    controller.signal.addEventListener("abort", () => {
      const reason = String((controller.signal.reason as Error | undefined)?.message ?? "aborted");
      // A turn later, so that the integration's own account of it comes first.
      setImmediate(() => resolve({ outcome: "retry", reason, record: NOTHING_SENT }));
    });
  });
  const stop = () => controller.abort(options.signal.reason);
  options.signal.addEventListener("abort", stop, { once: true });
  if (options.signal.aborted) stop();
  const limitMs = integration.timeoutMs || ATTEMPT_MS;
  const timer = options.clock.setTimer(limitMs, () => controller.abort(new Error(`no answer within ${limitMs} ms`)));
  try {
    return await Promise.race([integration.send(data, controller.signal), cutOff]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { outcome: "failed", reason, record: NOTHING_SENT };
  } finally {
    timer.cancel();
    options.signal.removeEventListener("abort", stop);
  }
}
