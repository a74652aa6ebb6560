// Expensive values (a count over a big table) are read at most once in a while, and never while somebody waits for long.
import { type Clock, systemClock } from "../clock.ts";

export interface CachedOptions {
  readonly clock?: Clock;
  /** Told of a failed read; the last value stays. */
  readonly onError?: (error: unknown) => void;
}

/**
 * A function that gives `read`'s last value for `ttlMs`, then reads again. Callers at the same time share one read. When a
 * read fails the last value is given, for another `ttlMs`; before the first success that is undefined. Never rejects.
 */
export function cached<T>(
  read: () => T | Promise<T>,
  ttlMs: number,
  options: CachedOptions = {},
): () => Promise<T | undefined> {
  const clock = options.clock ?? systemClock;
  let value: T | undefined;
  let freshUntilMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<T | undefined> | undefined;
  const readNow = async () => {
    try {
      value = await read();
    } catch (error) {
      try {
        options.onError?.(error);
      } catch {
        // Told is told.
      }
    }
    freshUntilMs = clock.monotonicMs() + ttlMs;
    reading = undefined;
    return value;
  };
  return () => {
    if (clock.monotonicMs() < freshUntilMs) return Promise.resolve(value);
    reading ??= readNow();
    return reading;
  };
}
