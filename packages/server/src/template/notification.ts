// NotificationData as templates see it: Alertmanager's Data, KV, Pairs and Alerts.
import { compareStrings, type LabelRecord, type NotificationData, type NotifiedAlert } from "@storewatch/model";
import { TemplateError, type TemplateValue } from "./interface.ts";
import { takes } from "./signature.ts";
import { GoTime, ZERO_TIME_MS } from "./time.ts";
import { GoList, GoMap, GoStruct } from "./values.ts";

export interface NotificationTemplateOptions {
  /** KV and Pairs print as `a=b, c=d` (Alertmanager since 0.26, the default) or as Go prints a map ("map"). */
  readonly pairText?: "pairs" | "map";
}

/** The value that is dot in a notification template. */
export function notificationTemplateData(
  data: NotificationData,
  options: NotificationTemplateOptions = {},
): TemplateValue {
  const asPairs = (options.pairText ?? "pairs") === "pairs";
  const alerts = data.alerts.map((alert) => alertValue(alert, asPairs));
  const fields = {
    Receiver: data.receiver,
    Status: data.status,
    Alerts: alertList(alerts),
    GroupLabels: keyValues(data.groupLabels, asPairs),
    CommonLabels: keyValues(data.commonLabels, asPairs),
    CommonAnnotations: keyValues(data.commonAnnotations, asPairs),
    ExternalURL: data.externalUrl,
    NotificationReason: data.reason ?? "first notification",
    RouteLabels: keyValues(data.routeLabels ?? {}, asPairs),
  };
  return new GoStruct("template.Data", fields, {}, () => ({
    receiver: fields.Receiver,
    status: fields.Status,
    alerts: fields.Alerts,
    groupLabels: fields.GroupLabels,
    commonLabels: fields.CommonLabels,
    commonAnnotations: fields.CommonAnnotations,
    externalURL: fields.ExternalURL,
    notification_reason: fields.NotificationReason,
    routeLabels: fields.RouteLabels,
  }));
}

function alertList(alerts: readonly GoStruct[]): GoList {
  const withStatus = (status: string) => alertList(alerts.filter((alert) => alert.fields.Status === status));
  return new GoList("template.Alerts", alerts, {
    Firing: takes([], () => withStatus("firing")),
    Resolved: takes([], () => withStatus("resolved")),
  });
}

function alertValue(alert: NotifiedAlert, asPairs: boolean): GoStruct {
  const time = (ms: number) => GoTime.fromMs(ms === 0 ? ZERO_TIME_MS : ms);
  const fields = {
    Status: alert.status,
    Labels: keyValues(alert.labels, asPairs),
    Annotations: keyValues(alert.annotations, asPairs),
    StartsAt: time(alert.startsAtMs),
    EndsAt: time(alert.endsAtMs),
    GeneratorURL: alert.generatorUrl,
    Fingerprint: alert.fingerprint,
  };
  return new GoStruct("template.Alert", fields, {}, () => ({
    status: fields.Status,
    labels: fields.Labels,
    annotations: fields.Annotations,
    startsAt: fields.StartsAt,
    endsAt: fields.EndsAt,
    generatorURL: fields.GeneratorURL,
    fingerprint: fields.Fingerprint,
  }));
}

/** alertname first, then by name. */
function sortedPairs(entries: ReadonlyMap<string, string>): [string, string][] {
  return [...entries].sort(([a], [b]) => {
    if (a === "alertname" || b === "alertname") return a === b ? 0 : a === "alertname" ? -1 : 1;
    return compareStrings(a, b);
  });
}

function pairsText(pairs: ReadonlyArray<readonly [string, string]>): string {
  return pairs.map(([name, value]) => `${name}=${value}`).join(", ");
}

function keyValues(record: LabelRecord, asPairs: boolean): GoMap {
  return keyValueMap(new Map(Object.entries(record)), asPairs);
}

function strings(items: readonly string[]): GoList {
  return new GoList("[]string", items);
}

function keyValueMap(entries: ReadonlyMap<string, string>, asPairs: boolean): GoMap {
  const pairs = sortedPairs(entries);
  const methods = {
    SortedPairs: takes([], () => pairList(pairs, asPairs)),
    Names: takes([], () => strings(pairs.map(([name]) => name))),
    Values: takes([], () => strings(pairs.map(([, value]) => value))),
    Remove: takes(["strings"], (names) => {
      const rest = new Map([...entries].filter(([name]) => !names.includes(name)));
      return keyValueMap(rest, asPairs);
    }),
    String: takes([], () => pairsText(pairs)),
  };
  return new GoMap("template.KV", entries, "", methods, asPairs ? () => pairsText(pairs) : undefined);
}

function pairList(pairs: ReadonlyArray<readonly [string, string]>, asPairs: boolean): GoList {
  const items = pairs.map(([Name, Value]) => new GoStruct("template.Pair", { Name, Value }));
  const methods = {
    Names: takes([], () => strings(pairs.map(([name]) => name))),
    Values: takes([], () => strings(pairs.map(([, value]) => value))),
    String: takes([], () => pairsText(pairs)),
  };
  return new GoList("template.Pairs", items, methods, asPairs ? () => pairsText(pairs) : undefined);
}

/** A notification with one made-up alert: templates of a configuration are tried on it when the file is checked. */
export function exampleNotification(receiver: string, externalUrl: string, nowMs: number): NotificationData {
  if (receiver === "") throw new TemplateError("a receiver has a name");
  const labels = { alertname: "Example", severity: "warning", instance: "shop-1:9100", tenant_id: "acme" };
  const annotations = { summary: "An example alert", description: "Made up to show what a notification looks like." };
  return {
    receiver,
    status: "firing",
    alerts: [
      {
        status: "firing",
        labels,
        annotations,
        startsAtMs: nowMs,
        endsAtMs: 0,
        generatorUrl: `${externalUrl}/graph`,
        fingerprint: "0000000000000000",
      },
    ],
    groupLabels: { alertname: "Example" },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalUrl,
    groupKey: '{}:{alertname="Example"}',
    truncatedAlerts: 0,
  };
}
