// Storm control: how many notifications an integration gets at once, and the digest for those beyond that.
import type { Clock } from "@storewatch/model";
import type { Storm } from "@storewatch/model/api";
import type { CalmConfig } from "../../config/calm.ts";
import type { Logger } from "../../kernel/logger.ts";
import type { Delivery } from "../interface.ts";
import { DeliveryFailed } from "../stage/deliver.ts";
import type { DeliveryContext, FlushAlert, Stage } from "../stage/stage.ts";
import type { DigestState } from "./digest.ts";
import { StormLane } from "./storm-lane.ts";

export interface StormOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly externalUrl: string;
  readonly calms: (kind: string) => boolean;
  /** The present ways to a receiver. */
  readonly deliveries: (receiver: string) => readonly Delivery[];
  /** undefined forgets it. Never rejects. */
  readonly save: (lane: string, digest: DigestState | undefined) => Promise<void>;
  /** A digest was delivered that told of these. */
  readonly onDigest: (receiver: string, groups: number, alerts: readonly FlushAlert[]) => void;
}

export class StormControl {
  private readonly lanes = new Map<string, StormLane>();
  private released = false;

  constructor(
    private settings: CalmConfig["storm"],
    private readonly options: StormOptions,
  ) {}

  /** Between "is it news" and "deliver it". What is folded waits until its digest was delivered. */
  readonly stage: Stage<DeliveryContext> = (context, alerts) => {
    if (!this.settings || !this.options.calms(context.delivery.kind)) return alerts;
    if (this.released) throw new DeliveryFailed("stopped", true);
    return this.lane(laneKey(context.route.receiver, context.delivery)).take(context, alerts);
  };

  configure(settings: CalmConfig["storm"]): void {
    this.settings = settings;
  }

  restore(lane: string, state: DigestState): void {
    if (this.settings) this.lane(lane).restore(state);
  }

  /** After the groups were told to stop: lets go of all that waits, untold. Nothing is folded until `resume`. */
  async release(): Promise<void> {
    this.released = true;
    await Promise.all([...this.lanes.values()].map((lane) => lane.release()));
  }

  resume(): void {
    this.released = false;
  }

  /** Groups that are no more cannot tell that they have ended. */
  sweep(groupKeys: () => ReadonlySet<string>): void {
    if (this.lanes.size === 0) return;
    const present = groupKeys();
    for (const [key, lane] of this.lanes) {
      lane.sweep(present);
      if (lane.isIdle) this.lanes.delete(key);
    }
  }

  view(): Storm[] {
    return [...this.lanes.values()].flatMap((lane) => lane.view() ?? []);
  }

  private lane(key: string): StormLane {
    const known = this.lanes.get(key);
    if (known) return known;
    const [receiver, kind, index] = JSON.parse(key) as [string, string, number];
    const { deliveries, save } = this.options;
    const lane = new StormLane({
      ...this.options,
      receiver,
      kind,
      index,
      limit: () => this.settings,
      delivery: () => deliveries(receiver).find((way) => way.kind === kind && way.index === index),
      save: (state) => save(key, state),
    });
    this.lanes.set(key, lane);
    return lane;
  }
}

function laneKey(receiver: string, { kind, index }: Delivery): string {
  return JSON.stringify([receiver, kind, index]);
}
