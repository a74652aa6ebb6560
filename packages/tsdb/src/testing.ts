// Shared by the tests of this package.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bitsOf, isStaleAt, Labels, Matcher, type SeriesSamples } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { onTestFinished } from "vitest";
import { type Machinery, openTsdbOn } from "./database.ts";
import { type Disk, nodeDisk } from "./disk/disk.ts";
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
  options: Partial<TsdbOptions> & { retentionMs?: number } = {},
  replaced: Partial<Machinery> = {},
): Promise<Opened> {
  const clock = (options.clock as FakeClock) ?? new FakeClock(START_MS);
  const problems: TsdbProblem[] = [];
  const onProblem = (problem: TsdbProblem) => problems.push(problem);
  const retention = { default: { name: "default", timeMs: options.retentionMs ?? 30 * 86_400_000 } };
  // Most tests write ahead of their clock.
  const aheadMs = 2 ** 50;
  const tsdb = await openTsdbOn({ dataDir, clock, retention, onProblem, aheadMs, ...options }, replaced);
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

/** A disk that does as `fault` says: undefined lets the step pass. Steps count from 1, over all operations. */
export class FaultyDisk implements Disk {
  steps = 0;

  constructor(public fault: (step: number, operation: string) => Error | undefined) {}

  private check(operation: string): void {
    const error = this.fault(++this.steps, operation);
    if (error) throw error;
  }

  private async pass<T>(operation: string, run: () => Promise<T>): Promise<T> {
    this.check(operation);
    return run();
  }

  makeDir = (path: string) => this.pass("makeDir", () => nodeDisk.makeDir(path));
  list = (path: string) => this.pass("list", () => nodeDisk.list(path));
  read = (path: string) => this.pass("read", () => nodeDisk.read(path));
  truncate = (path: string, length: number) => this.pass("truncate", () => nodeDisk.truncate(path, length));
  rename = (from: string, to: string) => this.pass("rename", () => nodeDisk.rename(from, to));
  remove = (path: string) => this.pass("remove", () => nodeDisk.remove(path));
  freeBytes = (path: string) => nodeDisk.freeBytes(path);
  syncDir = (path: string) => this.pass("syncDir", () => nodeDisk.syncDir(path));

  create = (path: string) =>
    this.pass("create", async () => {
      const file = await nodeDisk.create(path);
      return {
        write: async (data: Uint8Array, position: number) => {
          const error = this.fault(++this.steps, "write");
          if (!error) return file.write(data.subarray(0, Math.ceil(data.length * 0.7)), position);
          // A failed write leaves half of the bytes behind.
          await file.write(data.subarray(0, data.length >>> 1), position);
          throw error;
        },
        sync: () => this.pass("sync", () => file.sync()),
        truncate: (length: number) => this.pass("truncate", () => file.truncate(length)),
        close: () => file.close(),
      };
    });
}

export function errorWithCode(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}
