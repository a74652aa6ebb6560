// Durations in Prometheus' spelling: 1y2w3d4h5m6s7ms, units in this order, each at most once.

const UNITS: ReadonlyArray<readonly [string, number]> = [
  ["y", 365 * 86_400_000],
  ["w", 7 * 86_400_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
];
const PATTERN = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** Milliseconds, or undefined when the text is no duration. "0" is one; a bare number otherwise is not. */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  if (text === "") return undefined;
  const match = PATTERN.exec(text);
  if (!match) return undefined;
  let ms = 0;
  UNITS.forEach(([, unitMs], i) => {
    ms += Number(match[i + 1] ?? 0) * unitMs;
  });
  // Go keeps durations in 64-bit nanoseconds: about 292 years.
  return ms <= 9_223_372_036_854 ? ms : undefined;
}

/** Prometheus' form: years and weeks only where the value is a whole number of them; "0s" for zero. */
export function formatDurationMs(ms: number): string {
  if (ms === 0) return "0s";
  let rest = Math.abs(ms);
  let text = ms < 0 ? "-" : "";
  for (const [unit, unitMs] of UNITS) {
    if ((unit === "y" || unit === "w") && rest % unitMs !== 0) continue;
    const count = Math.floor(rest / unitMs);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * unitMs;
  }
  return text;
}
