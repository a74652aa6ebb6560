// Pushed series over their tenant's limit: added up here, and written as samples of the `__other__` series in the same
// append as the batch that brought them, so that what was acknowledged is in the log.
import type { Clock, Labels, Sample } from "@storewatch/model";
import { type RollupKind, rollupKind, rollupLabels, type TypeOf } from "./rollup.ts";
import type { Admission, TenantLimits } from "./tenant-limits.ts";

export interface PushedRollupsOptions {
  readonly clock: Clock;
  readonly limits: TenantLimits;
  readonly typeOf: TypeOf;
  /** The newest value of the series in the store, when it is younger than an hour. */
  readonly lastValue: (labels: Labels) => number | undefined;
}

/** A series that is not stored on its own. */
export interface Share {
  readonly sum: Sum;
  /** Of a counter: undefined until it has been seen. Of a gauge: what it adds now. */
  last: number | undefined;
  lastMs: number;
}

interface Sum {
  readonly labels: Labels;
  readonly kind: Exclude<RollupKind, "none">;
  value: number;
  /** Time of its newest sample. */
  timeMs: number;
  /** It goes on from before a restart: until then, a first value may be one that was counted already. */
  readonly resumedUntilMs: number;
}

interface OfTenant {
  readonly shares: Map<string, Share>;
  readonly sums: Map<string, Sum>;
}

/** Pushed series keep their job; instances come and go. */
const KEPT = ["job"];
const SHARES_MAX = 50_000;
const SUMS_MAX = 1000;
/** A gauge that has not been told for so long adds nothing any more: as long as readers look back. */
const GAUGE_MS = 5 * 60_000;
const SHARE_IDLE_MS = 3_600_000;
const SWEEP_EVERY_MS = 30_000;

export type ChangedSums = Map<Share["sum"], number>;

export class PushedRollups {
  private readonly tenants = new Map<string, OfTenant>();
  private sweptMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: PushedRollupsOptions) {}

  /** The series' share; undefined when it can be no part of a sum: then it is refused. */
  share(labels: Labels, admission: Extract<Admission, { kind: "rollup" }>): Share | undefined {
    let known = this.tenants.get(admission.tenant);
    if (!known) {
      known = { shares: new Map(), sums: new Map() };
      this.tenants.set(admission.tenant, known);
    }
    const share = known.shares.get(labels.key);
    if (share) return share;
    const kind = rollupKind(labels, this.options.typeOf);
    if (kind === "none" || known.shares.size >= SHARES_MAX) return undefined;
    const sum = this.sumFor(known, rollupLabels(labels, KEPT), kind);
    if (!sum) return undefined;
    const made: Share = { sum, last: undefined, lastMs: Number.NEGATIVE_INFINITY };
    known.shares.set(labels.key, made);
    this.options.limits.noteRolledUp(admission, labels);
    return made;
  }

  /** The series goes its own way from now on. */
  release(tenant: string, labels: Labels): void {
    const known = this.tenants.get(tenant);
    const share = known?.shares.get(labels.key);
    if (!known || !share) return;
    known.shares.delete(labels.key);
    if (share.sum.kind === "gauge") share.sum.value -= share.last ?? 0;
  }

  /** Takes one sample of a share in. */
  add(share: Share, sample: Sample): void {
    const { sum } = share;
    if (sample.timeMs < share.lastMs) return;
    share.lastMs = sample.timeMs;
    const { value, stale } = sample;
    if (sum.kind === "gauge") {
      const now = stale || Number.isNaN(value) ? 0 : value;
      sum.value += now - (share.last ?? 0);
      share.last = now;
      return;
    }
    if (stale || Number.isNaN(value)) return;
    if (share.last !== undefined) sum.value += value >= share.last ? value - share.last : value;
    else if (this.options.clock.monotonicMs() >= sum.resumedUntilMs) sum.value += value;
    share.last = value;
  }

  /** The samples that tell of these sums now; `timeMs`: the newest of the samples that changed them. */
  tell(changed: ChangedSums): Sample[] {
    this.sweep();
    const nowMs = this.options.clock.nowMs();
    const samples: Sample[] = [];
    for (const [sum, timeMs] of changed) {
      // Batches of one moment come one after the other: each tells the sum anew, a millisecond later.
      sum.timeMs = Math.max(sum.timeMs + 1, Math.min(timeMs, nowMs));
      samples.push({ labels: sum.labels, timeMs: sum.timeMs, value: sum.value });
    }
    return samples;
  }

  private sumFor({ sums }: OfTenant, labels: Labels, kind: Sum["kind"]): Sum | undefined {
    const known = sums.get(labels.key);
    if (known) return known;
    if (sums.size >= SUMS_MAX) return undefined;
    const before = kind === "counter" ? this.options.lastValue(labels) : undefined;
    const sum: Sum = {
      labels,
      kind,
      value: before ?? 0,
      timeMs: Number.NEGATIVE_INFINITY,
      resumedUntilMs: before === undefined ? Number.NEGATIVE_INFINITY : this.options.clock.monotonicMs() + GAUGE_MS,
    };
    sums.set(labels.key, sum);
    return sum;
  }

  /** Forgets what has not come for long. Sums of gauges are added up anew, so that rounding does not pile up. */
  private sweep(): void {
    const { clock } = this.options;
    const monotonicMs = clock.monotonicMs();
    if (monotonicMs - this.sweptMs < SWEEP_EVERY_MS) return;
    this.sweptMs = monotonicMs;
    const nowMs = clock.nowMs();
    let forgotten = false;
    for (const [tenant, { shares, sums }] of this.tenants) {
      for (const sum of sums.values()) if (sum.kind === "gauge") sum.value = 0;
      for (const [key, share] of shares) {
        if (nowMs - share.lastMs > SHARE_IDLE_MS) {
          shares.delete(key);
          forgotten = true;
        }
        if (share.sum.kind !== "gauge") continue;
        if (nowMs - share.lastMs > GAUGE_MS) share.last = 0;
        share.sum.value += share.last ?? 0;
      }
      if (shares.size === 0) this.tenants.delete(tenant);
    }
    if (forgotten) this.options.limits.forgetVerdicts();
  }
}
