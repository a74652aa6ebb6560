// What is pushed: the one way in, and the routes of the protocols that lead to it. Limits of tenants hold here and for
// scrapes.
import path from "node:path";
import { ALL_TENANTS, type Clock, type Labels, Matcher, type Timer } from "@storewatch/model";
import type { FastifyPluginAsync } from "fastify";
import { backfillRoutes } from "../collect/backfill/route.ts";
import type { CollectStore } from "../collect/index.ts";
import { createIntake } from "../collect/intake/intake.ts";
import type { Intake } from "../collect/intake/interface.ts";
import type { TargetBoard } from "../collect/interface.ts";
import { LimitedRows } from "../collect/limits/limited-rows.ts";
import { PushedRollups } from "../collect/limits/pushed-rollups.ts";
import { ReceiptBook } from "../collect/limits/receipts.ts";
import type { LimitConfig } from "../collect/limits/settings.ts";
import { TenantLimits } from "../collect/limits/tenant-limits.ts";
import { MetadataBook } from "../collect/metadata/metadata-book.ts";
import { remoteWriteRoutes } from "../collect/remote-write/route.ts";
import type { Logger } from "../kernel/logger.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import type { MetricStage } from "./metric-stage.ts";

export interface IntakeStage {
  readonly intake: Intake;
  /** What pushed data says of its metrics. */
  readonly metadata: MetadataBook;
  readonly receipts: ReceiptBook;
  readonly routes: readonly FastifyPluginAsync[];
  /** The store as scrapes see it, with the limits of tenants. */
  readonly collectStore: CollectStore;
  /** Targets tell types of metrics too; there are none before this is called. */
  useTargets(board: TargetBoard): void;
  setLimits(config: LimitConfig): void;
  close(): Promise<void>;
}

export interface IntakeStageOptions {
  readonly stage: Pick<MetricStage, "store" | "nextTurn" | "openRows">;
  readonly limits: LimitConfig;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SelfMetrics;
}

/** How far back the value of a sum is looked for, to go on from it. */
const LAST_VALUE_MS = 3_600_000;
const TYPES_KEPT_MS = 10_000;
/** What scrapes say of metrics goes to the store this often: it changes seldom. */
const SAVE_EVERY_MS = 300_000;
const FIRST_SAVE_MS = 30_000;

export function createIntakeStage(options: IntakeStageOptions): IntakeStage {
  const { stage, clock, metrics, logger } = options;
  const metadata = new MetadataBook(stage.store);
  const receipts = new ReceiptBook({
    clock,
    file: path.join(options.dataDir, "receipts.json"),
    onProblem: (error) => logger.warn({ err: error }, "the receipts of limits cannot be saved"),
  });
  const limits = new TenantLimits({
    config: options.limits,
    clock,
    metrics,
    receipts,
    activeSeries: () => stage.store.activeSeriesByTenant(),
    isActive: (labels) => stage.store.isActive(labels),
  });
  const types = new KnownTypes(metadata, clock);
  let board: TargetBoard | undefined;
  let saving = saveLater(FIRST_SAVE_MS);
  function saveLater(delayMs: number): Timer {
    return clock.setTimer(delayMs, () => {
      if (board) metadata.save(board.metadata());
      saving = saveLater(SAVE_EVERY_MS);
    });
  }
  const shared = {
    limits,
    typeOf: (family: string) => types.of(family),
    lastValue: (labels: Labels) => lastValue(stage, labels, clock.nowMs()),
  };
  const rollups = new PushedRollups({ ...shared, clock });
  const intake = createIntake({ store: stage.store, clock, metrics, metadata, limits, rollups });
  return {
    intake,
    metadata,
    receipts,
    routes: [
      remoteWriteRoutes({ intake, metrics, nextTurn: stage.nextTurn }),
      backfillRoutes({ store: stage.store, nextTurn: stage.nextTurn }),
    ],
    collectStore: {
      openRows(scope, key, intervalMs) {
        const rows = stage.openRows(scope, key);
        return intervalMs === undefined ? rows : new LimitedRows({ ...shared, rows, intervalMs });
      },
      append: intake.append,
      appendExemplars: (scope, items) => stage.store.appendExemplars(scope, items),
    },
    useTargets(targets) {
      board = targets;
      types.use(targets);
    },
    setLimits: (config) => limits.setConfig(config),
    close() {
      saving.cancel();
      if (board) metadata.save(board.metadata());
      return receipts.close();
    },
  };
}

function lastValue(stage: IntakeStageOptions["stage"], labels: Labels, nowMs: number): number | undefined {
  const matchers = [...labels].map(([name, value]) => new Matcher("=", name, value));
  const found = stage.store.select(ALL_TENANTS, matchers, nowMs - LAST_VALUE_MS, nowMs);
  const series = found.find((one) => one.labels.equals(labels));
  for (let i = (series?.values.length ?? 0) - 1; i >= 0; i--) {
    const value = series!.values[i];
    if (!Number.isNaN(value)) return value;
  }
  return undefined;
}

/** Metric types from pushes and from scrapes; those of scrapes are put together now and then only. */
class KnownTypes {
  private board: TargetBoard | undefined;
  private scraped: ReturnType<TargetBoard["metadata"]> = new Map();
  private readMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly pushed: MetadataBook,
    private readonly clock: Clock,
  ) {}

  use(board: TargetBoard): void {
    this.board = board;
  }

  of(family: string): string | undefined {
    return this.pushed.typeOf(family) ?? this.ofTargets(family) ?? this.pushed.savedTypeOf(family);
  }

  private ofTargets(family: string): string | undefined {
    const nowMs = this.clock.monotonicMs();
    if (this.board && nowMs - this.readMs > TYPES_KEPT_MS) {
      this.scraped = this.board.metadata();
      this.readMs = nowMs;
    }
    return this.scraped.get(family)?.[0].type;
  }
}
