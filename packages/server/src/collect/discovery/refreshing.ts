// A list that is asked for anew at an interval.
import type { Clock, Timer } from "@storewatch/model";
import type { TargetGroup } from "../prometheus-config.ts";
import type { Discovery, OnGroups } from "./interface.ts";

/** Until the first list is there it is asked for more often: without one there are no targets at all. */
const FIRST_RETRY_MS = 5000;

export interface RefreshingOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  /** The list; undefined: nothing changed. What it throws keeps the last list. */
  readonly read: (signal: AbortSignal) => Promise<readonly TargetGroup[] | undefined>;
  readonly onProblem: (message: string) => void;
}

export function refreshing(options: RefreshingOptions): Discovery {
  const abort = new AbortController();
  let timer: Timer | undefined;
  let hasList = false;
  const run = async (onGroups: OnGroups) => {
    try {
      const groups = await options.read(abort.signal);
      if (groups && !abort.signal.aborted) {
        hasList = true;
        onGroups(groups);
      }
    } catch (error) {
      if (!abort.signal.aborted) options.onProblem(error instanceof Error ? error.message : String(error));
    }
    if (abort.signal.aborted) return;
    const delayMs = hasList ? options.intervalMs : Math.min(FIRST_RETRY_MS, options.intervalMs);
    timer = options.clock.setTimer(delayMs, () => void run(onGroups));
  };
  return {
    start: (onGroups) => void run(onGroups),
    stop() {
      abort.abort();
      timer?.cancel();
    },
  };
}
