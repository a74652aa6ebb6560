// All alerts that were reported, by fingerprint. Resolved ones stay a while, so that late reports merge right.
import { type PostableAlert, scopeAllows, TENANT_LABEL, type TenantScope } from "@storewatch/model";
import { type AlertRecord, alertProblem, isResolved, mergeReport, toRecord } from "./alert.ts";

export interface AlertLimits {
  /** Alerts kept in all, and for each tenant. */
  readonly alertsMax: number;
  readonly alertsPerTenantMax: number;
}

export interface PutResult {
  readonly stored: readonly { readonly alert: AlertRecord; readonly before: AlertRecord | undefined }[];
  readonly rejected: readonly { readonly reason: string; readonly kind: "invalid" | "scope" | "limit" }[];
}

/** How long a resolved alert is remembered. */
const KEEP_RESOLVED_MS = 15 * 60_000;

export class AlertStore {
  private readonly alerts = new Map<string, AlertRecord>();
  private readonly perTenant = new Map<string, number>();

  constructor(private readonly limits: AlertLimits) {}

  put(scope: TenantScope, posted: readonly PostableAlert[], nowMs: number, resolveTimeoutMs: number): PutResult {
    const stored: { alert: AlertRecord; before: AlertRecord | undefined }[] = [];
    const rejected: PutResult["rejected"][number][] = [];
    for (const one of posted) {
      const report = toRecord(withTenant(one, scope), scope, nowMs, resolveTimeoutMs);
      const tenant = report.labels[TENANT_LABEL] ?? "";
      const before = this.alerts.get(report.fingerprint);
      const problem = alertProblem(report);
      if (problem) rejected.push({ reason: problem, kind: "invalid" });
      else if (!scopeAllows(scope, tenant)) {
        rejected.push({
          reason: `label ${TENANT_LABEL}="${tenant}" is outside of what this credential may write`,
          kind: "scope",
        });
      } else if (!before && this.isFull(tenant)) rejected.push({ reason: "too many alerts", kind: "limit" });
      else {
        const alert = before ? mergeReport(before, report, nowMs) : report;
        this.set(alert);
        stored.push({ alert, before });
      }
    }
    return { stored, rejected };
  }

  /** Puts a kept alert back, as after a restart. */
  set(alert: AlertRecord): void {
    if (!this.alerts.has(alert.fingerprint)) this.count(alert, 1);
    this.alerts.set(alert.fingerprint, alert);
  }

  get(fingerprint: string): AlertRecord | undefined {
    return this.alerts.get(fingerprint);
  }

  all(): Iterable<AlertRecord> {
    return this.alerts.values();
  }

  get size(): number {
    return this.alerts.size;
  }

  /** Forgets what has long been resolved, but for what `keeps` names; returns what went. */
  collectGarbage(nowMs: number, keeps: (alert: AlertRecord) => boolean): AlertRecord[] {
    const gone = [...this.alerts.values()].filter(
      (alert) => isResolved(alert, nowMs - KEEP_RESOLVED_MS) && !keeps(alert),
    );
    for (const alert of gone) {
      this.alerts.delete(alert.fingerprint);
      this.count(alert, -1);
    }
    return gone;
  }

  private isFull(tenant: string): boolean {
    if (this.alerts.size >= this.limits.alertsMax) return true;
    return tenant !== "" && (this.perTenant.get(tenant) ?? 0) >= this.limits.alertsPerTenantMax;
  }

  private count(alert: AlertRecord, by: number): void {
    const tenant = alert.labels[TENANT_LABEL];
    if (!tenant) return;
    const count = (this.perTenant.get(tenant) ?? 0) + by;
    if (count === 0) this.perTenant.delete(tenant);
    else this.perTenant.set(tenant, count);
  }
}

/** A credential of exactly one tenant need not repeat which. */
function withTenant(posted: PostableAlert, scope: TenantScope): PostableAlert {
  if (scope.kind === "all" || scope.ids.size !== 1 || posted.labels[TENANT_LABEL]) return posted;
  const [only] = scope.ids;
  return { ...posted, labels: { ...posted.labels, [TENANT_LABEL]: only } };
}
