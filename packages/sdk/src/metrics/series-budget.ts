// A cap on the series of each tenant, so that one shop's odd labels cannot fill the process or the monitoring.
import { OTHER } from "../tenant/tenant-id.ts";

export interface SeriesLimits {
  /** Series of one tenant over all metrics of the SDK; a histogram counts as its buckets + 3. Default 5000. */
  readonly perTenant: number;
  /** Tenants with series of their own; further ones share `__other__`. Default 2000. */
  readonly tenants: number;
}

export type Labels = Record<string, string>;
type LabelInput = Readonly<Record<string, unknown>>;

export interface MetricShape {
  readonly name: string;
  readonly labelNames: readonly string[];
  /** Series that one set of labels makes. */
  readonly weight: number;
  /** Labels that keep their value when the rest is rolled up: few values by nature (method, status). */
  readonly kept?: readonly string[];
}

const VALUE_CHARS_MAX = 200;
/** Series that belong to no tenant share one budget. */
const NOBODY = "";

/** Hands out the labels of a series: the same object each time, or that of the roll-up when the tenant is at its cap. */
export class SeriesBudget {
  private readonly limits: SeriesLimits;
  private readonly used = new Map<string, number>();
  private readonly rolledUp = new Map<string, number>();

  constructor(limits: SeriesLimits) {
    this.limits = limits;
  }

  /** The tenant to book on: itself, or `__other__` when there are too many already. */
  tenant(tenantId: string): string {
    if (this.used.has(tenantId) || tenantId === OTHER) return tenantId;
    const tenants = this.used.size - (this.used.has(NOBODY) ? 1 : 0) - (this.used.has(OTHER) ? 1 : 0);
    if (tenants >= this.limits.tenants) return OTHER;
    this.used.set(tenantId, 0);
    return tenantId;
  }

  /** True when `weight` further series fit; they are booked. */
  book(tenantId: string, weight: number): boolean {
    const used = this.used.get(tenantId) ?? 0;
    if (used + weight > this.limits.perTenant) return false;
    this.used.set(tenantId, used + weight);
    return true;
  }

  countRollUp(metric: string): void {
    this.rolledUp.set(metric, (this.rolledUp.get(metric) ?? 0) + 1);
  }

  /** Observations that went to a roll-up, by metric. */
  rollUps(): ReadonlyMap<string, number> {
    return this.rolledUp;
  }

  /** Series booked, by tenant; the key "" is for those of no tenant. */
  usage(): ReadonlyMap<string, number> {
    return this.used;
  }
}

/** The series of one metric that exist, each with its labels as one object that never changes. */
export class SeriesBook {
  private readonly shape: MetricShape;
  private readonly budget: SeriesBudget;
  private readonly known = new Map<string, Labels>();
  private readonly tenantAt: number;
  private readonly kept: ReadonlySet<string>;

  constructor(shape: MetricShape, budget: SeriesBudget) {
    this.shape = shape;
    this.budget = budget;
    this.tenantAt = shape.labelNames.indexOf("tenant_id");
    this.kept = new Set(["tenant_id", ...(shape.kept ?? [])]);
  }

  /** Labels to count under for `input`; what is not among the label names is left out. */
  labels(input: LabelInput): Labels {
    const values = this.shape.labelNames.map((name) => labelText(input[name]));
    return this.ofValues(values);
  }

  ofValues(values: readonly string[]): Labels {
    const key = values.join("\u0000");
    const known = this.known.get(key);
    if (known !== undefined) return known;
    return this.admit(key, values);
  }

  private admit(key: string, values: readonly string[]): Labels {
    const { labelNames, weight, name } = this.shape;
    const tenant = this.tenantAt < 0 ? NOBODY : this.budget.tenant(values[this.tenantAt]!);
    const own = values.map((value, i) => (i === this.tenantAt ? tenant : value));
    const ownKey = own.join("\u0000");
    if (ownKey === key && this.budget.book(tenant, weight)) return this.remember(key, own);
    if (ownKey !== key && (this.known.has(ownKey) || this.budget.book(tenant, weight))) {
      this.budget.countRollUp(name);
      return this.known.get(ownKey) ?? this.remember(ownKey, own);
    }
    this.budget.countRollUp(name);
    const rolled = labelNames.map((label, i) => (this.kept.has(label) ? own[i]! : OTHER));
    return this.rollUp(rolled);
  }

  /** A roll-up is always let in: by its nature there are few of it. The kept labels go too when there are many. */
  private rollUp(rolled: readonly string[]): Labels {
    const key = rolled.join("\u0000");
    const known = this.known.get(key);
    if (known !== undefined) return known;
    this.rollUps += 1;
    if (this.rollUps <= ROLL_UPS_MAX) return this.remember(key, rolled);
    const all = rolled.map(() => OTHER);
    return this.known.get(all.join("\u0000")) ?? this.remember(all.join("\u0000"), all);
  }

  private rollUps = 0;

  private remember(key: string, values: readonly string[]): Labels {
    const labels: Labels = {};
    this.shape.labelNames.forEach((name, i) => {
      labels[name] = values[i]!;
    });
    this.known.set(key, labels);
    return labels;
  }
}

/** Roll-up series of one metric: tenants × kept labels; beyond it there is one for all. */
const ROLL_UPS_MAX = 10_000;

/** Any value as a label: text, cut at 200 characters; what cannot be printed is an empty text. */
function labelText(value: unknown): string {
  if (typeof value === "string") return value.length <= VALUE_CHARS_MAX ? value : value.slice(0, VALUE_CHARS_MAX);
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  return "";
}
