// The way to one integration: is it news, deliver it, note that it was told.
import type { LabelRecord, NotificationData, NotifiedAlert } from "@storewatch/model";
import { type NotificationLog, notificationReason } from "../notification-log.ts";
import { flappingAnnotations } from "./flap.ts";
import type { DeliveryContext, FlushAlert, Stage } from "./stage.ts";

/** The receiver could not be told; the group tries again at its next flush. */
export class DeliveryFailed extends Error {
  constructor(
    message: string,
    /** Held back and let go: what is true now is to be told at once. */
    readonly again = false,
    /** Somebody else tells the log. */
    readonly quiet = false,
  ) {
    super(message);
  }
}

/** What the log of notifications knows a firing or resolved alert by: one that flaps is news against the same calm. */
export const newsId = ({ alert, flapping }: FlushAlert) =>
  flapping === undefined ? alert.fingerprint : `${alert.fingerprint}~flapping`;

const fingerprints = (alerts: readonly FlushAlert[], resolved: boolean) =>
  alerts.filter((one) => one.resolved === resolved).map(newsId);

export function dedupStage(log: NotificationLog): Stage<DeliveryContext> {
  return (context, alerts) => {
    context.entry = log.get(context.logKey);
    context.reason = notificationReason(
      context.entry,
      fingerprints(alerts, false),
      fingerprints(alerts, true),
      context.route.repeatIntervalMs,
      context.delivery.sendResolved,
      context.nowMs,
    );
    return context.reason ? alerts : [];
  };
}

/** Passes on what it was given, so that resolved alerts that are not sent count as told too. */
export function deliverStage(externalUrl: string): Stage<DeliveryContext> {
  return async (context, alerts) => {
    const { delivery } = context;
    if (context.folded) return alerts;
    const sent = delivery.sendResolved ? alerts : alerts.filter((one) => !one.resolved);
    if (sent.length === 0) return alerts;
    const data = notificationData(context, sent, externalUrl);
    const outcome = await delivery.deliver({ data, arrivedAtMs: arrivalOfNews(context, sent) }, context.signal);
    if (!outcome.delivered) throw new DeliveryFailed(outcome.reason, outcome.again);
    return alerts;
  };
}

export function recordStage(
  log: NotificationLog,
  onTold: (context: DeliveryContext, alerts: readonly FlushAlert[]) => void = () => {},
): Stage<DeliveryContext> {
  return async (context, alerts) => {
    onTold(context, alerts);
    const entry = {
      key: context.logKey,
      atMs: context.nowMs,
      firing: fingerprints(alerts, false),
      resolved: fingerprints(alerts, true),
    };
    await log.record(entry, context.route.repeatIntervalMs);
    return alerts;
  };
}

/** The latest arrival among alerts whose state this integration has not been told. */
export function arrivalOfNews(
  { entry }: Pick<DeliveryContext, "entry">,
  alerts: readonly FlushAlert[],
): number | undefined {
  const known = new Set(entry?.firing.map((id) => `f${id}`).concat(entry.resolved.map((id) => `r${id}`)));
  const arrivals = alerts
    .filter((one) => !known.has(`${one.resolved ? "r" : "f"}${newsId(one)}`))
    .flatMap(({ alert }) => alert.arrivedAtMs ?? []);
  return arrivals.length > 0 ? Math.max(...arrivals) : undefined;
}

export function notificationData(
  context: Pick<DeliveryContext, "route" | "groupKey" | "groupLabels" | "reason">,
  alerts: readonly FlushAlert[],
  externalUrl: string,
): NotificationData {
  const list = alerts.map(notifiedAlert);
  return {
    receiver: context.route.receiver,
    status: list.some((alert) => alert.status === "firing") ? "firing" : "resolved",
    alerts: list,
    groupLabels: context.groupLabels,
    commonLabels: common(list.map((alert) => alert.labels)),
    commonAnnotations: common(list.map((alert) => alert.annotations)),
    externalUrl,
    groupKey: context.groupKey,
    truncatedAlerts: 0,
    routeLabels: context.route.labels,
    ...(context.reason ? { reason: context.reason } : {}),
  };
}

function notifiedAlert({ alert, resolved, flapping }: FlushAlert): NotifiedAlert {
  return {
    status: resolved ? "resolved" : "firing",
    labels: alert.labels,
    annotations: flapping === undefined ? alert.annotations : flappingAnnotations(alert.annotations, flapping),
    startsAtMs: alert.startsAtMs,
    endsAtMs: resolved ? alert.endsAtMs : 0,
    generatorUrl: alert.generatorUrl,
    fingerprint: alert.fingerprint,
  };
}

function common(records: readonly LabelRecord[]): Record<string, string> {
  const [first = {}, ...rest] = records;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => rest.every((record) => record[name] === value)),
  );
}
