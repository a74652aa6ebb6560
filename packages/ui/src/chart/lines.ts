// Pure preparation of chart data.

export type Values = readonly (number | null)[];

export interface NamedLine {
  readonly name: string;
  readonly values: Values;
}

/** Series with their own times → one common time axis, with null where a series has no point. */
export function alignSeries(
  series: ReadonlyArray<{ readonly timesMs: readonly number[]; readonly values: readonly number[] }>,
  axis?: { readonly fromMs: number; readonly toMs: number; readonly stepMs: number },
): { timesMs: number[]; values: (number | null)[][] } {
  const timesMs = axis ? regularTimes(axis) : unionTimes(series.map((one) => one.timesMs));
  const place = new Map(timesMs.map((time, i) => [time, i]));
  const values = series.map((one) => {
    const line: (number | null)[] = new Array(timesMs.length).fill(null);
    one.timesMs.forEach((time, i) => {
      const at = place.get(time);
      const value = one.values[i];
      if (at !== undefined && Number.isFinite(value)) line[at] = value;
    });
    return line;
  });
  return { timesMs, values };
}

function regularTimes({ fromMs, toMs, stepMs }: { fromMs: number; toMs: number; stepMs: number }): number[] {
  return Array.from({ length: Math.max(0, Math.floor((toMs - fromMs) / stepMs) + 1) }, (_, i) => fromMs + i * stepMs);
}

function unionTimes(all: readonly (readonly number[])[]): number[] {
  return [...new Set(all.flat())].sort((a, b) => a - b);
}

/** Running sums for stacked drawing; gaps count as nothing, a place where all are gaps stays one. */
export function stackLines(lines: readonly Values[], mode: "normal" | "percent"): (number | null)[][] {
  const length = lines[0]?.length ?? 0;
  const totals = Array.from({ length }, (_, i) => lines.reduce((sum, line) => sum + Math.abs(line[i] ?? 0), 0));
  const running: (number | null)[] = new Array(length).fill(null);
  return lines.map((line) => {
    const stacked: (number | null)[] = [];
    for (let i = 0; i < length; i++) {
      const value = line[i];
      if (value !== null) {
        const share = mode === "percent" ? (totals[i] === 0 ? 0 : value / totals[i]) : value;
        running[i] = (running[i] ?? 0) + share;
      }
      stacked.push(lines.every((other) => other[i] === null) ? null : (running[i] ?? 0));
    }
    return stacked;
  });
}

/** Beyond `limit` lines: the largest by their mean, and the sum of the others as one. */
export function foldOthers<L extends NamedLine>(
  lines: readonly L[],
  limit: number,
  othersName: (count: number) => string,
): (L | NamedLine)[] {
  if (lines.length <= limit) return [...lines];
  const size = (line: NamedLine) => meanOf(line.values) ?? Number.NEGATIVE_INFINITY;
  const sorted = [...lines].sort((a, b) => size(b) - size(a));
  const kept = new Set(sorted.slice(0, limit - 1));
  const rest = sorted.slice(limit - 1);
  const length = rest[0].values.length;
  const sum = Array.from({ length }, (_, i) => {
    const present = rest.filter((line) => line.values[i] !== null);
    return present.length === 0 ? null : present.reduce((total, line) => total + (line.values[i] ?? 0), 0);
  });
  return [...lines.filter((line) => kept.has(line)), { name: othersName(rest.length), values: sum }];
}

export function meanOf(values: Values): number | null {
  let sum = 0;
  let size = 0;
  for (const value of values) {
    if (value === null) continue;
    sum += value;
    size++;
  }
  return size === 0 ? null : sum / size;
}

export function lastOf(values: Values): number | null {
  for (let i = values.length - 1; i >= 0; i--) if (values[i] !== null) return values[i];
  return null;
}

/** The path of a sparkline within width × height, gaps left open. `floor` 0 keeps small changes small. */
export function sparklinePath(values: Values, width: number, height: number, floor: number | undefined = 0): string {
  const present = values.filter((value): value is number => value !== null);
  if (present.length === 0) return "";
  const min = Math.min(floor ?? Number.POSITIVE_INFINITY, ...present);
  const max = Math.max(...present);
  const range = max - min || 1;
  const x = (i: number) => (values.length < 2 ? 0 : (i / (values.length - 1)) * width);
  const y = (value: number) => height - ((value - min) / range) * height;
  let path = "";
  let open = false;
  values.forEach((value, i) => {
    if (value === null) {
      open = false;
      return;
    }
    path += `${open ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    open = true;
  });
  return path;
}
