// `storewatch import prometheus URL`: the samples of a Prometheus by remote read, slice of time by slice, oldest first.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { type Matcher, type MatchOperator, METRIC_NAME, parseDurationMs } from "@storewatch/model";
import { ParseError, parseMetricSelector } from "@storewatch/promql/parser";
import { ProtobufReader } from "../collect/protobuf/reader.ts";
import { snappyCompress, snappyDecompress } from "../collect/protobuf/snappy.ts";
import { ProtoWriter } from "../collect/protobuf/writer.ts";
import { systemClock } from "../kernel/clock.ts";
import { removeFile, replaceFile } from "../kernel/durable-file.ts";
import { createSafeHttp, type SafeHttp } from "../kernel/safe-http.ts";
import { addressOf, BackfillClient, readSecret, type ServerFlags, sayTotal, serverToken } from "./import-server.ts";
import { type CommandContext, type ExitCode, UsageError } from "./output.ts";

export interface ImportPrometheusFlags extends ServerFlags {
  readonly from?: string;
  readonly to?: string;
  readonly match: readonly string[];
  readonly tenant?: string;
  readonly bearerTokenFile?: string;
  /** Begins anew instead of going on where the last run ended. */
  readonly restart?: boolean;
}

const HOUR_MS = 3_600_000;
/** Slices grow and shrink between these, aligned to their length, so that blocks are written once. */
const SLICE_MIN_MS = HOUR_MS / 2;
const SLICE_MAX_MS = 24 * HOUR_MS;
/** Of an answer, decompressed: more and the next slice is shorter, less and it is longer. */
const ANSWER_BYTES_HIGH = 64 * 2 ** 20;
const ANSWER_BYTES_LOW = 8 * 2 ** 20;
const ANSWER_BYTES_MAX = 512 * 2 ** 20;
const TIMEOUT_MS = 10 * 60_000;
const DEFAULT_HISTORY_MS = 30 * 24 * HOUR_MS;

export async function runImportPrometheus(
  url: string,
  flags: ImportPrometheusFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const source = addressOf(url, "the Prometheus' URL");
  const matchers = (flags.match.length > 0 ? flags.match : [`{${METRIC_NAME}!=""}`]).map(selector);
  const nowMs = systemClock.nowMs();
  const toMs = flags.to === undefined ? nowMs : timeOf(flags.to, "--to", nowMs);
  const fromFlag = flags.from === undefined ? undefined : timeOf(flags.from, "--from", nowMs);
  const server = addressOf(flags.server, "--server");
  const token = serverToken(flags, context);
  const bearer = flags.bearerTokenFile && readSecret(path.resolve(context.workingDir, flags.bearerTokenFile));
  const http = createSafeHttp();
  try {
    const reader = new RemoteReader(http, source, bearer, matchers);
    const progress = new Progress(context, source, flags);
    const fromMs = progress.doneMs ?? fromFlag ?? (await reader.oldestMs()) ?? nowMs - DEFAULT_HISTORY_MS;
    if (fromMs >= toMs) {
      context.out("nothing is left to import\n");
      return 0;
    }
    if (progress.doneMs !== undefined) context.out(`going on at ${iso(fromMs)}\n`);
    const client = new BackfillClient(http, server, token, flags.tenant);
    await copy(reader, client, fromMs, toMs, progress, context);
    await progress.finish();
    sayTotal(client.total, context);
    return client.total.refused > 0 ? 1 : 0;
  } finally {
    await http.close();
  }
}

async function copy(
  reader: RemoteReader,
  client: BackfillClient,
  fromMs: number,
  toMs: number,
  progress: Progress,
  context: CommandContext,
): Promise<void> {
  const startedMs = systemClock.monotonicMs();
  let sliceMs = 4 * SLICE_MIN_MS;
  for (let at = fromMs; at < toMs; ) {
    const untilMs = Math.min(toMs, (Math.floor(at / sliceMs) + 1) * sliceMs);
    let bytes = 0;
    try {
      for (const result of await reader.read(at, untilMs - 1)) {
        bytes += result.length;
        await client.write(result);
      }
    } catch (error) {
      if (!(error instanceof TooMuch) || sliceMs <= SLICE_MIN_MS) throw error;
      sliceMs /= 2;
      continue;
    }
    at = untilMs;
    await progress.done(at);
    const seconds = Math.max(0.001, (systemClock.monotonicMs() - startedMs) / 1000);
    const share = Math.round((100 * (at - fromMs)) / (toMs - fromMs));
    const rate = Math.round(client.total.written / seconds);
    context.out(`${iso(at)}  ${share} %  ${client.total.written} samples, ${rate}/s\n`);
    if (bytes > ANSWER_BYTES_HIGH) sliceMs = Math.max(SLICE_MIN_MS, sliceMs / 2);
    else if (bytes < ANSWER_BYTES_LOW) sliceMs = Math.min(SLICE_MAX_MS, sliceMs * 2);
  }
}

/** The slice holds more than the other side gives at once. */
class TooMuch extends Error {}

class RemoteReader {
  constructor(
    private readonly http: SafeHttp,
    private readonly base: string,
    private readonly bearer: string | undefined,
    private readonly queries: readonly (readonly Matcher[])[],
  ) {}

  /** Encoded series of each query. Bounds inclusive. Throws TooMuch. */
  async read(fromMs: number, toMs: number): Promise<Uint8Array[]> {
    const out = new ProtoWriter();
    for (const matchers of this.queries) {
      out.message(1, (query) => {
        query.int(1, fromMs).int(2, toMs);
        for (const { operator, name, value } of matchers) {
          query.message(3, (one) => {
            one.uint(1, OPERATORS.indexOf(operator)).string(2, name).string(3, value);
          });
        }
      });
    }
    const answer = await this.http.request({
      method: "POST",
      url: `${this.base}/api/v1/read`,
      headers: {
        ...this.headers(),
        "content-type": "application/x-protobuf",
        "content-encoding": "snappy",
        "x-prometheus-remote-read-version": "0.1.0",
      },
      body: snappyCompress(out.view()),
      timeoutMs: TIMEOUT_MS,
      bodyLimitBytes: ANSWER_BYTES_MAX,
      origin: "operator",
    });
    if (answer.status !== 200) {
      const text = answer.body.toString("utf8").trim().slice(0, 300);
      if (/exceeded sample limit|too many|too large/i.test(text)) throw new TooMuch(text);
      throw new Error(`${new URL(this.base).origin} answered ${answer.status}: ${text}`);
    }
    return results(snappyDecompress(answer.body, ANSWER_BYTES_MAX));
  }

  /** When its oldest sample was, where it tells. */
  async oldestMs(): Promise<number | undefined> {
    const query = encodeURIComponent("min(prometheus_tsdb_lowest_timestamp_seconds)");
    const request = { url: `${this.base}/api/v1/query?query=${query}`, headers: this.headers() } as const;
    const answer = await this.http.request({ ...request, origin: "operator" });
    if (answer.status !== 200) return undefined;
    try {
      const { data } = JSON.parse(answer.body.toString("utf8")) as {
        readonly data?: { readonly result?: readonly { readonly value?: readonly [number, string] }[] };
      };
      const seconds = Number(data?.result?.[0]?.value?.[1]);
      return seconds > 0 ? Math.floor(seconds * 1000) : undefined;
    } catch {
      return undefined;
    }
  }

  private headers(): Record<string, string> {
    return this.bearer ? { authorization: `Bearer ${this.bearer}` } : {};
  }
}

const OPERATORS: readonly MatchOperator[] = ["=", "!=", "=~", "!~"];

/** ReadResponse { results 1: { timeseries 1 } }: a result is encoded just as a write request is. */
function results(bytes: Uint8Array): Uint8Array[] {
  const reader = new ProtobufReader(bytes);
  const found: Uint8Array[] = [];
  while (reader.next(reader.end)) {
    if (reader.field === 1) found.push(reader.byteField());
    else reader.skip();
  }
  return found;
}

/** How far it has come, beside the command, so that a broken import goes on. */
class Progress {
  readonly doneMs: number | undefined;
  private readonly file: string;
  private readonly key: string;

  constructor(context: CommandContext, source: string, flags: ImportPrometheusFlags) {
    const { server, match, from, to, tenant } = flags;
    const parts = [source, server, [...match].sort(), from, to, tenant];
    this.key = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 12);
    this.file = path.join(context.workingDir, `storewatch-import-${this.key}.json`);
    if (flags.restart || !existsSync(this.file)) return;
    try {
      const { doneMs } = JSON.parse(readFileSync(this.file, "utf8")) as { readonly doneMs?: unknown };
      if (typeof doneMs === "number") this.doneMs = doneMs;
    } catch {
      // Damaged: it begins anew, which is harmless.
    }
  }

  async done(untilMs: number): Promise<void> {
    await replaceFile(this.file, `${JSON.stringify({ version: 1, doneMs: untilMs })}\n`);
  }

  async finish(): Promise<void> {
    await removeFile(this.file);
  }
}

function selector(text: string): readonly Matcher[] {
  try {
    return parseMetricSelector(text);
  } catch (error) {
    if (error instanceof ParseError) throw new UsageError(`--match ${text}: ${error.message}`);
    throw error;
  }
}

/** RFC 3339, seconds since the epoch, or a duration before now: `30d`. */
function timeOf(text: string, flag: string, nowMs: number): number {
  const before = parseDurationMs(text);
  const ms =
    before !== undefined ? nowMs - before : /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (!Number.isFinite(ms))
    throw new UsageError(`${flag} ${text}: expected a time such as 2026-01-31T00:00:00Z or 30d`);
  return Math.floor(ms);
}

function iso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
