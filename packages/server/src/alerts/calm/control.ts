// Flap detection, storm control and reminders of one alert manager, with what they keep.
import type { Clock } from "@storewatch/model";
import type { CalmConfig } from "../../config/calm.ts";
import type { Logger } from "../../kernel/logger.ts";
import type { AlertRecord } from "../alert.ts";
import type { Delivery } from "../interface.ts";
import type { AlertState, RestoredState } from "../state.ts";
import { FlapTracker } from "./flap.ts";
import { isMachine } from "./kinds.ts";
import type { AlertObserver } from "./observer.ts";
import { type Hidden, SilenceReminders } from "./silence-reminder.ts";
import { StormControl } from "./storm.ts";
import { transitionsOf } from "./transition.ts";

export interface CalmOptions {
  readonly config: CalmConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly externalUrl: string;
  readonly state: AlertState;
  readonly observer: AlertObserver;
  readonly deliveries: (receiver: string) => readonly Delivery[];
  readonly hidden: (endBeforeMs: number) => readonly Hidden[];
  readonly receiversOf: (alert: AlertRecord) => readonly string[];
  readonly countDigest: (receiver: string, groups: number) => void;
}

export class CalmControl {
  readonly flap: FlapTracker;
  readonly storm: StormControl;
  readonly reminders: SilenceReminders;
  config: CalmConfig;

  constructor(private readonly options: CalmOptions) {
    const { clock, logger, externalUrl, deliveries, state, observer } = options;
    this.config = options.config;
    this.flap = new FlapTracker(this.config.flap);
    this.storm = new StormControl(this.config.storm, {
      clock,
      logger,
      externalUrl,
      deliveries,
      calms: this.calms,
      save: state.saveDigest,
      onDigest: (receiver, groups, alerts) => {
        options.countDigest(receiver, groups);
        observer.told(alerts, true);
      },
    });
    this.reminders = new SilenceReminders(this.config.silenceReminder, {
      clock,
      logger,
      externalUrl,
      deliveries,
      hidden: options.hidden,
      receiversOf: options.receiversOf,
      save: state.saveReminder,
    });
  }

  configure(config: CalmConfig): void {
    this.config = config;
    this.flap.configure(config.flap);
    this.storm.configure(config.storm);
    this.reminders.configure(config.silenceReminder);
  }

  restore({ flaps, digests, reminders }: RestoredState): void {
    for (const mark of flaps) this.flap.restore(mark);
    for (const [lane, state] of digests) this.storm.restore(lane, state);
    for (const sent of reminders) this.reminders.restore(sent);
  }

  /** An alert after a report, and what it was before. */
  observe(alert: AlertRecord, before: AlertRecord | undefined, nowMs: number): void {
    const transitions = transitionsOf(before, alert, nowMs);
    if (transitions.length === 0) return;
    this.options.observer.changed(alert, transitions);
    const began = this.flap.observe(alert.fingerprint, transitions);
    const mark = this.flap.markOf(alert.fingerprint, nowMs);
    if (mark) this.options.observer.flapping(alert);
    if (mark && began) void this.options.state.saveFlaps([mark], []);
  }

  /** What people are told of an alert that flaps. */
  readonly flapOf = (alert: AlertRecord, nowMs: number): string | undefined => {
    const mark = this.flap.markOf(alert.fingerprint, nowMs);
    return mark && this.flap.sentence(mark);
  };

  /** Machines are told everything, unless the configuration says otherwise. */
  readonly calms = (kind: string): boolean => this.config.webhooks || !isMachine(kind);

  async maintain(nowMs: number, groupKeys: () => ReadonlySet<string>): Promise<void> {
    this.storm.sweep(groupKeys);
    this.reminders.sweep();
    const calm = this.flap.sweep(nowMs);
    if (calm.length > 0) await this.options.state.saveFlaps([], calm);
  }
}
