// The HTTP API that Prometheus' clients speak: constructs what answers queries, status and administration.
import { readFileSync } from "node:fs";
import path from "node:path";
import { ALL_TENANTS, type Clock, formatDurationMs, type TenantId } from "@storewatch/model";
import type { FastifyPluginAsync } from "fastify";
import type { Auth } from "../auth/index.ts";
import type { TargetBoard } from "../collect/index.ts";
import type { MetadataBook } from "../collect/metadata/metadata-book.ts";
import type { PrometheusConfig } from "../collect/prometheus-config.ts";
import { exportRoutes } from "../export/index.ts";
import type { Logger } from "../kernel/logger.ts";
import { randomSecret } from "../kernel/rng.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import type { AdminActions } from "../query/admin-route.ts";
import { eraseRoutes } from "../query/erase-route.ts";
import { queryRoutes } from "../query/route.ts";
import { slowQueryRoutes } from "../query/slow-route.ts";
import { maskedConfig } from "./masked-config.ts";
import type { MetricStage } from "./metric-stage.ts";
import { statusPages } from "./status-pages.ts";
import { targetPages } from "./target-pages.ts";

export interface ApiStage {
  readonly routes: readonly FastifyPluginAsync[];
  /** The operator's files were read anew; undefined when they could not be used. */
  reload(prometheus: PrometheusConfig | undefined): void;
}

export interface ApiStageOptions {
  readonly stage: MetricStage;
  readonly prometheus: PrometheusConfig;
  readonly retentionMs: number;
  readonly dataDir: string;
  readonly auth: Pick<Auth, "audit">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SelfMetrics;
  readonly board: TargetBoard;
  readonly metadata: Pick<MetadataBook, "mergedWith">;
  readonly alertmanagers: () => readonly string[];
  /** Before a shop's data is erased: what would tell it again lets go of it. */
  readonly forget: (tenant: TenantId) => Promise<void>;
}

export function createApiStage(options: ApiStageOptions): ApiStage {
  const { stage, clock, metrics, auth } = options;
  let { prometheus } = options;
  let reloaded = { ok: true, atMs: clock.nowMs() };
  const configText = () => readMasked(prometheus.file);
  const status = {
    ...statusPages({
      stage,
      retention: formatDurationMs(options.retentionMs),
      clock,
      metrics,
      configText,
      reloaded: () => reloaded,
    }),
    ...targetPages({
      prometheus: () => prometheus,
      configText,
      board: options.board,
      metadata: options.metadata,
      alertmanagers: options.alertmanagers,
      store: stage.store,
      nowMs: () => clock.nowMs(),
    }),
  };
  const { store, query, nextTurn, isExperimental } = stage;
  const shared = { query, store, clock, nextTurn };
  const admin: AdminActions = {
    deleteSeries: (matchers, fromMs, toMs) => store.delete(ALL_TENANTS, matchers, fromMs, toMs),
    cleanUp: () => store.cleanTombstones(),
    async snapshot() {
      const name = `${new Date(clock.nowMs()).toISOString().replace(/[-:]|\.\d+/g, "")}-${randomSecret(6)}`;
      await store.snapshot(path.join(options.dataDir, "snapshots", name));
      return name;
    },
    audit: auth.audit.bind(auth),
  };
  return {
    routes: [
      queryRoutes({ ...shared, exemplars: store.exemplars, isExperimental, status, admin }),
      eraseRoutes({ store, forget: options.forget, audit: auth.audit.bind(auth), logger: options.logger }),
      slowQueryRoutes(stage.slowQueries),
      exportRoutes({ ...shared, externalLabels: () => prometheus.global.externalLabels }),
    ],
    reload(now) {
      reloaded = { ok: now !== undefined, atMs: now === undefined ? reloaded.atMs : clock.nowMs() };
      if (now) prometheus = now;
    },
  };
}

/** As it stands on disk now; empty when there is none. */
function readMasked(file: string): string {
  try {
    return maskedConfig(readFileSync(file, "utf8"));
  } catch {
    return "";
  }
}
