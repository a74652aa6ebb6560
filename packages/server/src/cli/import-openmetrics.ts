// `storewatch import openmetrics FILE`: samples with times from a file of any size. They are sorted into days on disk first,
// since such files hold series after series, and the store is written time after time.
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Labels, Sample } from "@storewatch/model";
import { ProtoWriter } from "../collect/protobuf/writer.ts";
import { encodeWriteRequest } from "../collect/remote-write/encode-v1.ts";
import { BadLabels, labelsOfPairs } from "../collect/remote-write/series-cache.ts";
import { ExpositionError } from "../collect/scrape/exposition.ts";
import { OpenMetricsParser } from "../collect/scrape/openmetrics.ts";
import { createSafeHttp } from "../kernel/safe-http.ts";
import { addressOf, BackfillClient, type ServerFlags, sayTotal, serverToken } from "./import-server.ts";
import { type CommandContext, type ExitCode, UsageError } from "./output.ts";

export interface ImportOpenMetricsFlags extends ServerFlags {
  readonly tenant?: string;
}

const CHUNK_BYTES = 8 * 2 ** 20;
const DAY_MS = 86_400_000;
const EOF = Buffer.from("# EOF\n");
/** Of a day's file, read at once. */
const READ_BYTES = 64 * 2 ** 20;

export async function runImportOpenMetrics(
  file: string,
  flags: ImportOpenMetricsFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const server = addressOf(flags.server, "--server");
  const token = serverToken(flags, context);
  const dir = await mkdtemp(path.join(os.tmpdir(), "storewatch-import-"));
  const http = createSafeHttp();
  const days = new DayFiles(dir);
  try {
    const { samples, withoutTime } = await sortIntoDays(path.resolve(context.workingDir, file), file, days);
    context.out(`${samples} samples of ${days.list().length} days read\n`);
    if (withoutTime > 0) context.err(`storewatch: ${withoutTime} samples without a time left out\n`);
    const client = new BackfillClient(http, server, token, flags.tenant);
    for (const day of days.list()) {
      await days.read(day, (bytes) => client.write(bytes));
      context.out(`${new Date(day * DAY_MS).toISOString().slice(0, 10)}  ${client.total.written} samples\n`);
    }
    sayTotal(client.total, context);
    return client.total.refused + withoutTime > 0 ? 1 : 0;
  } finally {
    await days.close();
    await http.close();
    await rm(dir, { recursive: true, force: true });
  }
}

interface Counts {
  samples: number;
  withoutTime: number;
}

/** Throws UsageError with file and line for what is not OpenMetrics. */
async function sortIntoDays(file: string, shown: string, days: DayFiles): Promise<Counts> {
  const counts: Counts = { samples: 0, withoutTime: 0 };
  const handle = await openFile(file, shown);
  const parser = new OpenMetricsParser();
  let rest = Buffer.alloc(0);
  let lines = 0;
  try {
    for (let isLast = false; !isLast; ) {
      const more = Buffer.alloc(CHUNK_BYTES);
      const { bytesRead } = await handle.read(more, 0, CHUNK_BYTES);
      isLast = bytesRead < CHUNK_BYTES && bytesRead === 0;
      const all = Buffer.concat([rest, more.subarray(0, bytesRead)]);
      // Whole lines; the parser wants an end, which only the file's own end may be.
      const cut = isLast ? all.length : all.lastIndexOf(10) + 1;
      const hasEnd = all.subarray(0, cut).includes("\n# EOF") || all.subarray(0, 5).equals(EOF.subarray(0, 5));
      const page = isLast || hasEnd ? all.subarray(0, cut) : Buffer.concat([all.subarray(0, cut), EOF]);
      if (isLast && page.length === 0 && counts.samples > 0)
        throw new UsageError(`${shown}: data does not end with # EOF`);
      await days.add(readPage(parser, page, shown, lines, counts));
      if (hasEnd) return counts;
      lines += countLines(all, cut);
      rest = all.subarray(cut);
    }
    return counts;
  } finally {
    await handle.close();
  }
}

function readPage(
  parser: OpenMetricsParser,
  page: Buffer,
  shown: string,
  linesBefore: number,
  counts: Counts,
): Sample[] {
  const samples: Sample[] = [];
  const known = new Map<string, Labels>();
  parser.reset(page, page.length);
  try {
    for (let entry = parser.next(); entry.kind !== "end"; entry = parser.next()) {
      if (entry.kind !== "series") continue;
      if (entry.timeMs === undefined) {
        counts.withoutTime++;
        continue;
      }
      const text = page.toString("latin1", parser.entryAt, entry.valueAt);
      let labels = known.get(text);
      if (!labels) {
        labels = labelsOfPairs(["__name__", entry.series.metric, ...entry.series.labels.flat()]);
        known.set(text, labels);
      }
      samples.push({ labels, timeMs: entry.timeMs, value: entry.value });
      counts.samples++;
    }
  } catch (error) {
    if (error instanceof ExpositionError) {
      throw new UsageError(`${shown}:${linesBefore + error.line}:${error.column}: ${error.reason}`);
    }
    if (error instanceof BadLabels) throw new UsageError(`${shown}: ${error.message}`);
    throw error;
  }
  return samples;
}

function countLines(bytes: Buffer, end: number): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0 && at < end; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}

async function openFile(file: string, shown: string): Promise<FileHandle> {
  try {
    return await open(file, "r");
  } catch (error) {
    throw new UsageError(`cannot read ${shown}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A file of encoded series for each day. */
class DayFiles {
  private readonly handles = new Map<number, FileHandle>();

  constructor(private readonly dir: string) {}

  list(): number[] {
    return [...this.handles.keys()].sort((a, b) => a - b);
  }

  async add(samples: readonly Sample[]): Promise<void> {
    const byDay = new Map<number, Map<Labels, Sample[]>>();
    for (const sample of samples) {
      const day = Math.floor(sample.timeMs / DAY_MS);
      const series = byDay.get(day) ?? new Map<Labels, Sample[]>();
      byDay.set(day, series);
      const own = series.get(sample.labels);
      if (own) own.push(sample);
      else series.set(sample.labels, [sample]);
    }
    for (const [day, series] of byDay) {
      const out = new ProtoWriter(65_536);
      encodeWriteRequest(out, { samples: [...series.values()].flat() });
      await (await this.handleOf(day)).appendFile(out.view());
    }
  }

  /** The day's encoded series, in parts that end between two of them. */
  async read(day: number, take: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    const handle = await this.handleOf(day);
    const { size } = await handle.stat();
    for (let at = 0; at < size; ) {
      const bytes = Buffer.alloc(Math.min(READ_BYTES, size - at));
      await handle.read(bytes, 0, bytes.length, at);
      const whole = at + bytes.length === size ? bytes.length : wholeFields(bytes);
      await take(bytes.subarray(0, whole));
      at += whole;
    }
  }

  async close(): Promise<void> {
    for (const handle of this.handles.values()) await handle.close().catch(() => {});
  }

  private async handleOf(day: number): Promise<FileHandle> {
    let handle = this.handles.get(day);
    if (!handle) {
      handle = await open(path.join(this.dir, String(day)), "a+");
      this.handles.set(day, handle);
    }
    return handle;
  }
}

/** How many bytes are whole fields: each begins with its tag 0x0a and its length. */
function wholeFields(bytes: Buffer): number {
  let at = 0;
  for (;;) {
    let length = 0;
    let p = at + 1;
    for (let scale = 1; p < bytes.length; scale *= 128) {
      const byte = bytes[p++];
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    if (p + length > bytes.length) return at;
    at = p + length;
  }
}
