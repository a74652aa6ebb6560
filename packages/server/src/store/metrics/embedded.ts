// The metric store on the embedded time series database: the database knows no tenants, so the scope becomes a
// matcher on reads and a check on writes, here and nowhere else below.
import { type Labels, type Matcher, scopeAllows, TENANT_LABEL, type TenantScope } from "@storewatch/model";
import type { AppendResult, ExemplarResult, RowWriter, Tsdb } from "@storewatch/tsdb";
import { scopeMatcher } from "../../tenant/enforce.ts";
import { type MetricStore, OutOfScope } from "../interface.ts";

export function createEmbeddedMetricStore(tsdb: Tsdb): MetricStore {
  const within = (scope: TenantScope, matchers: readonly Matcher[]): readonly Matcher[] => {
    const own = scopeMatcher(scope);
    return own ? [...matchers, own] : matchers;
  };
  return {
    openRows: (scope, key) => (scope.kind === "all" ? tsdb.openRows(key) : guardedRows(scope, tsdb.openRows(key))),
    append(scope, samples): Promise<AppendResult> {
      if (scope.kind !== "all") for (const { labels } of samples) requireInScope(scope, labels);
      return tsdb.append(samples);
    },
    select: (scope, matchers, fromMs, toMs, maxSamples) =>
      tsdb.select(within(scope, matchers), fromMs, toMs, maxSamples === undefined ? {} : { maxSamples }),
    series: (scope, matchers, fromMs, toMs) => tsdb.series(within(scope, matchers), fromMs, toMs),
    labelNames: (scope, matchers, fromMs, toMs) => tsdb.labelNames(within(scope, matchers), fromMs, toMs),
    labelValues: (scope, name, matchers, fromMs, toMs) => tsdb.labelValues(name, within(scope, matchers), fromMs, toMs),
    selectSlices: (scope, matchers, fromMs, toMs, select) =>
      tsdb.selectSlices(within(scope, matchers), fromMs, toMs, select),
    seriesSlices: (scope, matchers, fromMs, toMs) => tsdb.seriesSlices(within(scope, matchers), fromMs, toMs),
    labelNamesSlices: (scope, matchers, fromMs, toMs) => tsdb.labelNamesSlices(within(scope, matchers), fromMs, toMs),
    labelValuesSlices: (scope, name, matchers, fromMs, toMs) =>
      tsdb.labelValuesSlices(name, within(scope, matchers), fromMs, toMs),
    appendExemplars(scope, items): ExemplarResult {
      if (scope.kind !== "all") for (const { series } of items) requireInScope(scope, series);
      return tsdb.appendExemplars(items);
    },
    exemplars: (scope, matchers, fromMs, toMs) => tsdb.exemplars(within(scope, matchers), fromMs, toMs),
    metadata: () => tsdb.metadata(),
    putMetadata: (entries) => tsdb.putMetadata(entries),
    delete: (scope, matchers, fromMs, toMs) => tsdb.delete(within(scope, matchers), fromMs, toMs),
    cleanTombstones: () => tsdb.cleanTombstones(),
    erase: (scope, matchers, onProgress) => tsdb.erase(within(scope, matchers), onProgress),
    snapshot: (dir) => tsdb.snapshot(dir),
    cardinality: (limit) => tsdb.cardinality(limit),
    changes: tsdb.changes,
    onArrival: (listener) => tsdb.onArrival(listener),
    async backfill(scope, series) {
      if (scope.kind !== "all") for (const { labels } of series) requireInScope(scope, labels);
      return tsdb.backfill(series);
    },
    stats: () => tsdb.stats(),
    activeSeriesByTenant: () => tsdb.activeSeriesBy(TENANT_LABEL),
    isActive: (labels) => tsdb.isActive(labels),
    maintain: () => tsdb.maintain(),
    close: () => tsdb.close(),
  };
}

function requireInScope(scope: TenantScope, labels: Labels): void {
  const tenant = labels.get(TENANT_LABEL);
  if (!scopeAllows(scope, tenant))
    throw new OutOfScope(`tenant_id "${tenant}" is outside what this credential may write`);
}

/** Rows of a source that may write some tenants only: a column outside the scope is never made. */
function guardedRows(scope: TenantScope, rows: RowWriter): RowWriter {
  return {
    get sourceId() {
      return rows.sourceId;
    },
    get columns() {
      return rows.columns;
    },
    get row() {
      return rows.row;
    },
    get base() {
      return rows.base;
    },
    get epoch() {
      return rows.epoch;
    },
    compact: () => rows.compact(),
    labels: (column) => rows.labels(column),
    column(labels: Labels) {
      requireInScope(scope, labels);
      return rows.column(labels);
    },
    begin: () => rows.begin(),
    commit: (timeMs) => rows.commit(timeMs),
    close: (timeMs) => rows.close(timeMs),
  };
}
