// Running the store's slices between the turns of others.
import { QueryError } from "@storewatch/promql/engine";
import { type Slices, TooManySamples } from "@storewatch/tsdb";

export interface Turns {
  /** Resolves when it is this caller's turn again. */
  readonly next: () => Promise<void>;
  /** The caller has gone. */
  readonly signal?: AbortSignal;
}

/** The answer at once when it takes one slice only, and a promise of it when it takes more. */
export function runSlices<T>(slices: Slices<T>, turns: Turns): T | Promise<T> {
  const first = advance(slices);
  return first.done ? first.value : finish(slices, turns);
}

async function finish<T>(slices: Slices<T>, { next, signal }: Turns): Promise<T> {
  for (;;) {
    await next();
    if (signal?.aborted) throw new QueryError("canceled", "query was canceled in query execution");
    const step = advance(slices);
    if (step.done) return step.value;
  }
}

function advance<T>(slices: Slices<T>): IteratorResult<undefined, T> {
  try {
    return slices.next();
  } catch (error) {
    if (!(error instanceof TooManySamples)) throw error;
    throw new QueryError("limit", "query processing would load too many samples into memory in query execution");
  }
}

/** Items between two looks at the clock would cost more than they save: a run of this many is about 2 ms of comparing. */
const RUN = 2000;

/** Sorts as Array.sort does, with turns in between: runs, then merges of runs. */
export async function sortInTurns<T>(items: T[], compare: (a: T, b: T) => number, turns: Turns): Promise<T[]> {
  if (items.length <= RUN) return items.sort(compare);
  let runs: T[][] = [];
  for (let from = 0; from < items.length; from += RUN) {
    runs.push(items.slice(from, from + RUN).sort(compare));
    await turn(turns);
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let i = 0; i < runs.length; i += 2)
      merged.push(i + 1 < runs.length ? await merge(runs[i], runs[i + 1], compare, turns) : runs[i]);
    runs = merged;
  }
  return runs[0];
}

async function merge<T>(a: T[], b: T[], compare: (a: T, b: T) => number, turns: Turns): Promise<T[]> {
  const out: T[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    out.push(compare(a[i], b[j]) <= 0 ? a[i++] : b[j++]);
    if (out.length % (4 * RUN) === 0) await turn(turns);
  }
  while (i < a.length) out.push(a[i++]);
  while (j < b.length) out.push(b[j++]);
  return out;
}

async function turn({ next, signal }: Turns): Promise<void> {
  await next();
  if (signal?.aborted) throw new QueryError("canceled", "query was canceled in query execution");
}
