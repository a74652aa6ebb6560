// The head and the blocks on disk are cut along the same half hours: data of one window is sealed into one block. Half
// hours rather than hours: 1.48 against 1.74 KB of RssAnon per series at 100k series and 15 s, for 3 % more bytes on disk.
export const WINDOW_MS = 1_800_000;

/** The number of the window that holds this time: also the number of its block. */
export function windowOf(timeMs: number): number {
  return Math.floor(timeMs / WINDOW_MS);
}

export function windowStartMs(window: number): number {
  return window * WINDOW_MS;
}

/** The first ms after the window. */
export function windowEndMs(window: number): number {
  return (window + 1) * WINDOW_MS;
}
