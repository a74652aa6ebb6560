// One alert as it is kept, and how a newer report of it is merged in. Times in ms since the epoch.
import { compareStrings, type LabelRecord, type PostableAlert, type TenantScope } from "@storewatch/model";
import { fingerprintOf } from "./fingerprint.ts";

export interface AlertRecord {
  readonly labels: LabelRecord;
  readonly annotations: LabelRecord;
  readonly startsAtMs: number;
  /** Firing until then. */
  readonly endsAtMs: number;
  readonly updatedAtMs: number;
  /** endsAtMs was not said by the sender but follows from resolve_timeout. */
  readonly timeout: boolean;
  readonly generatorUrl: string;
  readonly fingerprint: string;
  /** Whose credential brought it: it can inhibit alerts of these tenants only. */
  readonly scope: TenantScope;
  /** When the data behind its last change between firing and resolved arrived. */
  readonly arrivedAtMs: number | undefined;
}

export function isResolved(alert: AlertRecord, nowMs: number): boolean {
  return alert.endsAtMs <= nowMs;
}

/** Completes what the sender left out. Empty labels are dropped. */
export function toRecord(
  posted: PostableAlert,
  scope: TenantScope,
  nowMs: number,
  resolveTimeoutMs: number,
): AlertRecord {
  const labels = Object.fromEntries(Object.entries(posted.labels).filter(([, value]) => value !== ""));
  const { startsAtMs, endsAtMs } = posted;
  return {
    labels,
    annotations: posted.annotations,
    startsAtMs: startsAtMs ?? endsAtMs ?? nowMs,
    endsAtMs: endsAtMs ?? nowMs + resolveTimeoutMs,
    updatedAtMs: nowMs,
    timeout: endsAtMs === undefined,
    generatorUrl: posted.generatorUrl ?? "",
    fingerprint: fingerprintOf(labels),
    scope,
    arrivedAtMs: posted.arrivedAtMs,
  };
}

/** No lone surrogates: what valid UTF-8 cannot hold. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** Alerts stay in memory and in every notification; 50,000 of them may be there. */
const TEXT_LENGTH_MAX = 65_536;

function textLength(record: LabelRecord): number {
  let length = 0;
  for (const [name, value] of Object.entries(record)) length += name.length + value.length;
  return length;
}

/** Why upstream would refuse the alert; undefined when it is fine. */
export function alertProblem(alert: AlertRecord): string | undefined {
  const length = textLength(alert.labels) + textLength(alert.annotations);
  if (length > TEXT_LENGTH_MAX)
    return `labels and annotations have ${length} characters: ${TEXT_LENGTH_MAX} are allowed`;
  if (Object.keys(alert.labels).length === 0) return "at least one label pair required";
  if (alert.endsAtMs < alert.startsAtMs) return "start time must be before end time";
  for (const [kind, record] of [
    ["label", alert.labels],
    ["annotation", alert.annotations],
  ] as const) {
    for (const [name, value] of Object.entries(record)) {
      if (name === "" || !isWellFormed(name)) return `invalid ${kind} name "${name}"`;
      if (!isWellFormed(value)) return `invalid ${kind} value for "${name}"`;
    }
  }
  return undefined;
}

/**
 * The kept alert after a newer report. Only reports whose times overlap belong to the same firing: then the earliest
 * start stays, of two resolved ones the later end wins, and an end that the sender named beats an earlier one.
 */
export function mergeReport(kept: AlertRecord, report: AlertRecord, nowMs: number): AlertRecord {
  const arrivedAtMs = isResolved(kept, nowMs) === isResolved(report, nowMs) ? kept.arrivedAtMs : report.arrivedAtMs;
  const inside = (timeMs: number) => timeMs > kept.startsAtMs && timeMs < kept.endsAtMs;
  if (!inside(report.endsAtMs) && !inside(report.startsAtMs)) return { ...report, arrivedAtMs };
  const startsAtMs = Math.min(kept.startsAtMs, report.startsAtMs);
  const keptEndRules = isResolved(report, nowMs) ? isResolved(kept, nowMs) : !kept.timeout;
  const endsAtMs = keptEndRules ? Math.max(kept.endsAtMs, report.endsAtMs) : report.endsAtMs;
  return { ...report, startsAtMs, endsAtMs, arrivedAtMs };
}

/** The order of alerts within a notification: job, instance, then all labels. */
export function compareAlerts(a: AlertRecord, b: AlertRecord): number {
  for (const name of ["job", "instance"]) {
    const order = compareStrings(a.labels[name] ?? "", b.labels[name] ?? "");
    if (order !== 0) return order;
  }
  return compareStrings(labelsText(a.labels), labelsText(b.labels));
}

function labelsText(labels: LabelRecord): string {
  const names = Object.keys(labels).sort(compareStrings);
  return names.map((name) => `${name}\u0000${labels[name]}\u0000`).join("");
}
