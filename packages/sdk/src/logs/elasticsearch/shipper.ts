// Brings lines to the server: in batches, one request at a time, again and again while it is away, within bounds.
import { AsyncResource } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import type { Clock } from "../../clock.ts";
import { type Answer, answerOf, bulkBody, type Refused } from "./bulk.ts";
import { type BufferLimits, type Entry, LineBuffer, rankOf } from "./line-buffer.ts";
import type { Sender } from "./send.ts";

/** Why a line did not arrive. `full`: no room while the server was away; `refused`: the server does not take it as it is;
 * `expired`: the server put this very line off too often; `closed`: still here when the transport was closed. */
export type DropReason = "full" | "refused" | "expired" | "closed";

export interface ShippingStats {
  /** Lines that wait or are on their way. */
  readonly bufferedLines: number;
  readonly bufferedBytes: number;
  readonly deliveredLines: number;
  readonly failedRequests: number;
  readonly droppedLines: Readonly<Record<DropReason, number>>;
}

export interface ShipperParts {
  readonly clock: Clock;
  readonly sender: Sender;
  /** Told of what goes wrong, once for each reason; of a full buffer and an absent server again after lines arrived. */
  readonly warn: (problem: string) => void;
  /** Told of each loss: for a metric. */
  readonly dropped?: (reason: DropReason, lines: number) => void;
  /** From 0 to 1. */
  readonly random: () => number;
}

export interface ShipperOptions {
  readonly flushIntervalMs: number;
  readonly buffer: BufferLimits;
}

const BATCH: BufferLimits = { lines: 500, bytes: 1024 * 1024 };
const PAUSE_MIN_MS = 500;
const PAUSE_MAX_MS = 30_000;
/** While `flush` waits, a pause is no longer than this. */
const PAUSE_FLUSHING_MS = 250;
/** Halvings of a batch until the line that breaks it is alone. */
const SPLITS_WITHOUT_PAUSE = 10;
/** At least 5 minutes of pauses. */
const REFUSALS_MAX = 20;
/** What a waiting line takes beside its text. */
const ENTRY_BYTES = 200;

export class Shipper {
  private readonly options: ShipperOptions;
  private readonly parts: ShipperParts;
  private readonly buffer: LineBuffer;
  // Timers started in a request would hold its context, and its trace would get our requests.
  private readonly scope = new AsyncResource("StorewatchElasticsearch");
  private readonly idPrefix = randomBytes(9).toString("base64url");
  private sequence = 0;
  private timer: NodeJS.Timeout | undefined;
  private timerAtMs = Number.POSITIVE_INFINITY;
  private sending: Promise<void> | undefined;
  private closed = false;
  private flushing = 0;
  /** Requests in a row that brought nothing. */
  private failures = 0;
  /** Not before this, in monotonic milliseconds; the second for lines that the server put off. */
  private sendFromMs = 0;
  private putOffFromMs = 0;
  private putOffRounds = 0;
  private batchLines = BATCH.lines;
  private delivered = 0;
  private failedRequests = 0;
  private readonly dropped: Record<DropReason, number> = { full: 0, refused: 0, expired: 0, closed: 0 };
  private readonly told = new Set<string>();

  constructor(options: ShipperOptions, parts: ShipperParts) {
    this.options = options;
    this.parts = parts;
    this.buffer = new LineBuffer(options.buffer, () => this.drop("full", 1, "the buffer is full"));
  }

  /** Takes a line; returns at once. */
  add(line: { index: string; json: string; level: string }): void {
    if (this.closed) {
      this.drop("closed", 1, "the logger was closed");
      return;
    }
    this.sequence += 1;
    const { index, json, level } = line;
    this.buffer.push({
      sequence: this.sequence,
      id: `${this.idPrefix}-${this.sequence.toString(36)}`,
      index,
      json,
      bytes: Buffer.byteLength(json) + ENTRY_BYTES,
      rank: rankOf(level),
      refusals: 0,
    });
    if (this.sending !== undefined) return;
    const full = this.buffer.lines - this.buffer.putOffLines >= this.batchLines || this.buffer.bytes >= BATCH.bytes;
    this.wakeAt(this.parts.clock.monotonicMs() + (full ? 0 : this.options.flushIntervalMs));
  }

  stats(): ShippingStats {
    return {
      bufferedLines: this.buffer.lines,
      bufferedBytes: this.buffer.bytes,
      deliveredLines: this.delivered,
      failedRequests: this.failedRequests,
      droppedLines: { ...this.dropped },
    };
  }

  /** Sends what waits; resolves when nothing does any more or the time is over. Never rejects. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.buffer.lines === 0 || this.closed) return;
    const { clock } = this.parts;
    const untilMs = clock.monotonicMs() + timeoutMs;
    this.flushing += 1;
    try {
      this.sendFromMs = 0;
      this.putOffFromMs = 0;
      while (this.buffer.lines > 0 && !this.closed) {
        const leftMs = untilMs - clock.monotonicMs();
        if (leftMs <= 0) return;
        await within(this.sending ?? this.sendSoon(), leftMs);
      }
    } finally {
      this.flushing -= 1;
      this.schedule();
    }
  }

  /** Ends it: what has not arrived is counted as lost. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.timer);
    this.parts.sender.close();
    if (this.buffer.lines > 0) this.drop("closed", this.buffer.lines, "the logger was closed");
  }

  /** Waits out the pause (short while flushing), then sends. */
  private async sendSoon(): Promise<void> {
    const waitMs = this.nextAtMs() - this.parts.clock.monotonicMs();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    await this.sendBatch();
  }

  private nextAtMs(): number {
    const onlyPutOff = this.buffer.lines > 0 && this.buffer.lines === this.buffer.putOffLines;
    return onlyPutOff ? Math.max(this.sendFromMs, this.putOffFromMs) : this.sendFromMs;
  }

  private wakeAt(atMs: number): void {
    if (this.closed) return;
    const dueMs = Math.max(atMs, this.nextAtMs());
    if (this.timer !== undefined && this.timerAtMs <= dueMs) return;
    clearTimeout(this.timer);
    this.timerAtMs = dueMs;
    this.scope.runInAsyncScope(() => {
      this.timer = setTimeout(
        () => {
          this.timer = undefined;
          this.due();
        },
        Math.ceil(dueMs - this.parts.clock.monotonicMs()),
      );
      // A process that has nothing else to do may end; who wants the last lines calls flush.
      this.timer.unref();
    });
  }

  /** A pause may have begun after the timer was set: by a request of `flush`. */
  private due(): void {
    if (this.parts.clock.monotonicMs() < this.nextAtMs()) this.schedule();
    else void this.sendBatch();
  }

  /** At once while there is a batch's worth, else after the interval. */
  private schedule(): void {
    if (this.buffer.lines === 0 || this.sending !== undefined) return;
    const ready = this.buffer.lines - this.buffer.putOffLines;
    const waitMs = ready >= this.batchLines || this.failures > 0 ? 0 : this.options.flushIntervalMs;
    this.wakeAt(this.parts.clock.monotonicMs() + waitMs);
  }

  private sendBatch(): Promise<void> {
    this.sending ??= this.scope
      .runInAsyncScope(() => this.exchange())
      .finally(() => {
        this.sending = undefined;
        this.schedule();
      });
    return this.sending;
  }

  /** Never rejects. */
  private async exchange(): Promise<void> {
    const nowMs = this.parts.clock.monotonicMs();
    const batch = this.buffer.take({ lines: this.batchLines, bytes: BATCH.bytes }, nowMs >= this.putOffFromMs);
    if (batch.length === 0) return;
    let answer: Answer;
    try {
      answer = answerOf(await this.parts.sender.send(bulkBody(batch)), batch, this.parts.clock.wallMs());
    } catch (error) {
      answer = { kind: "retry", reason: error instanceof Error ? reasonOf(error) : String(error) };
    }
    if (this.closed) return;
    if (answer.kind === "items") this.sorted(answer, batch);
    else if (answer.kind === "retry") this.failed(batch, answer.reason, answer.afterMs);
    else this.split(batch, answer.reason);
  }

  private sorted(answer: Extract<Answer, { kind: "items" }>, batch: readonly Entry[]): void {
    this.buffer.done(answer.delivered);
    this.delivered += answer.delivered.length;
    this.refuse(answer.refused);
    const nobodyServed = answer.again.length === batch.length;
    if (!nobodyServed) this.arrived(answer.delivered.length);
    this.putOff(answer.again);
    if (nobodyServed) this.pause(undefined);
  }

  private arrived(lines: number): void {
    this.failures = 0;
    this.sendFromMs = 0;
    this.batchLines = Math.min(this.batchLines * 2, BATCH.lines);
    if (lines === 0) return;
    this.told.delete("unreachable");
    this.told.delete("full");
  }

  private putOff(entries: readonly Entry[]): void {
    if (entries.length === 0) {
      if (this.buffer.putOffLines === 0) this.putOffRounds = 0;
      return;
    }
    for (const entry of entries) entry.refusals += 1;
    const expired = entries.filter((entry) => entry.refusals > REFUSALS_MAX);
    if (expired.length > 0) {
      this.buffer.done(expired);
      this.drop("expired", expired.length, "the server put them off too often");
    }
    this.buffer.giveBack(entries.filter((entry) => entry.refusals <= REFUSALS_MAX));
    this.putOffRounds += 1;
    this.putOffFromMs = this.parts.clock.monotonicMs() + this.pauseMs(this.putOffRounds);
  }

  private failed(batch: readonly Entry[], reason: string, afterMs: number | undefined): void {
    this.buffer.giveBack(batch);
    this.pause(afterMs);
    // One broken connection is no news.
    if (this.failures > 1) this.warnOnce("unreachable", `log lines wait for Elasticsearch: ${reason}`);
  }

  /** Looks for the line that breaks the request by halving; alone, it is given up. */
  private split(batch: readonly Entry[], reason: string): void {
    const [only] = batch;
    if (batch.length === 1 && only !== undefined) this.refuse([{ entry: only, reason }]);
    else this.buffer.giveBack(batch);
    this.batchLines = Math.max(1, Math.floor(batch.length / 2));
    this.failures += 1;
    this.failedRequests += 1;
    // A server that refuses everything must not be asked line by line without a pause.
    const pauseMs = this.failures > SPLITS_WITHOUT_PAUSE ? this.pauseMs(this.failures - SPLITS_WITHOUT_PAUSE) : 0;
    this.sendFromMs = this.parts.clock.monotonicMs() + pauseMs;
  }

  private pause(afterMs: number | undefined): void {
    this.failures += 1;
    this.failedRequests += 1;
    const pauseMs = Math.max(this.pauseMs(this.failures), this.flushing > 0 ? 0 : (afterMs ?? 0));
    this.sendFromMs = this.parts.clock.monotonicMs() + pauseMs;
  }

  /** Doubles with each failure, between half of it and all of it at random: processes must not come back in step. */
  private pauseMs(failures: number): number {
    if (this.flushing > 0) return PAUSE_FLUSHING_MS;
    const fullMs = Math.min(PAUSE_MIN_MS * 2 ** Math.min(failures - 1, 16), PAUSE_MAX_MS);
    return fullMs * (0.5 + this.parts.random() / 2);
  }

  private refuse(refused: readonly Refused[]): void {
    const [first] = refused;
    if (first === undefined) return;
    this.buffer.done(refused.map(({ entry }) => entry));
    this.drop("refused", refused.length, `${first.reason} (index ${first.entry.index})`);
  }

  private drop(reason: DropReason, lines: number, why: string): void {
    this.dropped[reason] += lines;
    this.parts.dropped?.(reason, lines);
    this.warnOnce(reason, `log lines are lost on the way to Elasticsearch: ${why}`);
  }

  private warnOnce(key: string, problem: string): void {
    if (this.told.has(key)) return;
    this.told.add(key);
    this.parts.warn(problem);
  }
}

// `fetch`-like errors name the cause by a code; the message of several addresses tried at once is empty.
function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return error.message || code || error.name;
}

async function within(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}
