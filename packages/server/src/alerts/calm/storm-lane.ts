// The storm control of one integration.
import { type Clock, sleep, type Timer } from "@storewatch/model";
import type { Storm } from "@storewatch/model/api";
import type { Logger } from "../../kernel/logger.ts";
import type { Delivery } from "../interface.ts";
import { arrivalOfNews, DeliveryFailed, newsId } from "../stage/deliver.ts";
import type { DeliveryContext, FlushAlert } from "../stage/stage.ts";
import { type DigestMember, type DigestState, digestData, foldedGroups, memberOf, totalsOf } from "./digest.ts";
import { keepsIncidents } from "./kinds.ts";

export interface StormLaneOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly externalUrl: string;
  readonly receiver: string;
  readonly kind: string;
  readonly index: number;
  readonly limit: () => { readonly notifications: number; readonly windowMs: number } | undefined;
  /** undefined: a reload removed it. */
  readonly delivery: () => Delivery | undefined;
  readonly save: (state: DigestState | undefined) => Promise<void>;
  readonly onDigest: (receiver: string, groups: number, alerts: readonly FlushAlert[]) => void;
}

/** A group that waits for the next digest. */
interface Waiting {
  readonly context: DeliveryContext;
  readonly alerts: readonly FlushAlert[];
  readonly member: DigestMember;
  readonly told: (alerts: readonly FlushAlert[]) => void;
  readonly failed: (error: DeliveryFailed) => void;
}

/** Groups seldom come in the same instant: the digest waits for the others of a storm. */
const COLLECT_MS = 5000;
/** How long a digest's delivery may take at least. */
const DELIVERY_AT_LEAST_MS = 10_000;
/** How long a stop waits for a digest under way. */
const DRAIN_MS = 5000;
const VIEW_NAMES = 20;

export class StormLane {
  /** When the latest notifications came, sent or folded: as many as are allowed within the window. */
  private recent: number[] = [];
  private readonly waiting = new Map<string, Waiting>();
  /** Groups that the open digest has told of. */
  private readonly members = new Map<string, DigestMember>();
  private opened: { readonly id: string; readonly startedAtMs: number } | undefined;
  private lastAtMs: number | undefined;
  private intervalMs = 0;
  private digests = 0;
  private timer: { readonly dueMs: number; readonly timer: Timer } | undefined;
  private sending: { readonly controller: AbortController; readonly ended: Promise<void> } | undefined;

  constructor(private readonly options: StormLaneOptions) {}

  restore({ id, startedAtMs, lastAtMs, digests, members }: DigestState): void {
    this.opened = { id, startedAtMs };
    this.lastAtMs = lastAtMs;
    this.digests = digests;
    for (const member of members) this.members.set(member.groupKey, member);
  }

  /** Passes the alerts on, or resolves when a digest has told of them; then `context.folded` is set. */
  take(
    context: DeliveryContext,
    alerts: readonly FlushAlert[],
  ): readonly FlushAlert[] | Promise<readonly FlushAlert[]> {
    const member = this.members.get(context.groupKey);
    const firing = alerts.filter(({ resolved }) => !resolved);
    if (!member && firing.length === 0 && keepsIncidents(this.options.kind)) {
      // It closes an incident that the group has of its own.
      return alerts;
    }
    const known = new Set(member?.firing);
    if (member && firing.every((one) => known.has(newsId(one)))) return this.fold(context, alerts);
    if (this.isStorm()) {
      this.note();
      return this.fold(context, alerts);
    }
    this.note();
    if (member) this.leave(member);
    return alerts;
  }

  /** Rejects what waits; a digest under way gets a moment to end. */
  async release(): Promise<void> {
    this.timer?.timer.cancel();
    this.timer = undefined;
    this.rejectAll("stopped");
    const { sending } = this;
    if (!sending) return;
    const cut = new AbortController();
    const late = sleep(this.options.clock, DRAIN_MS, cut.signal).then(
      () => sending.controller.abort(new Error("stopped")),
      () => {},
    );
    await Promise.race([sending.ended, late]);
    cut.abort();
    await sending.ended;
  }

  sweep(groupKeys: ReadonlySet<string>): void {
    const before = this.members.size;
    for (const key of this.members.keys()) {
      if (!groupKeys.has(key) && !this.waiting.has(key) && !this.sending) this.members.delete(key);
    }
    if (this.members.size < before) this.closeWhenEmpty();
  }

  get isIdle(): boolean {
    const since = this.options.clock.nowMs() - (this.options.limit()?.windowMs ?? 0);
    const isBusy = this.members.size + this.waiting.size > 0 || this.sending || this.timer;
    return !isBusy && !this.recent.some((atMs) => atMs > since);
  }

  view(): Storm | undefined {
    const all = this.withWaiting([...this.waiting.values()]);
    if (all.length === 0) return undefined;
    const totals = totalsOf(all);
    return {
      receiver: this.options.receiver,
      integration: `${this.options.kind}[${this.options.index}]`,
      sinceMs: this.opened?.startedAtMs ?? this.options.clock.nowMs(),
      active: this.isStorm(),
      lastDigestAtMs: this.lastAtMs ?? null,
      nextDigestAtMs: this.timer?.dueMs ?? null,
      digests: this.digests,
      groups: totals.groups,
      alerts: totals.alerts,
      worstSeverity: totals.severity,
      byAlertname: totals.byAlertname.list(VIEW_NAMES),
      byTenant: totals.byTenant.list(VIEW_NAMES),
    };
  }

  /** As many as are allowed came within the window. */
  private isStorm(): boolean {
    const limit = this.options.limit();
    if (!limit || this.recent.length < limit.notifications) return false;
    return this.options.clock.nowMs() - this.recent[this.recent.length - limit.notifications] < limit.windowMs;
  }

  private note(): void {
    this.recent.push(this.options.clock.nowMs());
    const most = this.options.limit()?.notifications ?? 0;
    if (this.recent.length > most) this.recent = this.recent.slice(-most);
  }

  private fold(context: DeliveryContext, alerts: readonly FlushAlert[]): Promise<readonly FlushAlert[]> {
    const key = context.groupKey;
    const member = memberOf(context, alerts);
    return new Promise((told, failed) => {
      this.waiting.get(key)?.failed(new DeliveryFailed("replaced by a newer state", false, true));
      this.waiting.set(key, { context, alerts, member, told, failed });
      this.schedule(context.route.groupIntervalMs);
    });
  }

  /** The group was told by a notification of its own. */
  private leave(member: DigestMember): void {
    this.members.delete(member.groupKey);
    this.closeWhenEmpty();
  }

  /** An incident is open for the digest: it has to be closed. People need no further word. */
  private closeWhenEmpty(): void {
    if ([...this.members.values()].some(({ firing }) => firing.length > 0) || this.waiting.size > 0) return;
    if (keepsIncidents(this.options.kind)) this.schedule(0);
    else this.close();
  }

  private close(): void {
    this.opened = undefined;
    this.members.clear();
    this.digests = 0;
    void this.options.save(undefined);
  }

  private schedule(groupIntervalMs: number): void {
    const nowMs = this.options.clock.nowMs();
    const nextMs = this.opened && this.lastAtMs !== undefined ? this.lastAtMs + groupIntervalMs : 0;
    const dueMs = Math.max(nowMs + COLLECT_MS, nextMs);
    this.intervalMs = groupIntervalMs;
    if (this.timer && this.timer.dueMs <= dueMs) return;
    this.timer?.timer.cancel();
    this.timer = { dueMs, timer: this.options.clock.setTimer(dueMs - nowMs, () => this.tick()) };
  }

  private tick(): void {
    this.timer = undefined;
    // What came during a delivery is scheduled at its end.
    if (this.sending) return;
    const controller = new AbortController();
    const ended = this.send(controller).finally(() => {
      this.sending = undefined;
      if (this.waiting.size > 0 && !this.timer) this.schedule(this.intervalMs);
    });
    this.sending = { controller, ended };
  }

  private async send(controller: AbortController): Promise<void> {
    const batch = [...this.waiting.values()];
    this.waiting.clear();
    const { clock, logger, receiver, kind, index } = this.options;
    const timer = clock.setTimer(Math.max(this.intervalMs, DELIVERY_AT_LEAST_MS), () =>
      controller.abort(new Error("the digest's time is over")),
    );
    const failure = await this.deliver(batch, controller.signal).catch(
      (error: unknown) => new DeliveryFailed(error instanceof Error ? error.message : String(error)),
    );
    timer.cancel();
    if (failure) {
      // One word in the log, not one for each group.
      const quiet = new DeliveryFailed(failure.message, failure.again, true);
      batch.forEach(({ failed }, i) => {
        failed(i === 0 ? failure : quiet);
      });
      return;
    }
    logger.info(
      {
        receiver,
        integration: `${kind}[${index}]`,
        groups: batch.map(({ context }) => context.groupKey).slice(0, 100),
      },
      `a digest told of ${batch.length} groups`,
    );
    this.options.onDigest(
      receiver,
      batch.length,
      batch.flatMap(({ alerts }) => alerts),
    );
    for (const { context, alerts, told } of batch) {
      context.folded = true;
      told(alerts);
    }
  }

  /** Why it failed; undefined when all are told. */
  private async deliver(batch: readonly Waiting[], signal: AbortSignal): Promise<DeliveryFailed | undefined> {
    const { clock, externalUrl, receiver, kind, index } = this.options;
    const delivery = this.options.delivery();
    const limit = this.options.limit();
    if (!delivery || !limit) {
      this.close();
      return new DeliveryFailed("no longer configured", true);
    }
    const nowMs = clock.nowMs();
    this.opened ??= { id: `${receiver}/${kind}/${index}/${nowMs}`, startedAtMs: nowMs };
    const members = this.withWaiting(batch);
    const data = digestData(members, { ...this.opened, receiver, nowMs, limit, externalUrl });
    const isNews = batch.some(({ member }) => member.firing.length > 0);
    if (isNews || delivery.sendResolved) {
      const arrivals = batch.flatMap(({ context, alerts }) => arrivalOfNews(context, alerts) ?? []);
      const arrivedAtMs = arrivals.length > 0 ? arrivals.reduce((a, b) => Math.max(a, b)) : undefined;
      const outcome = await delivery.deliver({ data, arrivedAtMs, folded: foldedGroups(members) }, signal);
      if (!outcome.delivered) return new DeliveryFailed(outcome.reason, outcome.again);
    }
    this.delivered(members, nowMs);
    return undefined;
  }

  private delivered(members: readonly DigestMember[], nowMs: number): void {
    this.lastAtMs = nowMs;
    this.digests += 1;
    this.members.clear();
    for (const member of members) if (member.firing.length > 0) this.members.set(member.groupKey, member);
    const { opened, digests } = this;
    if (this.members.size === 0) this.close();
    else if (opened)
      void this.options.save({ ...opened, lastAtMs: nowMs, digests, members: [...this.members.values()] });
  }

  private withWaiting(batch: readonly Waiting[]): DigestMember[] {
    const all = new Map(this.members);
    for (const { member } of batch) all.set(member.groupKey, member);
    return [...all.values()];
  }

  private rejectAll(reason: string): void {
    for (const { failed } of this.waiting.values()) failed(new DeliveryFailed(reason, true));
    this.waiting.clear();
  }
}
