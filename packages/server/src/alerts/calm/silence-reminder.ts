// A word before a silence ends that still hides firing alerts: better than their sudden return.
import { type Clock, compareStrings, type NotificationData, type NotifiedAlert } from "@storewatch/model";
import type { CalmConfig } from "../../config/calm.ts";
import type { Logger } from "../../kernel/logger.ts";
import type { AlertRecord } from "../alert.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { Delivery } from "../interface.ts";
import { matcherText } from "../matchers/parse.ts";
import type { Silence } from "../silences.ts";
import { isMachine, keepsIncidents } from "./kinds.ts";
import { worstSeverity } from "./severity.ts";

/** JSON, because it outlives the process: nobody is reminded twice of the same end. */
export interface SentReminder {
  readonly id: string;
  /** A silence made longer is reminded of anew. */
  readonly endsAtMs: number;
  readonly atMs: number;
}

/** What a silence hides that nothing else will hide when it ends. */
export interface Hidden {
  readonly silence: Silence;
  readonly alerts: readonly AlertRecord[];
}

export interface ReminderOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly externalUrl: string;
  /** Active ones that end before the time and hide firing alerts which no other silence hides for longer. */
  readonly hidden: (endBeforeMs: number) => readonly Hidden[];
  /** Receivers that would be told of the alert now, but for silences. */
  readonly receiversOf: (alert: AlertRecord) => readonly string[];
  readonly deliveries: (receiver: string) => readonly Delivery[];
  /** undefined forgets it. Never rejects. */
  readonly save: (id: string, sent: SentReminder | undefined) => Promise<void>;
}

export const REMINDER_ALERTNAME = "SilenceEndsSoon";
const NAMES_LISTED = 20;

export class SilenceReminders {
  private readonly sent = new Map<string, SentReminder>();
  private readonly underWay = new Map<string, AbortController>();

  constructor(
    private settings: CalmConfig["silenceReminder"],
    private readonly options: ReminderOptions,
  ) {}

  configure(settings: CalmConfig["silenceReminder"]): void {
    this.settings = settings;
  }

  restore(sent: SentReminder): void {
    this.sent.set(sent.id, sent);
  }

  /** Silences that end soon, whether people were reminded or not. */
  expiring(): (Hidden & { readonly remindedAtMs: number | undefined })[] {
    const { settings } = this;
    if (!settings) return [];
    const nowMs = this.options.clock.nowMs();
    return this.options
      .hidden(nowMs + settings.beforeMs)
      .filter(({ silence }) => nowMs >= remindAtMs(silence, settings.beforeMs))
      .map((one) => {
        const sent = this.sent.get(one.silence.id);
        const remindedAtMs = sent?.endsAtMs === one.silence.endsAtMs ? sent.atMs : undefined;
        return { ...one, remindedAtMs };
      })
      .sort((a, b) => a.silence.endsAtMs - b.silence.endsAtMs);
  }

  /** To be called now and then. Does not wait for the deliveries. */
  sweep(): void {
    const { clock, save } = this.options;
    const nowMs = clock.nowMs();
    for (const { id, endsAtMs } of this.sent.values()) {
      if (endsAtMs > nowMs) continue;
      this.sent.delete(id);
      void save(id, undefined);
    }
    for (const { silence, alerts, remindedAtMs } of this.expiring()) {
      if (remindedAtMs === undefined && !this.underWay.has(silence.id)) void this.remind(silence, alerts);
    }
  }

  stop(): void {
    for (const controller of this.underWay.values()) controller.abort(new Error("stopped"));
  }

  private async remind(silence: Silence, alerts: readonly AlertRecord[]): Promise<void> {
    const { clock, save } = this.options;
    const controller = new AbortController();
    this.underWay.set(silence.id, controller);
    const end = clock.setTimer(silence.endsAtMs - clock.nowMs(), () => controller.abort(new Error("it has ended")));
    try {
      const told = await Promise.all(
        this.ways(alerts).map(async ({ delivery, receiver, own }) => {
          const data = this.notification(silence, own, receiver);
          return (await delivery.deliver({ data, arrivedAtMs: undefined }, controller.signal)).delivered;
        }),
      );
      if (!told.some(Boolean)) return;
      const sent = { id: silence.id, endsAtMs: silence.endsAtMs, atMs: clock.nowMs() };
      this.sent.set(silence.id, sent);
      await save(silence.id, sent);
    } catch (error) {
      this.options.logger.error({ error: String(error), silence: silence.id }, "reminder of a silence failed");
    } finally {
      end.cancel();
      this.underWay.delete(silence.id);
    }
  }

  /** A reminder has no end that could close an incident; and machines read the API. */
  private ways(alerts: readonly AlertRecord[]) {
    const named = this.settings?.receiver;
    const perReceiver = new Map<string, AlertRecord[]>();
    for (const alert of alerts) {
      for (const receiver of named === undefined ? this.options.receiversOf(alert) : [named]) {
        perReceiver.set(receiver, [...(perReceiver.get(receiver) ?? []), alert]);
      }
    }
    return [...perReceiver].flatMap(([receiver, own]) =>
      this.options
        .deliveries(receiver)
        .filter(({ kind }) => !keepsIncidents(kind) && (named !== undefined || !isMachine(kind)))
        .map((delivery) => ({ delivery, receiver, own })),
    );
  }

  private notification(silence: Silence, alerts: readonly AlertRecord[], receiver: string): NotificationData {
    const { externalUrl } = this.options;
    const groupLabels = { alertname: REMINDER_ALERTNAME, silenced_by: silence.createdBy };
    const severity = worstSeverity(alerts.map(({ labels }) => labels.severity ?? ""));
    const labels = { ...groupLabels, ...(severity ? { severity } : {}) };
    const one: NotifiedAlert = {
      status: "firing",
      labels,
      annotations: reminderTexts(silence, alerts, this.options.clock.nowMs()),
      startsAtMs: silence.startsAtMs,
      endsAtMs: 0,
      generatorUrl: `${externalUrl}/alerts`,
      fingerprint: fingerprintOf({ silence: silence.id }),
    };
    return {
      receiver,
      status: "firing",
      alerts: [one],
      groupLabels,
      commonLabels: labels,
      commonAnnotations: one.annotations,
      externalUrl,
      groupKey: `silence:${silence.id}`,
      truncatedAlerts: 0,
    };
  }
}

/** A short silence is not reminded of as soon as it begins. */
function remindAtMs({ startsAtMs, endsAtMs }: Silence, beforeMs: number): number {
  return endsAtMs - Math.min(beforeMs, (endsAtMs - startsAtMs) / 4);
}

function reminderTexts(silence: Silence, alerts: readonly AlertRecord[], nowMs: number): Record<string, string> {
  const minutes = Math.max(1, Math.round((silence.endsAtMs - nowMs) / 60_000));
  const names = alerts.map(
    ({ labels }) => `${labels.alertname ?? ""}${labels.tenant_id ? ` (${labels.tenant_id})` : ""}`,
  );
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const listed = [...counts]
    .sort(([a, m], [b, n]) => n - m || compareStrings(a, b))
    .slice(0, NAMES_LISTED)
    .map(([name, n]) => (n > 1 ? `${name} ×${n}` : name));
  const more = counts.size > listed.length ? ` and ${counts.size - listed.length} more` : "";
  const what = alerts.length === 1 ? "1 alert that still fires" : `${alerts.length} alerts that still fire`;
  return {
    summary: `A silence ends in ${minutes} minute${minutes === 1 ? "" : "s"} and hides ${what}`,
    description:
      `Silence by ${silence.createdBy} ("${silence.comment}") for ${silence.matchers.map(matcherText).join(", ")} ` +
      `ends at ${new Date(silence.endsAtMs).toISOString()}. Then you are told again of: ${listed.join(", ")}${more}.`,
  };
}
