// Remote write, out: the log, and a sender for each receiver of the Prometheus file.
import { rm } from "node:fs/promises";
import path from "node:path";
import type { Clock, Labels, MetricMetadata, Sample, SeriesExemplar, TenantScope } from "@storewatch/model";
import type { AppendResult, RowWriter } from "@storewatch/tsdb";
import type { Registry } from "prom-client";
import type { Logger } from "../../kernel/logger.ts";
import type { SafeHttp } from "../../kernel/safe-http.ts";
import type { RemoteWriteConfig } from "../prometheus-config.ts";
import { RemoteWriteMetrics } from "./metrics.ts";
import { Remote } from "./remote.ts";
import { SampleLog } from "./sample-log.ts";
import { TappedRows } from "./tap.ts";

export interface RemoteWriterOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Registry;
  readonly send: SafeHttp["request"];
  readonly userAgent: string;
  readonly random: () => number;
}

export interface RemoteWriterConfig {
  readonly remotes: readonly RemoteWriteConfig[];
  readonly externalLabels: Labels;
}

type Append = (scope: TenantScope, samples: readonly Sample[]) => Promise<AppendResult>;

const TIDY_EVERY_MS = 10_000;

export class RemoteWriter {
  private log: SampleLog | undefined;
  private readonly remotes = new Map<string, { readonly remote: Remote; readonly key: string }>();
  private readonly metrics: RemoteWriteMetrics;
  private metadata: () => ReadonlyMap<string, readonly MetricMetadata[]> = () => new Map();
  private tidying: { cancel(): void } | undefined;
  private readonly currentLog = () => this.log;

  constructor(private readonly options: RemoteWriterOptions) {
    const states = () => [...this.remotes.values()].map(({ remote }) => remote.state);
    const log = () => ({ bytes: this.log?.bytes ?? 0, lost: this.log?.lost ?? 0 });
    this.metrics = new RemoteWriteMetrics(options.metrics, states, log);
  }

  /** The rows of a scrape target, copied on their way into the store. */
  tapRows(rows: RowWriter): RowWriter {
    return new TappedRows(rows, this.currentLog);
  }

  /** Appends to the store and then to the log: when this is answered, both have it. */
  tapAppend(append: Append): Append {
    return async (scope, samples) => {
      const result = await append(scope, samples);
      const { log } = this;
      if (log) {
        log.putSamples(samples);
        await log.flush();
      }
      return result;
    };
  }

  tapExemplars(exemplars: readonly SeriesExemplar[]): void {
    this.log?.putExemplars(exemplars);
  }

  /** Before anything is written; `metadata`: of all metrics, by family. */
  async start(
    config: RemoteWriterConfig,
    metadata: () => ReadonlyMap<string, readonly MetricMetadata[]>,
  ): Promise<void> {
    this.metadata = metadata;
    await this.reload(config);
  }

  /** Receivers that are the same go on undisturbed. */
  async reload({ remotes, externalLabels }: RemoteWriterConfig): Promise<void> {
    if (remotes.length > 0 && !this.log) await this.openLog();
    const wanted = new Map(remotes.map((config) => [config.name, { config, key: keyOf(config, externalLabels) }]));
    for (const [name, { remote, key }] of [...this.remotes]) {
      const next = wanted.get(name);
      if (next?.key === key) continue;
      this.remotes.delete(name);
      await (next ? remote.stop() : remote.forget());
    }
    for (const [name, { config, key }] of wanted) {
      if (this.remotes.has(name) || !this.log) continue;
      const remote = new Remote({
        ...this.options,
        config,
        externalLabels,
        log: this.log,
        metrics: this.metrics,
        metadata: () => this.metadata(),
      });
      this.remotes.set(name, { remote, key });
      remote.start();
    }
    if (this.remotes.size > 0) return;
    await this.closeLog();
    // Up to 2 GB that nobody will read.
    await rm(this.logDir, { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.remotes.values()].map(({ remote }) => remote.stop()));
    await this.closeLog();
  }

  private get logDir(): string {
    return path.join(this.options.dir, "log");
  }

  private async openLog(): Promise<void> {
    const { logger } = this.options;
    this.log = await SampleLog.open({
      dir: this.logDir,
      onProblem: (error) => logger.error({ err: error }, "the log of remote receivers cannot be written"),
      onDropped: () => this.metrics.segmentsDropped.inc(),
    });
    this.scheduleTidying();
  }

  private async closeLog(): Promise<void> {
    this.tidying?.cancel();
    const { log } = this;
    this.log = undefined;
    await log?.close();
  }

  private scheduleTidying(): void {
    this.tidying = this.options.clock.setTimer(TIDY_EVERY_MS, () => {
      const oldest = Math.min(...[...this.remotes.values()].map(({ remote }) => remote.needsFrom));
      if (Number.isFinite(oldest)) void this.log?.forgetBefore(oldest);
      this.scheduleTidying();
    });
  }
}

/** For comparing only: it holds secrets. */
function keyOf(config: RemoteWriteConfig, externalLabels: Labels): string {
  return JSON.stringify(
    [config, externalLabels.toJSON()],
    function (this: Record<string, unknown>, key, shown: unknown) {
      const own = this[key];
      if (typeof own === "bigint") return own.toString();
      const secret = own as { readonly reveal?: () => string } | null | undefined;
      return typeof secret?.reveal === "function" ? secret.reveal() : shown;
    },
  );
}
