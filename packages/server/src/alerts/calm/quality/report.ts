// The alert quality report: rows of the journal, summed by rule.
import { compareStrings, type TenantScope } from "@storewatch/model";
import type { AlertQuality, QualityCounts, RuleQuality } from "@storewatch/model/api";
import { WATCHDOG } from "../../watchdog.ts";
import { medianDurationMs, mergeDurations } from "./durations.ts";
import { DAY_MS, type QualityJournal, type QualityRow } from "./journal.ts";
import { noiseOf } from "./noise.ts";

const COUNTED = [
  "fired",
  "resolved",
  "notified",
  "messages",
  "silenced",
  "inhibited",
  "flapping",
  "seen",
  "actedUpon",
  "short",
] as const satisfies readonly (keyof QualityRow & keyof QualityCounts)[];

class Sum {
  private readonly counts = Object.fromEntries(COUNTED.map((name) => [name, 0])) as Record<
    (typeof COUNTED)[number],
    number
  >;
  private readonly durations: Record<string, number> = {};
  private readonly tenants = new Set<string>();
  private lastFiredMs = 0;

  add(row: QualityRow): void {
    for (const name of COUNTED) this.counts[name] += row[name];
    mergeDurations(this.durations, row.durations);
    if (row.tenant !== "") this.tenants.add(row.tenant);
    this.lastFiredMs = Math.max(this.lastFiredMs, row.lastFiredMs);
  }

  total(): QualityCounts {
    return { ...this.counts, medianDurationMs: medianDurationMs(this.durations) };
  }

  rule(alertname: string, rangeMs: number): RuleQuality {
    const counts = this.total();
    return {
      ...counts,
      alertname,
      tenants: this.tenants.size,
      lastFiredMs: this.lastFiredMs || null,
      noise: noiseOf(counts, rangeMs),
    };
  }
}

/** Of whole UTC days, today included. */
export function qualityReport(journal: QualityJournal, scope: TenantScope, days: number, nowMs: number): AlertQuality {
  const fromMs = nowMs - (nowMs % DAY_MS) - (days - 1) * DAY_MS;
  const rules = new Map<string, Sum>();
  const all = new Sum();
  for (const row of journal.rowsFrom(scope, fromMs)) {
    if (row.alertname === WATCHDOG) continue;
    const sum = rules.get(row.alertname) ?? new Sum();
    rules.set(row.alertname, sum);
    sum.add(row);
    all.add(row);
  }
  const recordedSinceMs = journal.recordedSinceMs ?? null;
  // A rule of which only a day is known is measured by that day.
  const rangeMs = Math.max(DAY_MS, nowMs - Math.max(fromMs, recordedSinceMs ?? fromMs));
  return {
    fromMs,
    toMs: nowMs,
    recordedSinceMs,
    rules: [...rules].map(([alertname, sum]) => sum.rule(alertname, rangeMs)).sort(noisiestFirst),
    totals: all.total(),
  };
}

function noisiestFirst(a: RuleQuality, b: RuleQuality): number {
  const byScore = (b.noise.score ?? -1) - (a.noise.score ?? -1);
  return byScore || b.fired - a.fired || compareStrings(a.alertname, b.alertname);
}
