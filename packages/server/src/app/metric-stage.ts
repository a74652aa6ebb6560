// collect → store → query: constructs the stages that hold and answer metrics.
import type { StatsFs } from "node:fs";
import { statfs } from "node:fs/promises";
import path from "node:path";
import { type Clock, Labels, TENANT_LABEL, type TenantScope } from "@storewatch/model";
import { createEngine, QueryError } from "@storewatch/promql/engine";
import { openTsdb, type RetentionOptions, type RowWriter, type TsdbProblem } from "@storewatch/tsdb";
import { Counter, Gauge } from "prom-client";
import type { StorewatchConfig } from "../config/storewatch-config.ts";
import type { Logger } from "../kernel/logger.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import { Turns } from "../kernel/turns.ts";
import type { QueryService } from "../query/interface.ts";
import { createQueryService } from "../query/service.ts";
import { createSlowQueryLog, type SlowQueryLog } from "../query/slow-queries.ts";
import type { RuleDependencies } from "../rules/interface.ts";
import type { MetricStore } from "../store/interface.ts";
import { createEmbeddedMetricStore } from "../store/metrics/embedded.ts";

export interface MetricStage {
  readonly store: MetricStore;
  readonly query: QueryService;
  readonly slowQueries: SlowQueryLog;
  /** Experimental functions and syntax of PromQL are on. */
  readonly isExperimental: boolean;
  /** Where long work of people's requests waits for its next turn of the event loop. */
  readonly nextTurn: () => Promise<void>;
  /** Rows by source: which series a scrape target feeds. */
  readonly source: (sourceId: number) => RowWriter | undefined;
  readonly openRows: (scope: TenantScope, key: string) => RowWriter;
  /** True while writes fail, for example on a full disk. */
  readonly isDegraded: () => boolean;
  close(): Promise<void>;
}

export interface MetricStageOptions {
  readonly dataDir: string;
  readonly retention: RetentionOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SelfMetrics;
  /** Experimental functions and syntax of PromQL, as upstream's feature flags. Default false. */
  readonly isExperimental?: boolean;
}

const PROBLEM_KINDS: readonly TsdbProblem["kind"][] = [
  "disk-full",
  "wal-write",
  "corrupt-block",
  "corrupt-wal",
  "blocks-unavailable",
];
/** Of one core, for merging and downsampling blocks. */
const BACKGROUND_SHARE = 0.05;
const MAINTAIN_EVERY_MS = 15_000;
/** A query of people that took longer is told. */
const SLOW_QUERY_MS = 1000;
/** A write problem is over when none has come for this long. */
const DEGRADED_MS = 30_000;

/** What the store needs to know of `metrics` and `tenants` in the config. */
export function retentionOptions(metrics: StorewatchConfig["metrics"]): RetentionOptions {
  const [first, ...classes] = metrics.retention;
  return {
    default: first,
    classes,
    totalBytes: metrics.sizeBytes,
    label: TENANT_LABEL,
    classOf: (tenant) => metrics.classOfTenant.get(tenant),
  };
}

export async function openMetricStage(options: MetricStageOptions): Promise<MetricStage> {
  const { clock, logger, metrics } = options;
  let lastWriteProblemMs = Number.NEGATIVE_INFINITY;
  const problems = new Counter({
    name: "storewatch_store_problems_total",
    help: "Problems of the metric store by kind: disk-full, wal-write, corrupt-block, corrupt-wal, blocks-unavailable.",
    labelNames: ["kind"],
    registers: [metrics],
  });
  // From 0 on: a rate sees the first one too.
  for (const kind of PROBLEM_KINDS) problems.inc({ kind }, 0);
  const onProblem = (problem: TsdbProblem) => {
    problems.inc({ kind: problem.kind });
    if (problem.kind === "disk-full" || problem.kind === "wal-write") lastWriteProblemMs = clock.monotonicMs();
    logger.error({ kind: problem.kind }, problem.message);
  };
  const tsdb = await openTsdb({
    dataDir: path.join(options.dataDir, "metrics"),
    clock,
    retention: options.retention,
    backgroundShare: BACKGROUND_SHARE,
    onProblem,
  });
  const store = createEmbeddedMetricStore(tsdb);
  addStoreMetrics(store, metrics);
  addClassMetrics(store, metrics);
  addDiskMetrics(options.dataDir, metrics);
  const turns = new Turns();
  const isExperimental = options.isExperimental ?? false;
  const shared = { clock, experimental: isExperimental };
  const slowQueries = createSlowQueryLog({ slowMs: SLOW_QUERY_MS, clock, logger });
  const query = createQueryService({
    store,
    // About 1 GB for all queries of people together: each may hold half of it.
    engine: createEngine({ ...shared, yieldNow: () => turns.next(), maxSamplesAll: 100_000_000 }),
    urgentEngine: createEngine({ ...shared, yieldNow: () => turns.next(true) }),
    isExperimental,
    clock,
    metrics,
    slow: slowQueries,
    rawRetentionMs: rawRetentionMs(options.retention),
    nextTurn: () => turns.next(),
  });
  const sources = new Map<number, RowWriter>();
  let maintenance = scheduleMaintenance();

  function scheduleMaintenance() {
    return clock.setTimer(MAINTAIN_EVERY_MS, () => {
      store
        .maintain()
        .catch((error: unknown) => logger.error({ err: error }, "sealing blocks"))
        .finally(() => {
          maintenance = scheduleMaintenance();
        });
    });
  }

  return {
    store,
    query,
    slowQueries,
    isExperimental,
    nextTurn: () => turns.next(),
    source: (id) => sources.get(id),
    openRows(scope, key) {
      const rows = store.openRows(scope, key);
      sources.set(rows.sourceId, rows);
      return rows;
    },
    isDegraded: () => clock.monotonicMs() - lastWriteProblemMs < DEGRADED_MS,
    async close() {
      maintenance.cancel();
      await store.close();
    },
  };
}

/** Of the class that keeps its samples for the shortest time. */
function rawRetentionMs({ default: first, classes = [] }: RetentionOptions): number {
  return Math.min(...[first, ...classes].map(({ timeMs }) => timeMs));
}

function addStoreMetrics(store: MetricStore, metrics: SelfMetrics): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [metrics],
      collect() {
        this.set(read());
      },
    });
  gauge("storewatch_active_series", "Series written within the last hour.", () => store.stats().activeSeries);
  gauge("storewatch_wal_bytes", "Size of the write-ahead log.", () => store.stats().walBytes);
  gauge("storewatch_block_bytes", "Size of the sealed blocks on disk.", () => store.stats().blockBytes);
}

/** By retention class: blocks of samples and of intervals. */
function addClassMetrics(store: MetricStore, metrics: SelfMetrics): void {
  new Gauge({
    name: "storewatch_store_class_bytes",
    help: "Size of the sealed blocks by retention class and kind (samples, intervals).",
    labelNames: ["class", "kind"],
    registers: [metrics],
    collect() {
      this.reset();
      for (const { name, bytes, downsampledBytes } of store.stats().classes) {
        this.set({ class: name, kind: "samples" }, bytes - downsampledBytes);
        this.set({ class: name, kind: "intervals" }, downsampledBytes);
      }
    },
  });
}

/** Of the file system that holds the data directory; left out where it cannot be asked. */
function addDiskMetrics(dataDir: string, metrics: SelfMetrics): void {
  const gauge = (name: string, help: string, read: (disk: StatsFs) => number) =>
    new Gauge({
      name,
      help,
      registers: [metrics],
      async collect() {
        this.reset();
        const disk = await statfs(dataDir).catch(() => undefined);
        if (disk) this.set(read(disk));
      },
    });
  gauge("storewatch_disk_free_bytes", "Space that the data directory may still take.", (d) => d.bavail * d.bsize);
  gauge("storewatch_disk_size_bytes", "Size of the data directory's file system.", (d) => d.blocks * d.bsize);
}

/** What the rule engine needs of the metric stage. */
export function ruleAccess(stage: MetricStage): Omit<RuleDependencies, "alerts"> {
  return {
    async query(scope, expression, timeMs, sharedResults) {
      const options = { isUrgent: true, ...(sharedResults ? { sharedResults } : {}) };
      const { value } = await stage.query.instant(scope, expression, timeMs, options);
      if (value.type === "vector") return value.samples;
      if (value.type === "scalar") return [{ labels: Labels.empty, timeMs, value: value.value }];
      throw new QueryError("execution", `a rule needs a vector or a scalar, and this expression gives a ${value.type}`);
    },
    select: stage.store.select,
    append: stage.store.append,
    onArrival: stage.store.onArrival,
    source: stage.source,
  };
}
