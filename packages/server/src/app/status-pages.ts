// /api/v1/status/* and the like: what Grafana and people ask a Prometheus about itself. What speaks of the platform as a
// whole is left empty for callers of some shops, and counts are of their own series.
import {
  type Clock,
  compileWholeRegex,
  type Labels,
  METRIC_NAME,
  RegexError,
  type TenantScope,
} from "@storewatch/model";
import type { Cardinality, CardinalityItem } from "@storewatch/tsdb";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import { BadParameter, type Params } from "../query/params.ts";
import type { StatusPage } from "../query/route.ts";
import { runSlices } from "../query/slices.ts";
import type { MetricStage } from "./metric-stage.ts";
import { VERSION } from "./version.ts";

/** The Prometheus whose API this is: clients choose features by it. */
const PROMETHEUS_VERSION = "3.5.0";
const ACTIVE_MS = 3_600_000;
const LIMIT = 10;

export interface StatusPageOptions {
  readonly stage: MetricStage;
  /** As Prometheus prints it: `30d`. */
  readonly retention: string;
  readonly clock: Clock;
  readonly metrics: SelfMetrics;
  /** The Prometheus file without its secrets. */
  readonly configText: () => string;
  readonly reloaded: () => { readonly ok: boolean; readonly atMs: number };
}

export function statusPages(options: StatusPageOptions): Readonly<Record<string, StatusPage>> {
  const { stage, clock, metrics } = options;
  const startedAt = new Date(clock.nowMs()).toISOString();
  return {
    "status/buildinfo": buildInfo,
    "status/runtimeinfo": (scope) => runtimeInfo(options, startedAt, scope),
    "status/config": (scope) => ({ yaml: scope.kind === "all" ? options.configText() : "" }),
    "status/flags": () => flags(options),
    "status/tsdb": (scope, params) => tsdbStatus(stage, clock, scope, tableLimit(params)),
    "status/tsdb/blocks": (scope) => ({ blocks: scope.kind === "all" ? blockList(stage) : [] }),
    // The port is opened when the log has been replayed.
    "status/walreplay": () => ({ min: 0, max: 0, current: 0, state: "done" }),
    "status/self_metrics": (scope, params) => (scope.kind === "all" ? selfMetrics(metrics, params) : []),
    features: () => features(stage),
    notifications: (scope) => (scope.kind === "all" ? notifications(options) : []),
  };
}

function buildInfo() {
  return {
    version: PROMETHEUS_VERSION,
    revision: `storewatch ${VERSION}`,
    branch: "storewatch",
    buildUser: "",
    buildDate: "",
    goVersion: "",
    features: {},
  };
}

function runtimeInfo({ clock, retention, reloaded }: StatusPageOptions, startedAt: string, scope: TenantScope) {
  const { ok, atMs } = reloaded();
  return {
    startTime: startedAt,
    CWD: scope.kind === "all" ? process.cwd() : "",
    hostname: "",
    serverTime: new Date(clock.nowMs()).toISOString(),
    reloadConfigSuccess: ok,
    lastConfigTime: new Date(atMs).toISOString(),
    corruptionCount: 0,
    goroutineCount: 0,
    GOMAXPROCS: 1,
    GOMEMLIMIT: 0,
    GOGC: "",
    GODEBUG: "",
    storageRetention: retention,
  };
}

/** The flags of a Prometheus that would behave like this server. */
function flags({ retention, stage }: StatusPageOptions): Record<string, string> {
  return {
    "enable-feature": stage.isExperimental ? "promql-experimental-functions,exemplar-storage" : "exemplar-storage",
    "query.lookback-delta": "5m",
    "query.max-concurrency": "20",
    "query.max-samples": "50000000",
    "query.timeout": "2m",
    "storage.tsdb.retention.time": retention,
    "web.enable-admin-api": "true",
    "web.enable-lifecycle": "true",
    "web.enable-remote-write-receiver": "true",
    "web.enable-otlp-receiver": "true",
  };
}

/** By area, as upstream lists what a client may count on. */
function features({ isExperimental }: MetricStage): Record<string, Record<string, boolean>> {
  return {
    api: {
      admin: true,
      exclude_alerts: true,
      label_values_match: true,
      lifecycle: true,
      otlp_write_receiver: true,
      query_stats: true,
      query_warnings: true,
      remote_write_receiver: true,
      search: false,
      time_range_labels: true,
      time_range_series: true,
    },
    promql: {
      anchored: isExperimental,
      at_modifier: true,
      delayed_name_removal: true,
      duration_expr: isExperimental,
      experimental_functions: isExperimental,
      negative_offset: true,
      smoothed: isExperimental,
      subqueries: true,
    },
    rules: { concurrent_rule_eval: true, keep_firing_for: true, new_paused: false, query_offset: true },
    tsdb: {
      exemplar_storage: true,
      native_histograms: true,
      delayed_compaction: false,
      out_of_order_time_window: true,
    },
  };
}

function notifications({ reloaded }: StatusPageOptions) {
  const { ok, atMs } = reloaded();
  if (ok) return [];
  return [{ text: "Configuration reload has failed.", date: new Date(atMs).toISOString(), active: true }];
}

function tableLimit(params: Params): number {
  const text = params.get("limit") ?? "";
  if (text === "") return LIMIT;
  const limit = Number(text);
  if (!Number.isSafeInteger(limit) || limit < 1) throw new BadParameter("limit must be a positive number");
  return Math.min(limit, 10_000);
}

async function tsdbStatus(stage: MetricStage, clock: Clock, scope: TenantScope, limit: number) {
  const { activeSeries, labelPairs, minTimeMs, maxTimeMs } = stage.store.stats();
  if (scope.kind === "all") {
    const head = {
      numSeries: activeSeries,
      numLabelPairs: labelPairs,
      chunkCount: 0,
      minTime: minTimeMs,
      maxTime: maxTimeMs,
    };
    return { headStats: head, ...tables(stage.store.cardinality(limit)) };
  }
  const nowMs = clock.nowMs();
  const slices = stage.store.seriesSlices(scope, [], nowMs - ACTIVE_MS, nowMs);
  const series = await runSlices(slices, { next: stage.nextTurn });
  const counted = await countSeries(series, limit, stage.nextTurn);
  const head = {
    numSeries: series.length,
    numLabelPairs: counted.pairs,
    chunkCount: 0,
    minTime: series.length > 0 ? nowMs - ACTIVE_MS : 0,
    maxTime: series.length > 0 ? nowMs : 0,
  };
  return { headStats: head, ...tables(counted.cardinality) };
}

function tables({ seriesByMetric, valuesByLabel, bytesByLabel, seriesByPair }: Cardinality) {
  const list = (items: readonly CardinalityItem[]) => items.map(({ name, count }) => ({ name, value: count }));
  return {
    seriesCountByMetricName: list(seriesByMetric),
    labelValueCountByLabelName: list(valuesByLabel),
    memoryInBytesByLabelName: list(bytesByLabel),
    seriesCountByLabelValuePair: list(seriesByPair),
  };
}

/** The tables of these series, as the store makes them of all. */
async function countSeries(
  series: readonly Labels[],
  limit: number,
  nextTurn: () => Promise<void>,
): Promise<{ pairs: number; cardinality: Cardinality }> {
  const byMetric = new Map<string, number>();
  const byPair = new Map<string, number>();
  const byLabel = new Map<string, number>();
  const bytes = new Map<string, number>();
  const add = (map: Map<string, number>, name: string, count: number) => map.set(name, (map.get(name) ?? 0) + count);
  for (let i = 0; i < series.length; i++) {
    for (const [name, value] of series[i]) {
      if (name === METRIC_NAME) add(byMetric, value, 1);
      const pair = `${name}=${value}`;
      if (!byPair.has(pair)) add(byLabel, name, 1);
      add(byPair, pair, 1);
      add(bytes, name, value.length);
    }
    if (i % 2000 === 1999) await nextTurn();
  }
  const top = (map: Map<string, number>) =>
    [...map]
      .map(([name, count]) => ({ name, count }))
      .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
      .slice(0, limit);
  return {
    pairs: byPair.size,
    cardinality: {
      seriesByMetric: top(byMetric),
      valuesByLabel: top(byLabel),
      bytesByLabel: top(bytes),
      seriesByPair: top(byPair),
    },
  };
}

/** One entry for all: the store's own blocks have another form than upstream's. */
function blockList(stage: MetricStage) {
  const { blocks, minTimeMs, maxTimeMs, totalSeries } = stage.store.stats();
  if (blocks === 0) return [];
  return [
    {
      ulid: "all",
      minTime: minTimeMs,
      maxTime: maxTimeMs,
      stats: { numSamples: 0, numSeries: totalSeries, numChunks: blocks },
      compaction: { level: 1, sources: [] },
      version: 1,
    },
  ];
}

/** The server's own metrics, in the JSON form of protobuf's MetricFamily. */
async function selfMetrics(metrics: SelfMetrics, params: Params): Promise<unknown[]> {
  const matches = nameFilter(params.get("metric_name_pattern"));
  const families = await metrics.getMetricsAsJSON();
  return families.filter(({ name }) => matches(name)).map(familyJson);
}

function nameFilter(pattern: string | null): (name: string) => boolean {
  if (!pattern) return () => true;
  try {
    const regex = compileWholeRegex(pattern);
    return (name) => regex.matches(name);
  } catch (error) {
    if (error instanceof RegexError)
      throw new BadParameter(`invalid parameter "metric_name_pattern": ${error.message}`);
    throw error;
  }
}

type Family = Awaited<ReturnType<SelfMetrics["getMetricsAsJSON"]>>[number];

type Pairs = Readonly<Partial<Record<string, string | number>>>;

function familyJson({ name, help, type, values }: Family): unknown {
  const kind = String(type).toLowerCase();
  const labels = (pairs: Pairs) =>
    Object.entries(pairs).map(([label, value]) => ({ name: label, value: String(value) }));
  const isSimple = kind === "counter" || kind === "gauge";
  const metric = isSimple
    ? values.map((value) => ({ label: labels(value.labels), [kind]: { value: value.value } }))
    : distributions(name, kind, values).map(({ pairs, body }) => ({ label: labels(pairs), [kind]: body }));
  return { name, help, type: kind.toUpperCase(), metric };
}

interface Distribution {
  readonly pairs: Pairs;
  readonly body: Record<string, unknown> & { bucket?: unknown[]; quantile?: unknown[] };
}

/** Buckets or quantiles, sum and count of one label set stand together. */
function distributions(name: string, kind: string, values: Family["values"]): Distribution[] {
  const found = new Map<string, Distribution>();
  for (const one of values) {
    const { le, quantile, ...pairs } = one.labels as Record<string, string | number>;
    const key = JSON.stringify(pairs);
    const known = found.get(key) ?? { pairs, body: kind === "histogram" ? { bucket: [] } : { quantile: [] } };
    found.set(key, known);
    const part = "metricName" in one ? String(one.metricName) : name;
    if (part === `${name}_count`) known.body.sampleCount = String(one.value);
    else if (part === `${name}_sum`) known.body.sampleSum = one.value;
    else if (le !== undefined)
      known.body.bucket?.push({
        cumulativeCount: String(one.value),
        upperBound: Number(String(le).replace("+Inf", "Infinity")),
      });
    else if (quantile !== undefined) known.body.quantile?.push({ quantile: Number(quantile), value: one.value });
  }
  return [...found.values()];
}
