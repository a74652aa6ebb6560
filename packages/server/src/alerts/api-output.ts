// Alerts, groups and silences in the form of the Alertmanager API.
import type { AlertView, GroupView } from "./manager.ts";
import { matcherJson } from "./matchers/parse.ts";
import { type Silence, stateOf } from "./silences.ts";

const time = (ms: number) => new Date(ms).toISOString();

export function alertJson({ alert, state, silencedBy, inhibitedBy, mutedBy, receivers }: AlertView): object {
  return {
    annotations: alert.annotations,
    endsAt: time(alert.endsAtMs),
    fingerprint: alert.fingerprint,
    receivers: receivers.map((name) => ({ name })),
    startsAt: time(alert.startsAtMs),
    status: { inhibitedBy, mutedBy, silencedBy, state },
    updatedAt: time(alert.updatedAtMs),
    generatorURL: alert.generatorUrl,
    labels: alert.labels,
  };
}

export function groupJson(group: GroupView, alerts: readonly AlertView[]): object {
  return {
    alerts: alerts.map(alertJson),
    labels: group.labels,
    routeLabels: group.routeLabels,
    receiver: { name: group.receiver },
  };
}

export function silenceJson(silence: Silence, nowMs: number): object {
  return {
    id: silence.id,
    status: { state: stateOf(silence, nowMs) },
    updatedAt: time(silence.updatedAtMs),
    annotations: silence.annotations,
    comment: silence.comment,
    createdBy: silence.createdBy,
    endsAt: time(silence.endsAtMs),
    matchers: silence.matchers.map(matcherJson),
    startsAt: time(silence.startsAtMs),
  };
}
