// The alert manager: takes alerts, decides who is told, when and grouped how, and answers for the API and the pages.
import { randomUUID } from "node:crypto";
import {
  ALL_TENANTS,
  type AlertSink,
  type Clock,
  type LabelRecord,
  type NotificationData,
  type PostableAlert,
  scopeAllows,
  TENANT_LABEL,
  type TenantScope,
  type Timer,
} from "@storewatch/model";
import { CALM_DEFAULTS, type CalmConfig } from "../config/calm.ts";
import type { Logger } from "../kernel/logger.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import { type AlertRecord, isResolved } from "./alert.ts";
import { type AlertLimits, AlertStore, type PutResult } from "./alert-store.ts";
import { CalmControl } from "./calm/control.ts";
import { type AlertObserver, NO_OBSERVER } from "./calm/observer.ts";
import type { Hidden } from "./calm/silence-reminder.ts";
import type { AlertmanagerConfig, ReceiverConfig, Route } from "./config/types.ts";
import { Dispatcher, matchRoutes } from "./dispatcher.ts";
import type { Group } from "./group.ts";
import { Inhibitor } from "./inhibitor.ts";
import type { AlertStatePersistence, Delivery } from "./interface.ts";
import { matchesLabels } from "./matchers/parse.ts";
import { type AlertMetrics, createAlertMetrics } from "./metrics.ts";
import { NotificationLog } from "./notification-log.ts";
import { type Silence, type SilenceInput, type SilenceLimits, Silences } from "./silences.ts";
import { DeliveryFailed, dedupStage, deliverStage, notificationData, recordStage } from "./stage/deliver.ts";
import { flapStage } from "./stage/flap.ts";
import { muteStage, type OnSuppressed, routeMutedBy, timeStage } from "./stage/mute.ts";
import { AlertState } from "./state.ts";

export interface AlertManagerOptions {
  readonly config: AlertmanagerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SelfMetrics;
  readonly persistence: AlertStatePersistence;
  /** The ways to a receiver; asked once for each receiver and configuration. */
  readonly deliveries: (receiver: ReceiverConfig) => readonly Delivery[];
  /** The labels of a group's route, which are templates. Without it they are shown as they are written. */
  readonly renderRouteLabels?: (data: NotificationData) => LabelRecord;
  /** Base URL of the web app, for links in notifications. */
  readonly externalUrl: string;
  readonly limits?: Partial<AlertLimits & SilenceLimits>;
  readonly newId?: () => string;
  /** Without it the defaults of storewatch.yml hold. */
  readonly calm?: CalmConfig;
  /** Learns what becomes of alerts. */
  readonly observer?: AlertObserver;
}

export type AlertViewState = "active" | "suppressed";

/** An alert and what becomes of it right now. */
export interface AlertView {
  readonly alert: AlertRecord;
  readonly state: AlertViewState;
  readonly silencedBy: readonly string[];
  readonly inhibitedBy: readonly string[];
  /** Names of time intervals; in groups only, because they belong to a route. */
  readonly mutedBy: readonly string[];
  readonly receivers: readonly string[];
}

export interface GroupView {
  readonly key: string;
  readonly route: Route;
  readonly labels: LabelRecord;
  readonly receiver: string;
  readonly mutedBy: readonly string[];
  readonly alerts: readonly AlertView[];
  /** Rendered. */
  readonly routeLabels: LabelRecord;
}

const LIMITS = { alertsMax: 50_000, alertsPerTenantMax: 5_000, silencesMax: 10_000, silenceBytesMax: 64 * 1024 };
const MAINTENANCE_MS = 30_000;

export function createAlertManager(options: AlertManagerOptions): AlertManager {
  return new AlertManager(options);
}

export class AlertManager {
  private config: AlertmanagerConfig;
  private readonly state: AlertState;
  private readonly store: AlertStore;
  private readonly log: NotificationLog;
  private readonly silenceBook: Silences;
  private readonly metrics: AlertMetrics;
  private readonly observer: AlertObserver;
  readonly calm: CalmControl;
  private ways: ReadonlyMap<string, readonly Delivery[]> = new Map();
  private inhibitor: Inhibitor;
  private dispatcher: Dispatcher | undefined;
  private maintenance: Timer | undefined;
  private readonly listeners = new Set<() => void>();
  /** Kept on disk as firing; to be noted there when they end by themselves. */
  private readonly savedAsFiring = new Set<string>();
  readonly startedAtMs: number;

  constructor(private readonly options: AlertManagerOptions) {
    const limits = { ...LIMITS, ...options.limits };
    this.config = options.config;
    this.startedAtMs = options.clock.nowMs();
    this.state = new AlertState(options.persistence, options.logger);
    this.store = new AlertStore(limits);
    this.log = new NotificationLog({ save: this.state.saveNotified });
    const newId = options.newId ?? randomUUID;
    this.silenceBook = new Silences({ limits, newId, save: this.state.saveSilence });
    this.inhibitor = new Inhibitor(this.config.inhibitRules);
    this.metrics = createAlertMetrics(options.metrics, {
      alerts: () => this.countAlerts(),
      groups: () => this.dispatcher?.all().length ?? 0,
      silences: () => this.silenceBook.counts(this.nowMs()),
      flapping: () => this.calm.flap.marks(this.nowMs()).length,
    });
    this.observer = options.observer ?? NO_OBSERVER;
    this.calm = new CalmControl({
      ...options,
      config: options.calm ?? CALM_DEFAULTS,
      state: this.state,
      observer: this.observer,
      deliveries: (receiver) => this.ways.get(receiver) ?? [],
      hidden: (endBeforeMs) => this.hiddenUntil(endBeforeMs),
      receiversOf: (alert) => this.wouldBeTold(alert),
      countDigest: this.metrics.folded,
    });
  }

  /** Loads what was kept and starts telling people. */
  async start(): Promise<void> {
    const restored = await this.state.load();
    for (const silence of restored.silences) this.silenceBook.restore(silence);
    for (const entry of restored.notified) this.log.restore(entry);
    for (const alert of restored.alerts) this.restoreAlert(alert);
    this.calm.restore(restored);
    this.inhibitor = this.freshInhibitor();
    this.dispatcher = this.freshDispatcher();
    this.scheduleMaintenance();
  }

  async stop(): Promise<void> {
    this.maintenance?.cancel();
    this.calm.reminders.stop();
    await this.stopDispatcher();
  }

  /** Takes over a new configuration. Group timers start anew; nobody is told twice. */
  async reload(config: AlertmanagerConfig, calm: CalmConfig = this.calm.config): Promise<void> {
    await this.stopDispatcher();
    this.config = config;
    this.calm.configure(calm);
    this.inhibitor = this.freshInhibitor();
    this.dispatcher = this.freshDispatcher();
    this.changed();
  }

  /** Takes alerts of `scope`'s tenants. Resolves when they would survive a crash; notifications do not wait for that. */
  async put(scope: TenantScope, posted: readonly PostableAlert[]): Promise<PutResult> {
    const nowMs = this.nowMs();
    const result = this.store.put(scope, posted, nowMs, this.config.resolveTimeoutMs);
    const toSave: AlertRecord[] = [];
    let resolved = 0;
    for (const { alert, before } of result.stored) {
      if (isResolved(alert, nowMs)) resolved += 1;
      this.inhibitor.update(alert);
      this.calm.observe(alert, before, nowMs);
      if (isWorthSaving(alert, before, nowMs)) toSave.push(alert);
    }
    // Inhibition is complete before the first of them can be notified.
    for (const { alert } of result.stored) this.dispatcher?.dispatch(alert);
    this.metrics.received("resolved", resolved);
    this.metrics.received("firing", result.stored.length - resolved);
    for (const { kind } of result.rejected) this.metrics.received(kind, 1);
    if (toSave.length > 0) this.changed();
    await this.saveAlerts(toSave, nowMs);
    return result;
  }

  /** For rules of the operator's own files. */
  readonly sink: AlertSink = async (alerts) => {
    const { rejected } = await this.put(ALL_TENANTS, alerts);
    if (rejected.length > 0)
      this.options.logger.warn({ rejected: rejected.slice(0, 5) }, "alerts of rules were refused");
  };

  /** Alerts that have not ended. */
  alerts(scope: TenantScope): AlertView[] {
    const nowMs = this.nowMs();
    const views: AlertView[] = [];
    for (const alert of this.store.all()) {
      if (!isResolved(alert, nowMs) && isVisible(scope, alert)) views.push(this.view(alert, nowMs, []));
    }
    return views.sort((a, b) => (a.alert.fingerprint < b.alert.fingerprint ? -1 : 1));
  }

  groups(scope: TenantScope): GroupView[] {
    const nowMs = this.nowMs();
    return (this.dispatcher?.all() ?? []).flatMap((group) => {
      const mutedBy = routeMutedBy(group.route, this.config.timeIntervals, nowMs);
      const alerts = group
        .members()
        .filter((alert) => !isResolved(alert, nowMs) && isVisible(scope, alert))
        .map((alert) => this.view(alert, nowMs, mutedBy));
      const { key, labels, route } = group;
      if (alerts.length === 0) return [];
      const routeLabels = this.routeLabels(group, alerts);
      return [{ key, route, labels, receiver: route.receiver, mutedBy, alerts, routeLabels }];
    });
  }

  private routeLabels({ route, key, labels }: Group, alerts: readonly AlertView[]): LabelRecord {
    const { renderRouteLabels, externalUrl } = this.options;
    if (!renderRouteLabels || Object.keys(route.labels).length === 0) return route.labels;
    const flush = alerts.map(({ alert }) => ({ alert, resolved: false }));
    return renderRouteLabels(notificationData({ route, groupKey: key, groupLabels: labels }, flush, externalUrl));
  }

  silences(scope: TenantScope): Silence[] {
    return this.silenceBook.list(scope);
  }

  silence(scope: TenantScope, id: string): Silence | undefined {
    return this.silenceBook.get(scope, id);
  }

  /** Creates or edits; returns the id. Throws SilenceError. Resolves when durable. */
  async setSilence(scope: TenantScope, input: SilenceInput): Promise<string> {
    const id = await this.silenceBook.set(scope, input, this.nowMs());
    const { matchers } = input;
    this.observer.acted(this.firing(scope).filter((alert) => matchesLabels(matchers, alert.labels)));
    this.changed();
    return id;
  }

  /** Throws SilenceError. */
  async expireSilence(scope: TenantScope, id: string): Promise<void> {
    await this.silenceBook.expire(scope, id, this.nowMs());
    this.changed();
  }

  receivers(): readonly ReceiverConfig[] {
    return this.config.receivers;
  }

  /** The root of the routing tree. */
  get route(): Route {
    return this.config.route;
  }

  get timeIntervals(): AlertmanagerConfig["timeIntervals"] {
    return this.config.timeIntervals;
  }

  /** Silences that hide alerts with these labels at the time. */
  silencing(labels: LabelRecord, atMs: number): Silence[] {
    return this.silenceBook.silencedBy(labels, atMs).flatMap((id) => this.silenceBook.get(ALL_TENANTS, id) ?? []);
  }

  /** Alerts that mute one with these labels. */
  inhibiting(labels: LabelRecord): AlertRecord[] {
    return this.inhibitor.inhibitedBy(labels, this.nowMs()).flatMap((id) => this.store.get(id) ?? []);
  }

  /** Also one that has resolved lately; undefined when it is not of these tenants. */
  alert(scope: TenantScope, fingerprint: string): AlertRecord | undefined {
    const alert = this.store.get(fingerprint);
    return alert && isVisible(scope, alert) ? alert : undefined;
  }

  /** The file with secrets masked. */
  get originalConfig(): string {
    return this.config.original;
  }

  nowMs(): number {
    return this.options.clock.nowMs();
  }

  /** Called after alerts or silences changed; returns the way to stop listening. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }

  private firing(scope: TenantScope): AlertRecord[] {
    const nowMs = this.nowMs();
    return [...this.store.all()].filter((alert) => !isResolved(alert, nowMs) && isVisible(scope, alert));
  }

  private hiddenUntil(endBeforeMs: number): Hidden[] {
    const nowMs = this.nowMs();
    const ending = this.silenceBook.activeUntil(nowMs, endBeforeMs);
    if (ending.length === 0) return [];
    const alerts = new Map(ending.map((silence) => [silence.id, [] as AlertRecord[]]));
    for (const alert of this.firing(ALL_TENANTS)) {
      const hiding = this.silencing(alert.labels, nowMs);
      if (hiding.length === 0) continue;
      // The last to end counts: until then the alert stays hidden.
      const last = hiding.reduce((a, b) => (b.endsAtMs > a.endsAtMs ? b : a));
      alerts.get(last.id)?.push(alert);
    }
    return ending
      .map((silence) => ({ silence, alerts: alerts.get(silence.id) ?? [] }))
      .filter((hidden) => hidden.alerts.length > 0);
  }

  /** Receivers that would be told of the alert now, were it not silenced. */
  wouldBeTold(alert: AlertRecord): string[] {
    const nowMs = this.nowMs();
    if (this.inhibitor.inhibitedBy(alert.labels, nowMs).length > 0) return [];
    const routes = matchRoutes(this.config.route, alert.labels);
    const open = routes.filter((route) => routeMutedBy(route, this.config.timeIntervals, nowMs).length === 0);
    return [...new Set(open.map((route) => route.receiver))];
  }

  private async stopDispatcher(): Promise<void> {
    const { dispatcher } = this;
    this.dispatcher = undefined;
    // First: groups that have stopped do not come again with what the storm control lets go.
    const stopped = dispatcher?.stop();
    await this.calm.storm.release();
    await stopped;
  }

  private view(alert: AlertRecord, nowMs: number, mutedBy: readonly string[]): AlertView {
    const silencedBy = this.silenceBook.silencedBy(alert.labels, nowMs);
    const inhibitedBy = this.inhibitor.inhibitedBy(alert.labels, nowMs);
    const quiet = silencedBy.length + inhibitedBy.length + mutedBy.length > 0;
    const receivers = [...new Set(matchRoutes(this.config.route, alert.labels).map((route) => route.receiver))];
    return { alert, state: quiet ? "suppressed" : "active", silencedBy, inhibitedBy, mutedBy, receivers };
  }

  private countAlerts(): { firing: number; suppressed: number } {
    const views = this.alerts(ALL_TENANTS);
    return { firing: views.length, suppressed: views.filter((view) => view.state === "suppressed").length };
  }

  /**
   * What fired when the process ended may fire still: its sender gets the time to say so before it counts as resolved.
   */
  private restoreAlert(alert: AlertRecord): void {
    const nowMs = this.nowMs();
    const fired = alert.endsAtMs > alert.updatedAtMs;
    const graceMs = nowMs + this.config.resolveTimeoutMs;
    const timeout = alert.timeout || alert.endsAtMs < graceMs;
    this.store.set(fired ? { ...alert, endsAtMs: Math.max(alert.endsAtMs, graceMs), timeout } : alert);
    if (fired) this.savedAsFiring.add(alert.fingerprint);
  }

  private async saveAlerts(alerts: readonly AlertRecord[], nowMs: number): Promise<void> {
    for (const alert of alerts) {
      if (isResolved(alert, nowMs)) this.savedAsFiring.delete(alert.fingerprint);
      else this.savedAsFiring.add(alert.fingerprint);
    }
    await this.state.saveAlerts(alerts);
  }

  private freshInhibitor(): Inhibitor {
    const inhibitor = new Inhibitor(this.config.inhibitRules);
    for (const alert of this.store.all()) inhibitor.update(alert);
    return inhibitor;
  }

  private freshDispatcher(): Dispatcher {
    const { clock, logger, externalUrl } = this.options;
    const { route, receivers, timeIntervals } = this.config;
    const ways = new Map(receivers.map((receiver) => [receiver.name, this.options.deliveries(receiver)]));
    this.ways = ways;
    this.calm.storm.resume();
    const suppressed: OnSuppressed = (reason, alerts) => {
      this.metrics.suppressed(reason, alerts.length);
      this.observer.suppressed(reason, alerts);
    };
    const dispatcher = new Dispatcher({
      clock,
      route,
      deliveries: (receiver) => ways.get(receiver) ?? [],
      groupStages: [
        muteStage("inhibition", (labels, nowMs) => this.inhibitor.inhibitedBy(labels, nowMs), suppressed),
        timeStage(timeIntervals, suppressed),
        muteStage("silence", (labels, nowMs) => this.silenceBook.silencedBy(labels, nowMs), suppressed),
      ],
      deliveryStages: [
        flapStage(this.calm.calms),
        dedupStage(this.log),
        this.calm.storm.stage,
        deliverStage(externalUrl),
        recordStage(this.log, ({ folded }, alerts) => this.observer.told(alerts, !folded)),
      ],
      flapOf: this.calm.flapOf,
      onFailure: ({ kind, index }, error) => {
        if (error instanceof DeliveryFailed && error.quiet) return;
        const reason = error instanceof Error ? error.message : String(error);
        logger.error({ integration: `${kind}[${index}]`, error: reason }, "notification failed");
      },
    });
    for (const alert of this.store.all()) dispatcher.dispatch(alert);
    return dispatcher;
  }

  private scheduleMaintenance(): void {
    this.maintenance = this.options.clock.setTimer(MAINTENANCE_MS, () => {
      this.scheduleMaintenance();
      this.maintain().catch((error) => this.options.logger.error({ error: String(error) }, "alert maintenance failed"));
    });
  }

  private async maintain(): Promise<void> {
    const nowMs = this.nowMs();
    this.dispatcher?.collectGarbage();
    const ended = [...this.savedAsFiring].flatMap((id) => {
      const alert = this.store.get(id);
      // Its end is its last word, so that it is not taken for firing after a restart.
      return alert && isResolved(alert, nowMs)
        ? [{ ...alert, updatedAtMs: Math.max(alert.updatedAtMs, alert.endsAtMs) }]
        : [];
    });
    if (ended.length > 0) this.changed();
    for (const alert of ended) this.observer.ended(alert);
    await this.calm.maintain(nowMs, () => new Set(this.dispatcher?.all().map(({ key }) => key)));
    await this.saveAlerts(ended, nowMs);
    const gone = this.store.collectGarbage(nowMs, ({ fingerprint }) => !!this.calm.flap.markOf(fingerprint, nowMs));
    for (const alert of gone) this.inhibitor.remove(alert);
    await this.state.forgetAlerts(gone);
    await this.silenceBook.collectGarbage(nowMs);
    await this.log.collectGarbage(nowMs);
  }
}

function isVisible(scope: TenantScope, alert: AlertRecord): boolean {
  return scopeAllows(scope, alert.labels[TENANT_LABEL] ?? "");
}

/** A mere repetition is not written: it would cost a disk write a minute for each alert. */
function isWorthSaving(alert: AlertRecord, before: AlertRecord | undefined, nowMs: number): boolean {
  if (!before || isResolved(before, nowMs) !== isResolved(alert, nowMs)) return true;
  if (before.startsAtMs !== alert.startsAtMs || isResolved(alert, nowMs)) return true;
  return JSON.stringify(before.annotations) !== JSON.stringify(alert.annotations);
}
