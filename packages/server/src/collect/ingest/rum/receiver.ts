// Beacons become metrics: who is spoken of, what is counted, written every few seconds.
import { ALL_TENANTS, type Clock, type TenantId, type Timer } from "@storewatch/model";
import { Counter } from "prom-client";
import type { RumConfig, RumKey } from "../../../config/rum.ts";
import { StorewatchError } from "../../../kernel/errors.ts";
import { TokenBucket } from "../../../kernel/limits.ts";
import type { Logger } from "../../../kernel/logger.ts";
import type { SelfMetrics } from "../../../kernel/self-metrics.ts";
import type { Intake } from "../../intake/interface.ts";
import { RumAggregate } from "./aggregate.ts";
import { type Beacon, readBeacon } from "./beacon.ts";
import { type Admission, RumGate, type Sender } from "./gate.ts";

export interface RumReceiverOptions {
  readonly config: RumConfig;
  readonly isKnownTenant: (id: TenantId) => boolean;
  readonly intake: Pick<Intake, "write">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SelfMetrics;
}

const BEACON_OUTCOMES = [
  "accepted",
  "unknown_key",
  "wrong_origin",
  "wrong_tenant",
  "rate_limited",
  "bad_body",
  "too_large",
] as const;
type BeaconOutcome = (typeof BEACON_OUTCOMES)[number];

const FLUSH_EVERY_MS = 5000;
const TELL_EVERY_MS = 60_000;
/** Lines of the log about errors in pages: a sample to look at, not a list of errors. */
const ERROR_LINES = { burst: 10, perSecond: 1 / 6 };

export class RumReceiver {
  private gate: RumGate;
  private readonly aggregate: RumAggregate;
  private readonly beacons: Counter<"outcome">;
  private readonly events: Counter<"outcome">;
  private readonly dropped: Counter;
  private readonly errorLines: TokenBucket;
  private timer: Timer | undefined;
  private flushing: Promise<void> = Promise.resolve();
  private toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: RumReceiverOptions) {
    const { config, clock, metrics, isKnownTenant } = options;
    this.gate = new RumGate(config, clock, isKnownTenant);
    this.aggregate = new RumAggregate(clock);
    this.errorLines = new TokenBucket(clock, ERROR_LINES);
    const registers = [metrics];
    this.beacons = new Counter({
      name: "storewatch_rum_beacons_total",
      help: "Beacons of browsers by outcome: accepted, unknown_key, wrong_origin, wrong_tenant, rate_limited, bad_body, too_large.",
      labelNames: ["outcome"],
      registers,
    });
    // rate() does not see the event that a counter begins with.
    for (const outcome of BEACON_OUTCOMES) this.beacons.inc({ outcome }, 0);
    this.events = new Counter({
      name: "storewatch_rum_events_total",
      help: "Events in accepted beacons by outcome: taken, rolled_up (too many pages of the shop), implausible, unread, too_many_series.",
      labelNames: ["outcome"],
      registers,
    });
    this.dropped = new Counter({
      name: "storewatch_rum_dropped_additions_total",
      help: "Additions to series that found no room, because there are too many series of beacons.",
      registers,
    });
  }

  reload(config: RumConfig): void {
    this.gate = new RumGate(config, this.options.clock, this.options.isKnownTenant);
  }

  admit(sender: Sender, isBeacon: boolean): Admission {
    const admission = this.gate.admit(sender, isBeacon);
    if ("refused" in admission && isBeacon) this.tally(admission.refused);
    return admission;
  }

  tally(outcome: BeaconOutcome): void {
    this.beacons.inc({ outcome });
  }

  /** False: the key does not speak for the shop. Throws BAD_REQUEST. */
  take(key: RumKey, body: Buffer): boolean {
    const beacon = this.read(body);
    const tenant = this.gate.tenantOf(key, beacon.tenant);
    if (tenant === undefined) {
      this.tally("wrong_tenant");
      return false;
    }
    this.tally("accepted");
    for (const event of beacon.events) {
      this.events.inc({ outcome: this.aggregate.add(tenant, event, beacon.weight, this.gate.config.pagesPerTenant) });
      if ("message" in event && this.errorLines.take() === 0)
        this.options.logger.info({ tenant, release: beacon.release, ...event }, "an error in a shop's page");
    }
    if (beacon.implausible > 0) this.events.inc({ outcome: "implausible" }, beacon.implausible);
    if (beacon.unread > 0) this.events.inc({ outcome: "unread" }, beacon.unread);
    return true;
  }

  private read(body: Buffer): Beacon {
    try {
      return readBeacon(body);
    } catch (error) {
      if (error instanceof StorewatchError) this.tally("bad_body");
      throw error;
    }
  }

  start(): void {
    this.timer = this.options.clock.setTimer(FLUSH_EVERY_MS, () => {
      void this.flush();
      this.start();
    });
  }

  /** Writes what has arrived. */
  async stop(): Promise<void> {
    this.timer?.cancel();
    await this.flush();
  }

  forget(tenant: TenantId): void {
    this.aggregate.forget(tenant);
  }

  /** One after the other, so that a slow store does not get the flushes in another order. */
  private flush(): Promise<void> {
    this.flushing = this.flushing.then(async () => {
      const { samples, metadata, dropped } = this.aggregate.flush();
      if (dropped > 0) this.dropped.inc(dropped);
      if (samples.length === 0) return;
      try {
        // Every series carries the shop that its key was found to speak for.
        const { refusals } = await this.options.intake.write(ALL_TENANTS, { samples, metadata });
        for (const { reason, count, example } of refusals)
          this.tell({ reason, count, example }, "samples were refused");
      } catch (error) {
        // The totals go on: the next flush tells what this one could not.
        this.tell({ err: error, samples: samples.length }, "samples could not be written");
      }
    });
    return this.flushing;
  }

  private tell(what: object, message: string): void {
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs - this.toldAtMs < TELL_EVERY_MS) return;
    this.toldAtMs = nowMs;
    this.options.logger.warn(what, `browser beacons: ${message}`);
  }
}
