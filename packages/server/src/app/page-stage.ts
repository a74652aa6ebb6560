// dashboards and overview: constructs what people look at beside the raw APIs.
import { mkdirSync } from "node:fs";
import path from "node:path";
import { ALL_TENANTS, type Clock, type Finding } from "@storewatch/model";
import type { FastifyPluginAsync } from "fastify";
import { ConfigError } from "../config/document.ts";
import {
  AnnotationStore,
  annotationRoutes,
  DashboardStore,
  DeployWatcher,
  dashboardRoutes,
  FileDashboards,
  type NewAnnotation,
  VERSIONS_QUERY,
} from "../dashboards/index.ts";
import { CONTENT_DIR } from "../demo/render-config.ts";
import type { Logger } from "../kernel/logger.ts";
import { overviewRoutes } from "../overview/route.ts";
import type { QueryService } from "../query/interface.ts";
import type { TenantRegistry } from "../tenant/registry.ts";

export interface PageStage {
  readonly routes: readonly FastifyPluginAsync[];
  /** Warnings of the dashboard files. */
  readonly findings: readonly Finding[];
  start(): void;
  /** Throws ConfigError and keeps the old dashboards. */
  reload(provisioned: readonly string[]): void;
  stop(): void;
  /** Puts a mark on the time axis. */
  annotate(annotation: NewAnnotation): void;
}

export interface PageStageOptions {
  readonly dataDir: string;
  readonly provisioned: readonly string[];
  readonly query: QueryService;
  readonly tenants: TenantRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onAnnotationChange: () => void;
}

/** Throws ConfigError when a dashboard file is broken. */
export function createPageStage(options: PageStageOptions): PageStage {
  const { clock, logger, query, tenants } = options;
  mkdirSync(options.dataDir, { recursive: true });
  const unreadable = (what: string) => (place: string | number, reason: string) =>
    logger.warn({ place, reason }, `${what} could not be read and is left out`);
  const dashboards = new DashboardStore({
    persistence: new FileDashboards(path.join(options.dataDir, "dashboards"), unreadable("a dashboard")),
    clock,
    builtinDir: path.join(CONTENT_DIR, "dashboards"),
    provisioned: options.provisioned,
  });
  const findings = mustBeGood(dashboards.reload());
  const annotations = new AnnotationStore({
    file: path.join(options.dataDir, "annotations.jsonl"),
    clock,
    onChange: options.onAnnotationChange,
    onUnreadable: unreadable("a line of the annotations"),
  });
  const deploys = new DeployWatcher({
    store: annotations,
    clock,
    logger,
    async versions() {
      const { value } = await query.instant(ALL_TENANTS, VERSIONS_QUERY, clock.nowMs());
      return value.type === "vector" ? value.samples.map((sample) => sample.labels) : [];
    },
  });
  return {
    routes: [
      dashboardRoutes({ store: dashboards }),
      annotationRoutes({ store: annotations, clock }),
      overviewRoutes({ query, clock, tenants: (scope) => tenants.list(scope) }),
    ],
    findings,
    start: () => deploys.start(),
    reload: (provisioned) => void mustBeGood(dashboards.reload(provisioned)),
    stop: () => deploys.stop(),
    annotate: (annotation) => void annotations.add(annotation),
  };
}

function mustBeGood(findings: readonly Finding[]): readonly Finding[] {
  if (findings.some((finding) => finding.severity === "error")) throw new ConfigError(findings);
  return findings;
}
