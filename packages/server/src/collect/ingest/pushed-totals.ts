// Running totals of one protocol with the timer that tells idle ones again.
import { ALL_TENANTS, type Clock, type Labels, type Sample, type TenantId, type Timer } from "@storewatch/model";
import type { Logger } from "../../kernel/logger.ts";
import type { Intake } from "../intake/interface.ts";
import { RunningTotals } from "./counters.ts";

const LOOK_EVERY_MS = 15_000;

export interface PushedTotalsOptions {
  readonly intake: Intake;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class PushedTotals {
  private readonly totals: RunningTotals;
  private timer: Timer | undefined;

  constructor(private readonly options: PushedTotalsOptions) {
    this.totals = new RunningTotals(options);
  }

  /** See RunningTotals.add. The labels must have been found to be in their sender's scope. */
  add(labels: Labels, delta: number, sinceMs: number, timeMs: number): Sample[] | undefined {
    return this.totals.add(labels, delta, sinceMs, timeMs);
  }

  forget(tenant: TenantId): void {
    this.totals.forget(tenant);
  }

  start(): void {
    const { clock, intake, logger } = this.options;
    this.timer = clock.setTimer(LOOK_EVERY_MS, () => {
      const samples = this.totals.due();
      if (samples.length > 0) {
        intake
          .write(ALL_TENANTS, { samples })
          .catch((error: unknown) => logger.warn({ err: error }, "repeating idle counters"));
      }
      this.start();
    });
  }

  stop(): void {
    this.timer?.cancel();
  }
}
