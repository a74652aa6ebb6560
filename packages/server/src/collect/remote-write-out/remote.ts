// One receiver: reads the log in rounds, splits each by series over parallel requests, and goes on when all have been
// answered. So a series' samples never overtake each other, and one place in the log tells what has been sent.
import path from "node:path";
import {
  type Clock,
  Labels,
  METRIC_NAME,
  type MetricMetadata,
  type Sample,
  sleep,
  type Timer,
} from "@storewatch/model";
import { removeFile } from "../../kernel/durable-file.ts";
import type { Logger } from "../../kernel/logger.ts";
import type { SafeHttp } from "../../kernel/safe-http.ts";
import { ConfiguredHttp } from "../http/configured-http.ts";
import type { RemoteWriteConfig } from "../prometheus-config.ts";
import { createRelabeller } from "../relabel.ts";
import { LogReader, type ReadBatch, type Relabel } from "./log-reader.ts";
import type { RemoteState, RemoteWriteMetrics } from "./metrics.ts";
import { PlaceFile } from "./place-file.ts";
import { type Content, type Outcome, type RequestDependencies, sendContent } from "./request.ts";
import type { LogPlace, SampleLog } from "./sample-log.ts";

export interface RemoteOptions {
  readonly config: RemoteWriteConfig;
  readonly externalLabels: Labels;
  readonly log: SampleLog;
  /** Where its place in the log is kept. */
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: RemoteWriteMetrics;
  readonly send: SafeHttp["request"];
  readonly userAgent: string;
  readonly metadata: () => ReadonlyMap<string, readonly MetricMetadata[]>;
  readonly random: () => number;
}

/** Samples of one round: some 40 MB. */
const ROUND_SAMPLES_MAX = 200_000;
/** Types are looked up anew so often. */
const METADATA_KEPT_MS = 30_000;
const COMPLAIN_EVERY_MS = 60_000;

export class Remote {
  private readonly abort = new AbortController();
  private readonly reader: LogReader;
  private readonly deps: RequestDependencies;
  private running: Promise<void> | undefined;
  private readonly placeFile: PlaceFile;
  private saved: LogPlace;
  private confirmed: LogPlace;
  /** Time of the oldest sample of the round that is on its way. */
  private unsentMs: number | undefined;
  private shards = 0;
  private metadataTimer: Timer | undefined;
  private families: ReadonlyMap<string, readonly MetricMetadata[]> = new Map();
  private familiesMs = Number.NEGATIVE_INFINITY;
  private complainedMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: RemoteOptions) {
    const { config, log, clock, metrics } = options;
    this.placeFile = new PlaceFile(this.file);
    const place = this.placeFile.read();
    // A place beyond the log is one in a log that was removed: what it waits for would never come.
    this.confirmed = place && place.segment <= log.end.segment ? place : log.end;
    this.saved = this.confirmed;
    this.reader = new LogReader(log, this.confirmed, relabelFor(config, options.externalLabels));
    const remote = config.name;
    this.deps = {
      config,
      http: new ConfiguredHttp(config.http, options.send, clock),
      clock,
      userAgent: options.userAgent,
      metadataOf: (labels) => this.metadataOf(labels.metricName),
      onRetry: (content, reason) => this.noteRetry(content, reason),
      onAttempt: (seconds) => metrics.duration.observe({ remote }, seconds),
      random: options.random,
    };
  }

  start(): void {
    this.running = this.run().catch((error: unknown) => {
      this.options.logger.error(
        { err: error, remote: this.options.config.name },
        "sending to a remote receiver broke off",
      );
    });
    if (this.options.config.metadata.send && this.options.config.version === "1.0") this.scheduleMetadata();
  }

  /** Samples that are on their way may be sent again by the next process. */
  async stop(): Promise<void> {
    this.abort.abort();
    this.metadataTimer?.cancel();
    await this.running;
    await this.reader.close();
    await this.save();
    await this.placeFile.close();
  }

  /** It is not in the configuration any more. */
  async forget(): Promise<void> {
    await this.stop();
    await removeFile(this.file);
  }

  /** All that is before this file has been sent. */
  get needsFrom(): number {
    return this.saved.segment;
  }

  get state(): RemoteState {
    const { clock, config } = this.options;
    const lagMs = this.unsentMs === undefined ? 0 : Math.max(0, clock.nowMs() - this.unsentMs);
    return { name: config.name, lagSeconds: lagMs / 1000, shards: this.shards };
  }

  private get file(): string {
    return path.join(this.options.dir, `${this.options.config.name.replace(/[^A-Za-z0-9_-]/g, "_")}.place`);
  }

  private async run(): Promise<void> {
    const { queue } = this.options.config;
    const roundMax = Math.min(ROUND_SAMPLES_MAX, queue.shardsMax * Math.max(queue.capacity, queue.samplesPerSendMax));
    const { signal } = this.abort;
    while (!signal.aborted) {
      const batch: ReadBatch = { samples: [], exemplars: [], dropped: 0 };
      await this.reader.read(batch, roundMax);
      if (batch.samples.length < queue.samplesPerSendMax) await this.waitForMore(batch, roundMax);
      if (signal.aborted) return;
      if (batch.dropped > 0) this.options.metrics.dropped.inc({ remote: this.options.config.name }, batch.dropped);
      if (!(await this.sendRound(batch))) return;
      this.confirmed = this.reader.position;
      await this.save();
    }
  }

  /** Waits for a full request, at most until the deadline; while there is nothing at all, for anything. */
  private async waitForMore(batch: ReadBatch, roundMax: number): Promise<void> {
    const { clock, config } = this.options;
    const { sendDeadlineMs, samplesPerSendMax } = config.queue;
    let deadlineMs = clock.monotonicMs() + sendDeadlineMs;
    while (!this.abort.signal.aborted && batch.samples.length < samplesPerSendMax) {
      const leftMs = deadlineMs - clock.monotonicMs();
      const isEmpty = batch.samples.length + batch.exemplars.length === 0;
      if (leftMs <= 0) {
        if (!isEmpty || this.confirmed.offset !== this.reader.position.offset) return;
        deadlineMs = clock.monotonicMs() + sendDeadlineMs;
        continue;
      }
      await this.dataOr(leftMs);
      await this.reader.read(batch, roundMax);
      if (isEmpty && batch.samples.length + batch.exemplars.length > 0)
        deadlineMs = clock.monotonicMs() + sendDeadlineMs;
    }
  }

  private async dataOr(ms: number): Promise<void> {
    const done = new AbortController();
    const stop = () => done.abort();
    const forget = this.options.log.onData(stop);
    this.abort.signal.addEventListener("abort", stop, { once: true });
    await sleep(this.options.clock, ms, done.signal).catch(() => {});
    forget();
    this.abort.signal.removeEventListener("abort", stop);
  }

  /** False when the process goes down before everything was answered. */
  private async sendRound(batch: ReadBatch): Promise<boolean> {
    const { config } = this.options;
    const { samplesPerSendMax, shardsMin, shardsMax, sampleAgeLimitMs } = config.queue;
    const oldestMs = sampleAgeLimitMs > 0 ? this.options.clock.nowMs() - sampleAgeLimitMs : Number.NEGATIVE_INFINITY;
    const wanted = batch.samples.filter((sample) => this.isWanted(sample, oldestMs));
    const exemplars = config.sendExemplars ? batch.exemplars : [];
    if (wanted.length + exemplars.length === 0) return true;
    this.unsentMs = wanted.reduce((oldest, { timeMs }) => Math.min(oldest, timeMs), Number.POSITIVE_INFINITY);
    const full = Math.ceil(wanted.length / samplesPerSendMax);
    this.shards = Math.max(1, Math.min(shardsMax, Math.max(shardsMin, full)));
    const shards = splitBySeries(wanted, this.shards);
    const done = await Promise.all(shards.map((samples, i) => this.sendShard(samples, i === 0 ? exemplars : [])));
    if (!done.every(Boolean)) return false;
    this.unsentMs = undefined;
    return true;
  }

  private isWanted(sample: Sample, oldestMs: number): boolean {
    if (sample.histogram && !this.options.config.sendNativeHistograms) return false;
    if (sample.timeMs >= oldestMs) return true;
    this.options.metrics.failed.inc({ remote: this.options.config.name, reason: "too_old" });
    return false;
  }

  private async sendShard(samples: readonly Sample[], exemplars: Content["exemplars"]): Promise<boolean> {
    const { samplesPerSendMax } = this.options.config.queue;
    for (let at = 0; at < samples.length || (at === 0 && exemplars.length > 0); at += samplesPerSendMax) {
      const content = { samples: samples.slice(at, at + samplesPerSendMax), exemplars: at === 0 ? exemplars : [] };
      const outcome = await sendContent(content, this.deps, this.abort.signal);
      this.note(content, outcome);
      if (outcome.kind === "stopped") return false;
    }
    return true;
  }

  private note(content: Content, outcome: Outcome): void {
    const { metrics, config, logger } = this.options;
    const remote = config.name;
    if (outcome.kind === "sent") {
      const histograms = content.samples.filter((sample) => sample.histogram).length;
      metrics.sent.inc({ remote, kind: "samples" }, content.samples.length - histograms);
      if (histograms > 0) metrics.sent.inc({ remote, kind: "histograms" }, histograms);
      if (content.exemplars.length > 0) metrics.sent.inc({ remote, kind: "exemplars" }, content.exemplars.length);
      if (content.metadata) metrics.sent.inc({ remote, kind: "metadata" }, content.metadata.size);
      metrics.bytes.inc({ remote }, outcome.bytes);
    } else if (outcome.kind === "refused") {
      metrics.failed.inc({ remote, reason: "refused" }, content.samples.length);
      logger.warn({ remote, reason: outcome.reason, samples: content.samples.length }, "a receiver refused samples");
    }
  }

  private noteRetry(content: Content, reason: string): void {
    const { metrics, config, logger, clock } = this.options;
    metrics.retried.inc({ remote: config.name }, content.samples.length);
    const nowMs = clock.monotonicMs();
    if (nowMs - this.complainedMs < COMPLAIN_EVERY_MS) return;
    this.complainedMs = nowMs;
    logger.warn({ remote: config.name, reason }, "a receiver does not take samples: they wait here");
  }

  private scheduleMetadata(): void {
    const { clock, config } = this.options;
    this.metadataTimer = clock.setTimer(config.metadata.intervalMs, () => {
      this.sendMetadata().finally(() => {
        if (!this.abort.signal.aborted) this.scheduleMetadata();
      });
    });
  }

  private async sendMetadata(): Promise<void> {
    const entries = [...this.options.metadata()].map(([family, [newest]]) => [family, newest] as const);
    const { perSendMax } = this.options.config.metadata;
    for (let at = 0; at < entries.length; at += perSendMax) {
      const metadata = new Map(entries.slice(at, at + perSendMax));
      const content = { samples: [], exemplars: [], metadata };
      const outcome = await sendContent(content, this.deps, this.abort.signal);
      this.note(content, outcome);
      if (outcome.kind === "stopped") return;
    }
  }

  /** Of the series of this name: its family may lack a suffix. */
  private metadataOf(metric: string): MetricMetadata | undefined {
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs - this.familiesMs > METADATA_KEPT_MS) {
      this.families = this.options.metadata();
      this.familiesMs = nowMs;
    }
    const family = metric.replace(/_(bucket|count|sum|total|created)$/, "");
    return (this.families.get(metric) ?? this.families.get(family))?.[0];
  }

  /** After each round, so that a process that was killed sends again only what had no answer. */
  private async save(): Promise<void> {
    try {
      await this.placeFile.write(this.confirmed);
      this.saved = this.confirmed;
    } catch (error) {
      this.options.logger.warn(
        { err: error, remote: this.options.config.name },
        "the place in the log cannot be saved",
      );
    }
  }
}

/** External labels first, where a series has none of the name; then the rules. Results are kept by the reader. */
function relabelFor(config: RemoteWriteConfig, externalLabels: Labels): Relabel {
  const relabeller = createRelabeller(config.relabel, config.nameScheme);
  const isPlain = config.relabel.length === 0 && externalLabels.size === 0;
  return (labels) => {
    if (isPlain) return labels;
    const map = new Map<string, string>([...externalLabels, ...labels]);
    if (!relabeller(map) || !map.get(METRIC_NAME)) return undefined;
    return Labels.fromEntries(map);
  };
}

/** The same series always in the same part, in order. */
function splitBySeries(samples: readonly Sample[], parts: number): Sample[][] {
  if (parts === 1) return [[...samples]];
  const placeOf = new Map<Labels, number>();
  const split: Sample[][] = Array.from({ length: parts }, () => []);
  let next = 0;
  for (const sample of samples) {
    let place = placeOf.get(sample.labels);
    if (place === undefined) {
      place = next++ % parts;
      placeOf.set(sample.labels, place);
    }
    split[place].push(sample);
  }
  return split.filter((part) => part.length > 0);
}
