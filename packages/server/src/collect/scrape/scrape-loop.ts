// One target, scrape after scrape: page in, row out. A bad page or no page is a row too: `up 0` and staleness markers.
import type { Clock, Labels, Sample, SeriesExemplar, TenantScope } from "@storewatch/model";
import type { AppendResult, ExemplarResult, RowWriter } from "@storewatch/tsdb";
import type { Logger } from "../../kernel/logger.ts";
import type { TargetStatus } from "../interface.ts";
import { ProtobufError } from "../protobuf/reader.ts";
import type { CollectMetrics, ScrapeOutcome } from "../self-metrics.ts";
import type { PageFormat } from "./content.ts";
import { ExpositionError } from "./exposition.ts";
import { FetchError } from "./fetch-error.ts";
import type { HistogramLimits } from "./histogram-limits.ts";
import type { FetchPage } from "./http-fetch.ts";
import { TargetMetadata } from "./metadata.ts";
import { BodyLimitError, type PageBuffer, type PageBufferPool } from "./page-buffer.ts";
import { type HistogramOptions, PageParser, type PageReader } from "./page-parser.ts";
import { NO_COUNTS, type PageCounts, PageTargets, type SeriesResolver } from "./page-targets.ts";
import { ProtobufPage } from "./protobuf-page.ts";
import { Schedule } from "./schedule.ts";
import { reportLabels } from "./series-resolver.ts";
import type { Target } from "./target.ts";

/** Parsing gives way to other work after about this many known lines: some 7 ms. */
const SLICE_LINES = 100_000;
/** A page without a limit of its own still has one: one target must not fill the memory. */
export const BODY_BYTES_MAX = 256 * 1024 * 1024;
/** Samples with a time further ahead than this are left out, as the peers do. */
const AHEAD_MS_MAX = 10 * 60_000;

/** What a job says about its scrapes, prepared. */
export interface ScrapeSettings {
  readonly fetch: FetchPage;
  readonly resolverFor: (target: Target) => SeriesResolver;
  readonly tenants: TenantScope;
  readonly honorTimestamps: boolean;
  readonly trackTimestampsStaleness: boolean;
  readonly compress: boolean;
  readonly extraMetrics: boolean;
  /** 0 means no limit. */
  readonly sampleLimit: number;
  readonly bodyLimitBytes: number;
  readonly histograms: HistogramOptions;
  readonly histogramLimits: HistogramLimits;
  /** Equal settings parse the same page into the same series. */
  readonly parseKey: string;
  /** Set when the whole job fails without asking: why. */
  readonly refusal: string | undefined;
}

export interface ScrapeLoopDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: CollectMetrics;
  readonly pages: PageBufferPool;
  readonly append: (samples: readonly Sample[]) => Promise<AppendResult>;
  readonly appendExemplars: (exemplars: readonly SeriesExemplar[]) => ExemplarResult;
  /** Lets the event loop turn. */
  readonly yieldTurn: () => Promise<void>;
}

/** Columns are given out anew when they are so many times those of the last page, and some more. */
const COMPACT_FACTOR = 2;
const COMPACT_COLUMNS_MIN = 100;

const REPORTS = [
  "up",
  "scrape_duration_seconds",
  "scrape_samples_scraped",
  "scrape_samples_post_metric_relabeling",
  "scrape_series_added",
] as const;
const EXTRA_REPORTS = ["scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes"] as const;

export class ScrapeLoop {
  readonly metadata = new TargetMetadata();
  private targets: PageTargets;
  /** Of the format that the last page was in; made at the first page. */
  private parser: { readonly format: PageFormat; readonly reader: PageReader } | undefined;
  private readonly schedule: Schedule;
  private readonly abort = new AbortController();
  private stopped = false;
  private running: Promise<void> | undefined;
  private lastRowMs = 0;
  private health: TargetStatus["health"] = "unknown";
  private lastError = "";
  private lastScrapeMs = 0;
  private lastDurationMs = 0;
  private lastSamples = 0;

  constructor(
    private readonly poolName: string,
    private target: Target,
    private settings: ScrapeSettings,
    private readonly writer: RowWriter,
    private readonly deps: ScrapeLoopDeps,
  ) {
    this.targets = this.createTargets();
    this.schedule = new Schedule(deps.clock, target.key, target.intervalMs, (timeMs) => {
      this.running = this.scrape(timeMs).finally(() => {
        this.running = undefined;
      });
      return this.running;
    });
  }

  start(firstWithinMs: number): void {
    this.schedule.start(firstWithinMs);
  }

  /** New settings for the same labels and URL: the rows go on, and the line cache where the result is the same. */
  update(target: Target, settings: ScrapeSettings): void {
    const same = settings.parseKey === this.settings.parseKey;
    this.target = target;
    this.settings = settings;
    if (!same) {
      this.targets = this.createTargets(this.targets);
      this.parser = undefined;
    }
    this.schedule.changeInterval(target.intervalMs);
  }

  /** Ends the loop; the series stay as they are, because the process goes down and comes back. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.schedule.stop();
    this.abort.abort();
    await this.running;
  }

  /** Ends the loop of a target that has gone: its series end now. */
  async retire(): Promise<void> {
    await this.stop();
    const timeMs = Math.max(this.deps.clock.nowMs(), this.lastRowMs + 1);
    const ended = this.targets.live(this.settings.trackTimestampsStaleness);
    this.writer.close(timeMs);
    if (ended.length > 0) await this.deps.append(ended.map((labels) => stale(labels, timeMs)));
  }

  get status(): TargetStatus {
    const { target } = this;
    return {
      scrapePool: this.poolName,
      scrapeUrl: target.url.href,
      labels: target.labels,
      discoveredLabels: target.discoveredLabels,
      health: this.health,
      lastError: this.lastError,
      lastScrapeMs: this.lastScrapeMs,
      lastDurationMs: this.lastDurationMs,
      intervalMs: target.intervalMs,
      timeoutMs: target.timeoutMs,
      lastSamples: this.lastSamples,
    };
  }

  private createTargets(before?: PageTargets): PageTargets {
    const { settings } = this;
    const options = {
      writer: this.writer,
      resolver: settings.resolverFor(this.target),
      sampleLimit: settings.sampleLimit || Number.POSITIVE_INFINITY,
      honorTimestamps: settings.honorTimestamps,
      histogramLimits: settings.histogramLimits,
    };
    return new PageTargets(options, before);
  }

  private readerFor(format: PageFormat): PageReader {
    if (this.parser?.format === format) return this.parser.reader;
    const { targets, metadata } = this;
    const { histograms } = this.settings;
    const reader =
      format === "protobuf"
        ? new ProtobufPage({ targets, metadata, histograms })
        : new PageParser({ targets, metadata, histograms, format });
    this.parser = { format, reader };
    return reader;
  }

  /** One scrape with the row's time. Never throws: what goes wrong is the target's state and a row of its own. */
  private async scrape(timeMs: number): Promise<void> {
    const { clock, pages } = this.deps;
    const startedMs = clock.monotonicMs();
    const page = pages.take();
    try {
      const failure = await this.tryScrape(page, timeMs, startedMs);
      if (failure !== undefined && !this.stopped) this.fail(failure, page, timeMs, startedMs);
    } catch (error) {
      // Ours or the store's: the loop goes on, the next scrape may well work.
      this.deps.logger.error({ err: error, target: this.target.url.href }, "scrape broke off");
      this.note(timeMs, startedMs, "down", String(error), "error");
    } finally {
      pages.give(page);
    }
  }

  /** The reason when the page could not be had or read. */
  private async tryScrape(page: PageBuffer, timeMs: number, startedMs: number): Promise<unknown> {
    const { settings, target, targets } = this;
    let reader: PageReader;
    try {
      if (settings.refusal !== undefined) throw new FetchError(settings.refusal, "limit");
      const format = await settings.fetch({
        url: target.url,
        timeoutMs: target.timeoutMs,
        page,
        bodyLimitBytes: settings.bodyLimitBytes || BODY_BYTES_MAX,
        compress: settings.compress,
        signal: this.abort.signal,
      });
      reader = this.readerFor(format);
      this.writer.begin();
      targets.startPage();
      reader.start(page);
      while (!reader.step(SLICE_LINES)) await this.deps.yieldTurn();
    } catch (error) {
      return error;
    }
    if (this.stopped) return undefined;
    const samples = this.ownSamples(timeMs);
    if (!this.writeRow(1, targets.counts, page, timeMs, startedMs)) {
      const message = "the store did not take the row: its time is not after the last one's, or the disk is full";
      this.note(timeMs, startedMs, "down", message, "refused");
      return undefined;
    }
    const exemplars = targets.takeExemplars(timeMs);
    targets.accept();
    reader.accept();
    this.count(targets.counts);
    if (samples.length > 0) await this.appendOwn(samples, timeMs);
    if (exemplars.length > 0) this.appendExemplars(exemplars);
    this.note(timeMs, startedMs, "up", "", "ok");
    this.compactRows();
    return undefined;
  }

  /** Series that come and go would fill the row for ever. */
  private compactRows(): void {
    const { writer, targets } = this;
    const live = targets.counts.kept + REPORTS.length + EXTRA_REPORTS.length;
    if (writer.columns < COMPACT_FACTOR * live + COMPACT_COLUMNS_MIN) return;
    const { epoch } = writer;
    writer.compact();
    if (writer.epoch === epoch) return;
    this.targets = this.createTargets(targets);
    this.parser = undefined;
  }

  private fail(failure: unknown, page: PageBuffer, timeMs: number, startedMs: number): void {
    const message = failure instanceof Error ? failure.message : String(failure);
    const read = isUnreadable(failure) ? this.targets.counts : NO_COUNTS;
    this.writer.begin();
    this.writeRow(0, { ...read, added: 0 }, page, timeMs, startedMs);
    this.endAll(timeMs);
    this.note(timeMs, startedMs, "down", message, outcomeOf(failure));
  }

  /** The series that tell of the scrape itself are cells of the same row. */
  private writeRow(up: number, counts: PageCounts, page: PageBuffer, timeMs: number, startedMs: number): boolean {
    const { writer, settings, target } = this;
    const seconds = (this.deps.clock.monotonicMs() - startedMs) / 1000;
    const values = [up, seconds, counts.scraped, counts.kept, counts.added];
    const names: string[] = [...REPORTS];
    if (settings.extraMetrics) {
      names.push(...EXTRA_REPORTS);
      values.push(target.timeoutMs / 1000, settings.sampleLimit, up === 1 ? page.length : 0);
    }
    const columns = names.map((name) => writer.column(reportLabels(name, target.labels, settings.tenants)));
    for (const [i, column] of columns.entries()) writer.row[writer.base + column] = values[i];
    const written = writer.commit(timeMs);
    if (written) {
      this.lastRowMs = timeMs;
      this.deps.metrics.samplesIngested.inc(values.length);
    }
    return written;
  }

  private count(counts: PageCounts): void {
    const { metrics } = this.deps;
    metrics.samplesIngested.inc(counts.kept - counts.own - counts.duplicates);
    if (counts.duplicates > 0) metrics.duplicates.inc(counts.duplicates);
    if (counts.broken > 0) metrics.brokenHistograms.inc(counts.broken);
  }

  /**
   * What goes the generic way: lines with times of their own, native histograms, and the staleness markers of such
   * series. Those with times get markers only where the job asks for them.
   */
  private ownSamples(timeMs: number): Sample[] {
    const samples = this.targets.takeSamples(timeMs);
    for (const labels of this.targets.vanished(this.settings.trackTimestampsStaleness)) {
      samples.push(stale(labels, timeMs));
    }
    return samples;
  }

  private appendExemplars(exemplars: readonly SeriesExemplar[]): void {
    const { appended, outOfOrder, tooLong } = this.deps.appendExemplars(exemplars);
    const { metrics } = this.deps;
    metrics.exemplarsIngested.inc(appended);
    if (outOfOrder + tooLong > 0) metrics.exemplarsRefused.inc(outOfOrder + tooLong);
  }

  /** The page could not be had: what it showed last has ended. */
  private endAll(timeMs: number): void {
    const ended = this.targets.live(this.settings.trackTimestampsStaleness);
    if (ended.length === 0) return;
    this.targets.ended();
    const markers = ended.map((labels) => stale(labels, timeMs));
    this.appendOwn(markers, timeMs).catch((error) =>
      this.deps.logger.error({ err: error, target: this.target.url.href }, "staleness markers were not written"),
    );
  }

  private async appendOwn(samples: readonly Sample[], nowMs: number): Promise<void> {
    const inTime = samples.filter((sample) => sample.timeMs <= nowMs + AHEAD_MS_MAX);
    const { metrics } = this.deps;
    // Duplicates are not counted: a target shows the same sample until it has a newer one.
    const result = await this.deps.append(inTime);
    metrics.samplesIngested.inc(result.appended);
    const outside = samples.length - inTime.length + result.tooOld;
    if (outside > 0) metrics.outOfBounds.inc(outside);
  }

  private note(timeMs: number, startedMs: number, health: "up" | "down", error: string, outcome: ScrapeOutcome): void {
    this.lastDurationMs = this.deps.clock.monotonicMs() - startedMs;
    this.lastScrapeMs = timeMs;
    this.lastSamples = health === "up" ? this.targets.counts.scraped : 0;
    if (health === "down" && this.health !== "down") {
      this.deps.logger.warn({ pool: this.poolName, url: this.target.url.href, error }, "scrape failed");
    } else if (health === "up" && this.health === "down") {
      this.deps.logger.info({ pool: this.poolName, url: this.target.url.href }, "scrape works again");
    }
    this.health = health;
    this.lastError = error;
    this.deps.metrics.scraped(outcome, this.lastDurationMs / 1000);
  }
}

const stale = (labels: Labels, timeMs: number): Sample => ({ labels, timeMs, value: Number.NaN, stale: true });

const isUnreadable = (failure: unknown): boolean =>
  failure instanceof ExpositionError || failure instanceof ProtobufError;

function outcomeOf(failure: unknown): ScrapeOutcome {
  if (isUnreadable(failure)) return "parse";
  if (failure instanceof BodyLimitError) return "limit";
  return failure instanceof FetchError ? failure.outcome : "error";
}
