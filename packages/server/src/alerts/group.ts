// One group of alerts for one route: waits group_wait after its first alert, then looks at each group_interval whether
// its integrations have to be told something.
import type { Clock, LabelRecord, Timer } from "@storewatch/model";
import { type AlertRecord, compareAlerts, isResolved } from "./alert.ts";
import type { Route } from "./config/types.ts";
import type { Delivery } from "./interface.ts";
import { DeliveryFailed } from "./stage/deliver.ts";
import { type DeliveryContext, type FlushAlert, type FlushContext, runStages, type Stage } from "./stage/stage.ts";

export interface GroupOptions {
  readonly clock: Clock;
  readonly route: Route;
  readonly key: string;
  readonly labels: LabelRecord;
  readonly deliveries: readonly Delivery[];
  /** Run once for the group. */
  readonly groupStages: readonly Stage[];
  /** Run for each integration by itself. */
  readonly deliveryStages: readonly Stage<DeliveryContext>[];
  readonly onFailure: (delivery: Delivery, error: unknown) => void;
  /** The sentence about an alert that flaps; undefined when it does not. */
  readonly flapOf: (alert: AlertRecord, nowMs: number) => string | undefined;
}

/** A flush gets the time until the next one, but at least this. */
const FLUSH_TIME_AT_LEAST_MS = 10_000;

export class Group {
  private readonly alerts = new Map<string, AlertRecord>();
  /** Fingerprints of flapping ones that all know as resolved: they stay until they are calm. */
  private readonly held = new Set<string>();
  private readonly lanes: readonly Lane[];
  private timer: Timer;
  private hasFlushed = false;
  private stopped = false;

  constructor(private readonly options: GroupOptions) {
    this.lanes = options.deliveries.map((delivery) => new Lane(delivery, options));
    this.timer = options.clock.setTimer(options.route.groupWaitMs, () => this.tick());
  }

  get route(): Route {
    return this.options.route;
  }

  get key(): string {
    return this.options.key;
  }

  get labels(): LabelRecord {
    return this.options.labels;
  }

  insert(alert: AlertRecord): void {
    this.alerts.set(alert.fingerprint, alert);
    if (this.held.size > 0 && !isResolved(alert, this.options.clock.nowMs())) this.held.delete(alert.fingerprint);
    // An alert that has fired for longer than group_wait (after a restart, say) does not wait again.
    if (this.hasFlushed || alert.startsAtMs + this.route.groupWaitMs >= this.options.clock.nowMs()) return;
    this.timer.cancel();
    this.timer = this.options.clock.setTimer(0, () => this.tick());
  }

  members(): AlertRecord[] {
    return [...this.alerts.values()].sort(compareAlerts);
  }

  get isIdle(): boolean {
    return this.alerts.size === 0 && this.lanes.every((lane) => !lane.isBusy);
  }

  /** No further flush; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.timer.cancel();
    await Promise.all(this.lanes.map((lane) => lane.settled));
  }

  /** Ends what is under way. */
  abort(): void {
    for (const lane of this.lanes) lane.abort();
  }

  private tick(): void {
    if (this.stopped) return;
    this.timer = this.options.clock.setTimer(this.route.groupIntervalMs, () => this.tick());
    this.hasFlushed = true;
    void this.flush();
  }

  private async flush(): Promise<void> {
    if (this.alerts.size === 0) return;
    const batch = this.snapshot();
    const prepared = this.prepare(batch);
    // Each integration that runs reports a failure; with none to run nobody listens.
    prepared.catch(() => {});
    const results = await Promise.all(this.lanes.map((lane) => lane.run(() => prepared, this.again)));
    if (!results.every(Boolean)) return;
    // All have been told: forget what is resolved, unless it was reported again meanwhile.
    for (const { alert, resolved, flapping } of batch) {
      const { fingerprint } = alert;
      if (!resolved || this.alerts.get(fingerprint) !== alert) continue;
      if (flapping !== undefined) this.held.add(fingerprint);
      else if (this.alerts.delete(fingerprint)) this.held.delete(fingerprint);
    }
  }

  /** For an integration that was still busy when the group flushed: the group as it is by then. */
  private readonly again = () => (this.stopped ? undefined : this.prepare(this.snapshot()));

  private snapshot(): FlushAlert[] {
    const nowMs = this.options.clock.nowMs();
    return this.members().map((alert) => {
      const resolved = isResolved(alert, nowMs);
      const flapping = this.options.flapOf(alert, nowMs);
      const held = this.held.has(alert.fingerprint);
      return flapping === undefined && !held ? { alert, resolved } : { alert, resolved, flapping, held };
    });
  }

  private async prepare(batch: readonly FlushAlert[]): Promise<Prepared> {
    const { clock, route, key, labels } = this.options;
    const context: FlushContext = {
      nowMs: clock.nowMs(),
      route,
      groupKey: key,
      groupLabels: labels,
      signal: NEVER_ABORTED,
    };
    return { context, alerts: await runStages(this.options.groupStages, context, batch) };
  }
}

const NEVER_ABORTED = new AbortController().signal;

interface Prepared {
  readonly context: FlushContext;
  readonly alerts: readonly FlushAlert[];
}

/**
 * The way to one integration, one flush at a time. A slow or hanging one holds up neither the group's other integrations
 * nor the group's clock: while it is busy, flushes pass it by, and it catches up when it is done.
 */
class Lane {
  private running: Promise<boolean> | undefined;
  private controller = new AbortController();
  private missed = false;

  constructor(
    private readonly delivery: Delivery,
    private readonly options: GroupOptions,
  ) {}

  get isBusy(): boolean {
    return this.running !== undefined;
  }

  get settled(): Promise<unknown> {
    return this.running ?? Promise.resolve();
  }

  abort(): void {
    this.controller.abort(new Error("stopped"));
  }

  /** True when the integration knows the batch now. */
  run(prepare: () => Promise<Prepared>, again: () => Promise<Prepared> | undefined): Promise<boolean> {
    if (this.running) {
      this.missed = true;
      return Promise.resolve(false);
    }
    this.running = this.deliver(prepare).finally(() => {
      this.running = undefined;
      if (!this.missed) return;
      this.missed = false;
      const next = again();
      if (next) void this.run(() => next, again);
    });
    return this.running;
  }

  private async deliver(prepare: () => Promise<Prepared>): Promise<boolean> {
    const { clock, route } = this.options;
    this.controller = new AbortController();
    const limitMs = Math.max(route.groupIntervalMs, FLUSH_TIME_AT_LEAST_MS);
    const timer = clock.setTimer(limitMs, () => this.controller.abort(new Error("the flush's time is over")));
    try {
      const { context, alerts } = await prepare();
      const { delivery } = this;
      const logKey = `${context.groupKey}:${route.receiver}/${delivery.kind}/${delivery.index}`;
      const own: DeliveryContext = { ...context, signal: this.controller.signal, delivery, logKey };
      await runStages(this.options.deliveryStages, own, alerts);
      return true;
    } catch (error) {
      if (error instanceof DeliveryFailed && error.again) {
        this.missed = true;
        return false;
      }
      this.options.onFailure(this.delivery, error);
      return false;
    } finally {
      timer.cancel();
    }
  }
}
