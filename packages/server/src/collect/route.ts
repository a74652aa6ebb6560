// /api/v1/targets and /api/v1/metadata in Prometheus' form. Targets belong to the platform: a tenant-bound caller sees
// none, and of the metadata only what its own series are named.
import { ALL_TENANTS, type Labels, METRIC_NAME, type MetricMetadata, type TenantScope } from "@storewatch/model";
import type { FastifyPluginAsync } from "fastify";
import type { MetricStore } from "../store/interface.ts";
import type { TargetBoard, TargetStatus } from "./interface.ts";
import type { MetadataBook } from "./metadata/metadata-book.ts";

export interface CollectRouteDependencies {
  readonly board: TargetBoard;
  /** What pushed data says, beside what scrapes found. */
  readonly metadata: MetadataBook;
  readonly store: Pick<MetricStore, "labelValues">;
}

export function collectRoutes({ board, metadata, store }: CollectRouteDependencies): FastifyPluginAsync {
  return async (app) => {
    app.get("/api/v1/targets", { config: { access: "viewer" } }, async (request) => {
      const params = new URLSearchParams(request.url.split("?")[1] ?? "");
      const state = params.get("state") ?? "any";
      const pool = params.get("scrapePool");
      const seesAll = request.principal.scope.kind === ALL_TENANTS.kind;
      const inPool = (target: { readonly scrapePool: string }) =>
        seesAll && (pool === null || target.scrapePool === pool);
      const active = state === "dropped" ? [] : board.active().filter(inPool).map(targetJson);
      const dropped = board.dropped().filter(inPool);
      return {
        status: "success",
        data: {
          activeTargets: active,
          droppedTargets:
            state === "active"
              ? []
              : dropped.map(({ discoveredLabels, scrapePool }) => ({ discoveredLabels, scrapePool })),
          droppedTargetCounts: countByPool(dropped),
        },
      };
    });
    app.get("/api/v1/metadata", { config: { access: "viewer" } }, async (request) => {
      const params = new URLSearchParams(request.url.split("?")[1] ?? "");
      const { scope } = request.principal;
      const known = metadata.mergedWith(board.metadata());
      const shown = scope.kind === "all" ? known : withoutForeignWords(known, board.metadata());
      return { status: "success", data: metadataJson(shown, store, scope, params) };
    });
  };
}

function targetJson(target: TargetStatus): unknown {
  return {
    discoveredLabels: target.discoveredLabels,
    labels: visibleLabels(target.labels),
    scrapePool: target.scrapePool,
    scrapeUrl: target.scrapeUrl,
    globalUrl: target.scrapeUrl,
    lastError: target.lastError,
    lastScrape: new Date(target.lastScrapeMs).toISOString(),
    lastScrapeDuration: target.lastDurationMs / 1000,
    health: target.health,
    scrapeInterval: seconds(target.intervalMs),
    scrapeTimeout: seconds(target.timeoutMs),
    lastSamples: target.lastSamples,
  };
}

function visibleLabels(labels: Labels): Labels {
  return labels.filter((name) => !name.startsWith("__"));
}

function seconds(ms: number): string {
  return `${ms / 1000}s`;
}

function countByPool(targets: ReadonlyArray<{ readonly scrapePool: string }>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { scrapePool } of targets) counts[scrapePool] = (counts[scrapePool] ?? 0) + 1;
  return counts;
}

/**
 * Scraped pages are the operator's. What was pushed may be in the words of another shop that has a family of the same
 * name: of it only the type and the unit are shown.
 */
function withoutForeignWords(
  known: ReadonlyMap<string, readonly MetricMetadata[]>,
  scraped: ReadonlyMap<string, readonly MetricMetadata[]>,
): ReadonlyMap<string, readonly MetricMetadata[]> {
  return new Map(
    [...known].map(([family, [first]]) => [family, scraped.get(family) ?? [{ ...first, help: "" }]] as const),
  );
}

/** Suffixes that a family's series may carry beside the family's own name. */
const FAMILY_SUFFIX = /_(bucket|sum|count|total|created|info)$/;

function metadataJson(
  known: ReadonlyMap<string, readonly MetricMetadata[]>,
  store: CollectRouteDependencies["store"],
  scope: TenantScope,
  params: URLSearchParams,
): Record<string, readonly MetricMetadata[]> {
  const metric = params.get("metric");
  const limit = Number(params.get("limit") ?? -1);
  const perMetric = Number(params.get("limit_per_metric") ?? -1);
  const own =
    scope.kind === "all" ? undefined : ownFamilies(store.labelValues(scope, METRIC_NAME, [], -8.64e15, 8.64e15));
  const found: Record<string, readonly MetricMetadata[]> = {};
  // By name: the order of their arrival would tell of others.
  for (const [family, entries] of [...known].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (limit >= 0 && Object.keys(found).length >= limit) break;
    if ((metric !== null && metric !== family) || (own && !own.has(family))) continue;
    found[family] = perMetric > 0 ? entries.slice(0, perMetric) : entries;
  }
  return found;
}

function ownFamilies(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.flatMap((name) => [name, name.replace(FAMILY_SUFFIX, "")]));
}
