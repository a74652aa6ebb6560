// What is pushed: the one way in, and the routes of the protocols that lead to it.
import type { Clock } from "@storewatch/model";
import type { FastifyPluginAsync } from "fastify";
import { createIntake } from "../collect/intake/intake.ts";
import type { Intake } from "../collect/intake/interface.ts";
import { MetadataBook } from "../collect/metadata/metadata-book.ts";
import { remoteWriteRoutes } from "../collect/remote-write/route.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import type { MetricStage } from "./metric-stage.ts";

export interface IntakeStage {
  readonly intake: Intake;
  /** What pushed data says of its metrics. */
  readonly metadata: MetadataBook;
  readonly routes: readonly FastifyPluginAsync[];
}

export interface IntakeStageOptions {
  readonly stage: Pick<MetricStage, "store" | "nextTurn">;
  readonly clock: Clock;
  readonly metrics: SelfMetrics;
}

export function createIntakeStage({ stage, clock, metrics }: IntakeStageOptions): IntakeStage {
  const metadata = new MetadataBook();
  const intake = createIntake({ store: stage.store, clock, metrics, metadata });
  return {
    intake,
    metadata,
    routes: [remoteWriteRoutes({ intake, metrics, nextTurn: stage.nextTurn })],
  };
}
