// What visitors do, decided ahead and by seed alone: who comes when to which shop, what they look at, buy and pay with.
import { exponential, pick, seededRandom } from "../random.ts";
import { type ShopTenant, TENANTS, tenantShares } from "../tenants.ts";

export interface VisitPlan {
  readonly number: number;
  readonly atMs: number;
  readonly tenant: ShopTenant;
  readonly steps: readonly Step[];
}

export type Step =
  | { readonly kind: "browse"; readonly thinkMs: number }
  | { readonly kind: "product"; readonly product: number; readonly thinkMs: number }
  | { readonly kind: "cart"; readonly product: number; readonly quantity: number; readonly thinkMs: number }
  | { readonly kind: "checkout"; readonly thinkMs: number }
  | { readonly kind: "pay"; readonly provider: string; readonly thinkMs: number };

export interface PlanOptions {
  readonly seed: number;
  /** Requests a second on the average of a day, for all shops together. */
  readonly rate: number;
  readonly startMs: number;
}

const PROVIDERS = ["paynow", "vietpay"] as const;
/** Number of products in each catalogue. */
const PRODUCTS = 24;
const THINK_MEAN_MS = 700;

/** An endless list of visits in order of time: a Poisson process whose rate follows each shop's own day. */
export function* planVisits(options: PlanOptions): Generator<VisitPlan, never> {
  const random = seededRandom(options.seed);
  const shares = tenantShares();
  const visitsPerMs = options.rate / requestsPerVisit() / 1000;
  let atMs = options.startMs;
  for (let number = 0; ; ) {
    // Thinning: candidates at the highest rate, kept with the probability of the moment.
    atMs += exponential(random, 1 / (visitsPerMs * CURVE_MAX));
    const tenant = TENANTS[pickWeighted(random(), shares)];
    if (random() * CURVE_MAX > dailyCurve(localHour(tenant.timezone, atMs))) continue;
    yield { number: number++, atMs: Math.round(atMs), tenant, steps: planSteps(random, tenant) };
  }
}

const CURVE_MAX = 1.25;

/** Visits at an hour of the day (0 to 24) relative to the day's mean: a noon bump, a peak at nine in the evening. */
export function dailyCurve(hour: number): number {
  const evening = 0.18 * Math.cos(((hour - 20) / 24) * 2 * Math.PI);
  const noon = 0.06 * Math.cos(((hour - 12.5) / 12) * 2 * Math.PI);
  return 1 + evening + noon;
}

/** Requests that an average visit makes: measured on a sample of plans, so that it follows the behaviour below. */
export function requestsPerVisit(): number {
  const random = seededRandom(42);
  const shares = tenantShares();
  let requests = 0;
  const sample = 4000;
  for (let i = 0; i < sample; i++) {
    for (const step of planSteps(random, TENANTS[pickWeighted(random(), shares)])) requests += requestsOf(step);
  }
  return requests / sample;
}

/** A first item needs the cart made before it. */
function requestsOf(step: Step): number {
  return step.kind === "cart" ? 2 : 1;
}

/** Small shops live from regulars: fewer visits, more of them buy. 0.30 for the largest to 0.55 for the smallest. */
function cartShare(tenant: ShopTenant): number {
  return 0.3 + (0.25 * TENANTS.indexOf(tenant)) / (TENANTS.length - 1);
}

const CHECKOUT_SHARE = 0.68;
const PAY_SHARE = 0.95;

function planSteps(random: () => number, tenant: ShopTenant): Step[] {
  const think = () => ({ thinkMs: Math.round(Math.min(5000, exponential(random, THINK_MEAN_MS))) });
  const product = () => Math.floor(random() * PRODUCTS);
  const steps: Step[] = [{ kind: "browse", thinkMs: 0 }];
  const views = 1 + Math.floor(random() * 2.5);
  for (let i = 0; i < views; i++) steps.push({ kind: "product", product: product(), ...think() });
  if (random() >= cartShare(tenant)) return steps;
  steps.push({ kind: "cart", product: product(), quantity: 1 + Math.floor(random() * 2), ...think() });
  if (random() >= CHECKOUT_SHARE) return steps;
  steps.push({ kind: "checkout", ...think() });
  if (random() < PAY_SHARE) steps.push({ kind: "pay", provider: pick(random, PROVIDERS), ...think() });
  return steps;
}

function pickWeighted(at: number, shares: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < shares.length; i++) {
    sum += shares[i];
    if (at < sum) return i;
  }
  return shares.length - 1;
}

const formats = new Map<string, Intl.DateTimeFormat>();
const offsets = new Map<string, { untilMs: number; offsetMs: number }>();

/** Hour of the day with fraction in a time zone. The zone's offset is looked up once a quarter of an hour. */
export function localHour(timezone: string, atMs: number): number {
  let known = offsets.get(timezone);
  if (!known || atMs >= known.untilMs || atMs < known.untilMs - 900_000) {
    known = { untilMs: (Math.floor(atMs / 900_000) + 1) * 900_000, offsetMs: zoneOffsetMs(timezone, atMs) };
    offsets.set(timezone, known);
  }
  const dayMs = 86_400_000;
  return ((((atMs + known.offsetMs) % dayMs) + dayMs) % dayMs) / 3_600_000;
}

function zoneOffsetMs(timezone: string, atMs: number): number {
  let format = formats.get(timezone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", { timeZone: timezone, timeZoneName: "longOffset" });
    formats.set(timezone, format);
  }
  const name = format.formatToParts(atMs).find((part) => part.type === "timeZoneName")?.value ?? "GMT";
  const match = /GMT([+-])(\d\d):(\d\d)/.exec(name);
  if (!match) return 0;
  return (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) * 60_000;
}
