// What delta temporality has added up to so far.
import { type Labels, type Sample, TENANT_LABEL, type TenantId } from "@storewatch/model";
import { addTotals, type ExponentialTotals } from "./exponential.ts";

export interface DeltaTotals {
  add(labels: Labels, delta: number, sinceMs: number, timeMs: number): Sample[] | undefined;
}

const HISTOGRAMS_MAX = 20_000;

export class DeltaState {
  private readonly histograms = new Map<string, ExponentialTotals>();

  constructor(private readonly totals: DeltaTotals) {}

  add(labels: Labels, delta: number, sinceMs: number, timeMs: number): Sample[] | undefined {
    return this.totals.add(labels, delta, sinceMs, timeMs);
  }

  forget(tenant: TenantId): void {
    // Their keys are label sets as text: names and values, each after a zero character.
    const mark = `${TENANT_LABEL}\u0000${tenant}`;
    for (const key of this.histograms.keys()) {
      if (`\u0000${key}\u0000`.includes(`\u0000${mark}\u0000`)) this.histograms.delete(key);
    }
  }

  /** The sum so far. When there are too many the first one gives way; it would start again from 0, a counter's reset. */
  addExponential(labels: Labels, more: ExponentialTotals): ExponentialTotals {
    const known = this.histograms.get(labels.key);
    if (known) {
      addTotals(known, more);
      return known;
    }
    const first = this.histograms.size < HISTOGRAMS_MAX ? undefined : this.histograms.keys().next().value;
    if (first !== undefined) this.histograms.delete(first);
    this.histograms.set(labels.key, more);
    return more;
  }
}
