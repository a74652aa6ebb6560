// One notification about many groups: what it knows of each, and how it reads.
import {
  formatDurationMs,
  type LabelRecord,
  type NotificationData,
  type NotifiedAlert,
  TENANT_LABEL,
} from "@storewatch/model";
import { labelSetText } from "../dispatcher.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { FoldedGroup } from "../interface.ts";
import { newsId } from "../stage/deliver.ts";
import type { FlushAlert, FlushContext } from "../stage/stage.ts";
import { severityRank, worstSeverity } from "./severity.ts";
import { Tally } from "./tally.ts";

/** A group as the digest tells it. JSON, because it outlives the process. */
export interface DigestMember {
  readonly groupKey: string;
  readonly groupLabels: LabelRecord;
  /** As the log of notifications knows them; see `newsId`. */
  readonly firing: readonly string[];
  readonly resolved: number;
  /** Of the firing ones, or of all when all are resolved: alertname, tenant, count. */
  readonly counts: readonly (readonly [alertname: string, tenant: string, alerts: number])[];
  readonly severity: string;
  /** Of the first alert. */
  readonly startsAtMs: number;
}

/** An open digest of one integration. JSON, because it outlives the process. */
export interface DigestState {
  readonly id: string;
  readonly startedAtMs: number;
  readonly lastAtMs: number;
  readonly digests: number;
  readonly members: readonly DigestMember[];
}

/** Groups that a digest lists one by one; the rest is in its counts. */
const GROUPS_LISTED = 50;
const NAMES_LISTED = 10;
export const DIGEST_ALERTNAME = "AlertStorm";

export function memberOf(context: FlushContext, alerts: readonly FlushAlert[]): DigestMember {
  const firing = alerts.filter(({ resolved }) => !resolved);
  const shown = firing.length > 0 ? firing : alerts;
  const counts = new Map<string, [string, string, number]>();
  for (const { alert } of shown) {
    const [name, tenant] = [alert.labels.alertname ?? "", alert.labels[TENANT_LABEL] ?? ""];
    const key = `${name}\u0000${tenant}`;
    const known = counts.get(key);
    if (known) known[2] += 1;
    else counts.set(key, [name, tenant, 1]);
  }
  return {
    groupKey: context.groupKey,
    groupLabels: context.groupLabels,
    firing: firing.map(newsId),
    resolved: alerts.length - firing.length,
    counts: [...counts.values()],
    severity: worstSeverity(shown.map(({ alert }) => alert.labels.severity ?? "")),
    startsAtMs: shown.reduce((first, { alert }) => Math.min(first, alert.startsAtMs), Number.POSITIVE_INFINITY),
  };
}

export interface DigestTotals {
  readonly firingGroups: number;
  readonly groups: number;
  /** Firing ones. */
  readonly alerts: number;
  readonly severity: string;
  readonly byAlertname: Tally;
  readonly byTenant: Tally;
}

/** Of the firing groups; of all when none fires. */
export function totalsOf(members: readonly DigestMember[]): DigestTotals {
  const firing = members.filter((member) => member.firing.length > 0);
  const shown = firing.length > 0 ? firing : members;
  const byAlertname = new Tally();
  const byTenant = new Tally();
  for (const [name, tenant, alerts] of shown.flatMap(({ counts }) => counts)) {
    byAlertname.add(name, alerts);
    byTenant.add(tenant, alerts);
  }
  return {
    firingGroups: firing.length,
    groups: members.length,
    alerts: firing.reduce((sum, member) => sum + member.firing.length, 0),
    severity: worstSeverity(shown.map(({ severity }) => severity)),
    byAlertname,
    byTenant,
  };
}

export interface DigestText {
  readonly receiver: string;
  readonly id: string;
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly limit: { readonly notifications: number; readonly windowMs: number };
  readonly externalUrl: string;
}

/** The head with the sums, then a line for each group, as alerts that any template can show. */
export function digestData(members: readonly DigestMember[], text: DigestText): NotificationData {
  const totals = totalsOf(members);
  const isFiring = totals.firingGroups > 0;
  const sum = isFiring
    ? `${count(totals.firingGroups, "group")}, ${count(totals.alerts, "alert")}`
    : count(totals.groups, "group");
  const groupLabels = { alertname: DIGEST_ALERTNAME, digest: sum };
  const commonLabels = { ...groupLabels, ...(totals.severity ? { severity: totals.severity } : {}) };
  const listed = [...members].sort(worstFirst).slice(0, GROUPS_LISTED);
  const head: NotifiedAlert = {
    status: isFiring ? "firing" : "resolved",
    labels: commonLabels,
    annotations: headTexts(totals, members.length - listed.length, text),
    startsAtMs: text.startedAtMs,
    endsAtMs: isFiring ? 0 : text.nowMs,
    generatorUrl: `${text.externalUrl}/alerts`,
    // Stays the same while the numbers change.
    fingerprint: fingerprintOf({ alertname: DIGEST_ALERTNAME, digest: text.id }),
  };
  return {
    receiver: text.receiver,
    status: head.status,
    alerts: [head, ...listed.map((member) => lineOf(member, text))],
    groupLabels,
    commonLabels,
    commonAnnotations: {},
    externalUrl: text.externalUrl,
    groupKey: `digest:${text.id}`,
    truncatedAlerts: members.length - listed.length,
  };
}

function headTexts(totals: DigestTotals, unlisted: number, text: DigestText): Record<string, string> {
  const worst = totals.severity ? `, worst: ${totals.severity}` : "";
  const state =
    totals.firingGroups > 0
      ? `${count(totals.firingGroups, "more group")} with ${count(totals.alerts, "alert")} firing${worst}`
      : totals.groups > 0
        ? `all ${count(totals.groups, "group")} of the alert storm are resolved`
        : "the alert storm is over: what still fires is told by itself";
  const { notifications, windowMs } = text.limit;
  return {
    summary: state,
    description:
      `More than ${notifications} notifications within ${formatDurationMs(windowMs)}: the rest comes in this one, ` +
      `which is brought up to date. By alert: ${totals.byAlertname.text(NAMES_LISTED)}. ` +
      `By shop: ${totals.byTenant.text(NAMES_LISTED)}.` +
      (unlisted > 0 ? ` ${count(unlisted, "group")} not listed.` : ""),
  };
}

function lineOf(member: DigestMember, { nowMs, externalUrl }: DigestText): NotifiedAlert {
  const isFiring = member.firing.length > 0;
  const tenants = new Set(member.counts.map(([, tenant]) => tenant));
  const [tenant] = tenants;
  const names = new Tally();
  for (const [name, , alerts] of member.counts) names.add(name, alerts);
  const state = isFiring ? `${member.firing.length} firing` : "resolved";
  return {
    status: isFiring ? "firing" : "resolved",
    labels: {
      ...member.groupLabels,
      ...(member.severity ? { severity: member.severity } : {}),
      ...(tenants.size === 1 && tenant ? { [TENANT_LABEL]: tenant } : {}),
    },
    annotations: { summary: `${labelSetText(member.groupLabels)}: ${state} (${names.text(NAMES_LISTED)})` },
    startsAtMs: member.startsAtMs,
    endsAtMs: isFiring ? 0 : nowMs,
    generatorUrl: `${externalUrl}/alerts`,
    fingerprint: fingerprintOf({ digest_group: member.groupKey }),
  };
}

/** For the log of notifications: all of them. */
export function foldedGroups(members: readonly DigestMember[]): FoldedGroup[] {
  return members.map(({ groupKey, groupLabels, firing, resolved, counts }) => {
    const tenants = [...new Set(counts.flatMap(([, tenant]) => (tenant ? [tenant] : [])))];
    return { groupKey, groupLabels, firing: firing.length, resolved, tenants };
  });
}

function worstFirst(a: DigestMember, b: DigestMember): number {
  const fires = Number(b.firing.length > 0) - Number(a.firing.length > 0);
  return fires || severityRank(b.severity) - severityRank(a.severity) || b.firing.length - a.firing.length;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
