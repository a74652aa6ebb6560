// Everything that is asked for its metrics: the jobs of the Prometheus file, and Storewatch itself.
import { ALL_TENANTS, type Clock, type Sample, type SeriesExemplar, type TenantScope } from "@storewatch/model";
import type { AppendResult, ExemplarResult, RowWriter } from "@storewatch/tsdb";
import type { Registry } from "prom-client";
import { type AddressRules, createAddressRules } from "../kernel/address-rules.ts";
import type { Logger } from "../kernel/logger.ts";
import { type Rng, systemRng } from "../kernel/rng.ts";
import { createSafeHttp, type SafeHttp } from "../kernel/safe-http.ts";
import { type DnsResolver, systemResolver } from "./discovery/dns-resolver.ts";
import type { TargetBoard } from "./interface.ts";
import { fingerprint } from "./prometheus/secret.ts";
import type { PrometheusConfig } from "./prometheus-config.ts";
import { mergeMetadata } from "./scrape/metadata.ts";
import { PageBufferPool } from "./scrape/page-buffer.ts";
import type { ScrapeLoop } from "./scrape/scrape-loop.ts";
import { ScrapePool, type ScrapePoolDeps } from "./scrape/scrape-pool.ts";
import { createSelfLoop, type SelfTargetOptions } from "./self.ts";
import { createCollectMetrics } from "./self-metrics.ts";

/** What collecting needs of the store. */
export interface CollectStore {
  /** `intervalMs`: how often a row comes, of jobs whose tenants have limits. */
  openRows(scope: TenantScope, key: string, intervalMs?: number): RowWriter;
  append(scope: TenantScope, samples: readonly Sample[]): Promise<AppendResult>;
  appendExemplars(scope: TenantScope, exemplars: readonly SeriesExemplar[]): ExemplarResult;
}

export interface CollectorOptions {
  readonly store: CollectStore;
  readonly config: PrometheusConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where its own metrics are made. */
  readonly metrics: Registry;
  /** Storewatch as a target of its own. */
  readonly self?: SelfTargetOptions;
  /** Which addresses targets may have; default: all but link-local and cloud metadata. */
  readonly addressRules?: AddressRules;
  /** Default "Storewatch". */
  readonly userAgent?: string;
  /** For discovery, tokens and pages that go by a proxy. Default: one of its own. */
  readonly http?: SafeHttp;
  /** Default: the machine's name servers. */
  readonly resolver?: DnsResolver;
  /** Default: the machine's. */
  readonly random?: Rng;
}

export interface Collector {
  start(): void;
  /** Takes another configuration: jobs and targets that are the same go on undisturbed. */
  reload(config: PrometheusConfig): Promise<void>;
  /** Waits for scrapes under way; series are left open, because the process is expected back. */
  stop(): Promise<void>;
  readonly board: TargetBoard;
}

export function createCollector(options: CollectorOptions): Collector {
  return new JobCollector(options);
}

class JobCollector implements Collector {
  private readonly pools = new Map<string, { readonly pool: ScrapePool; key: string }>();
  private readonly deps: ScrapePoolDeps;
  private readonly self: ScrapeLoop | undefined;
  private readonly http: SafeHttp;
  private started = false;

  constructor(private readonly options: CollectorOptions) {
    const { store, clock, logger } = options;
    const metrics = createCollectMetrics(options.metrics);
    const userAgent = options.userAgent ?? "Storewatch";
    this.http = options.http ?? createSafeHttp();
    this.deps = {
      clock,
      logger,
      metrics,
      pages: new PageBufferPool(),
      rules: options.addressRules ?? createAddressRules(),
      userAgent,
      discovery: {
        clock,
        userAgent,
        random: options.random ?? systemRng,
        http: (request) => this.http.request(request),
        resolver: options.resolver ?? systemResolver(),
      },
      // What stands in the operator's file may write for all tenants; a job's `tenants` is applied to each series before
      // it gets a column, so that `up` of a job for several tenants, which belongs to none, can be stored.
      openRows: (key, intervalMs) => store.openRows(ALL_TENANTS, key, intervalMs),
      append: (samples) => store.append(ALL_TENANTS, samples),
      appendExemplars: (exemplars) => store.appendExemplars(ALL_TENANTS, exemplars),
      yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
    };
    if (options.self) this.self = createSelfLoop(options.self, (key) => this.deps.openRows(key), this.deps);
    this.showTargets();
  }

  start(): void {
    this.started = true;
    this.addPools(this.options.config);
    this.self?.start(1000);
  }

  async reload(config: PrometheusConfig): Promise<void> {
    if (!this.started) throw new Error("reload before start");
    const wanted = new Set(config.scrapeConfigs.map((job) => job.jobName));
    const gone = [...this.pools].filter(([name]) => !wanted.has(name));
    for (const [name] of gone) this.pools.delete(name);
    await Promise.all(gone.map(([, { pool }]) => pool.retire()));
    this.addPools(config);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.pools.values()].map(({ pool }) => pool.stop()));
    await this.self?.stop();
    if (!this.options.http) await this.http.close();
  }

  readonly board: TargetBoard = {
    active: () => this.loops().map((loop) => loop.status),
    dropped: () =>
      [...this.pools].flatMap(([scrapePool, { pool }]) =>
        pool.dropped.map((discoveredLabels) => ({ discoveredLabels, scrapePool })),
      ),
    metadata: () => mergeMetadata(this.loops().map((loop) => loop.metadata)),
  };

  private addPools(config: PrometheusConfig): void {
    for (const job of config.scrapeConfigs) {
      const key = fingerprint(job);
      const known = this.pools.get(job.jobName);
      if (!known) {
        const pool = new ScrapePool(job, this.deps);
        this.pools.set(job.jobName, { pool, key });
        pool.start();
      } else if (known.key !== key) {
        known.key = key;
        known.pool.update(job);
      }
    }
  }

  private loops(): ScrapeLoop[] {
    const ofJobs = [...this.pools.values()].flatMap(({ pool }) => [...pool.loops.values()]);
    return this.self ? [...ofJobs, this.self] : ofJobs;
  }

  /** Counted when asked, so that no scrape has to keep the figures. */
  private showTargets(): void {
    const { metrics } = this.deps;
    metrics.targets(() => {
      const counts = { up: 0, down: 0, unknown: 0 };
      for (const { health } of this.board.active()) counts[health] += 1;
      return counts;
    });
  }
}
