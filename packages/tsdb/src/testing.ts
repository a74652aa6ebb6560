// Shared by the tests of this package.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bitsOf, isStaleAt, Labels, Matcher, type SeriesSamples } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { onTestFinished } from "vitest";
import { type Machinery, openTsdbOn } from "./database.ts";
import type { RowWriter, Tsdb, TsdbOptions, TsdbProblem } from "./interface.ts";

export const START_MS = 1_700_000_000_000 - (1_700_000_000_000 % 3_600_000);
export const EVERYTHING = [new Matcher("=~", "__name__", ".+")];

export function temporaryDir(): string {
  const path = mkdtempSync(join(tmpdir(), "storewatch-tsdb-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export interface Opened {
  readonly tsdb: Tsdb;
  readonly clock: FakeClock;
  readonly problems: TsdbProblem[];
}

export async function open(
  dataDir: string,
  options: Partial<TsdbOptions> = {},
  replaced: Partial<Machinery> = {},
): Promise<Opened> {
  const clock = (options.clock as FakeClock) ?? new FakeClock(START_MS);
  const problems: TsdbProblem[] = [];
  const onProblem = (problem: TsdbProblem) => problems.push(problem);
  const tsdb = await openTsdbOn({ dataDir, clock, retentionMs: 30 * 86_400_000, onProblem, ...options }, replaced);
  onTestFinished(() => tsdb.close().catch(() => {}));
  return { tsdb, clock, problems };
}

export function labels(name: string, more: Record<string, string> = {}): Labels {
  return Labels.from({ __name__: name, ...more });
}

/** "time value" per sample, "x" for a marker; times relative to START_MS in s. */
export function show(series: SeriesSamples | undefined): string {
  if (!series) return "none";
  const bits = bitsOf(series.values);
  return Array.from(series.timesMs, (time, i) => {
    const value = isStaleAt(bits, i) ? "x" : Object.is(series.values[i], -0) ? "-0" : String(series.values[i]);
    return `${(time - START_MS) / 1000}:${value}`;
  }).join(" ");
}

/** The whole content of the store as text. */
export function dump(tsdb: Tsdb, fromMs = 0, toMs = 2 ** 49): Record<string, string> {
  return Object.fromEntries(
    tsdb.select(EVERYTHING, fromMs, toMs, { sorted: true }).map((s) => [String(s.labels), show(s)]),
  );
}

/** One scrape: values by metric name; commits at START_MS + seconds. */
export function scrape(writer: RowWriter, seconds: number, values: Record<string, number>): boolean {
  writer.begin();
  for (const [name, value] of Object.entries(values)) {
    const column = writer.column(labels(name));
    writer.row[writer.base + column] = value;
  }
  return writer.commit(START_MS + seconds * 1000);
}
