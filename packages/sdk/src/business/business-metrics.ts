// The shop's own figures: orders, revenue, refunds, payments, and the way from visit to purchase.
import type { Clock } from "../clock.ts";
import { currentContext } from "../context/store.ts";
import type { Guard } from "../guard.ts";
import type { AppMetrics, GaugeReading } from "../metrics/app-metrics.ts";
import type { SafeCounter } from "../metrics/instruments.ts";
import { OTHER, tenantIdOf, UNKNOWN_TENANT } from "../tenant/tenant-id.ts";
import { Funnel, type FunnelOptions, type FunnelRates, type Room } from "./funnel.ts";

export interface BusinessOptions extends Partial<FunnelOptions> {
  /** Shops that have figures of their own; further ones share `__other__`. Default 2000. */
  readonly tenantsMax?: number;
  /** True for an order status whose total is revenue. Default: all but cancelled, declined, failed, rejected, refunded. */
  readonly isRevenue?: (status: string) => boolean;
}

/** An order as the platform has it. `tenantId` is the current request's when it is left out. */
export interface OrderInfo {
  readonly tenantId?: string;
  readonly status: string;
  /** ISO 4217, such as `VND`. */
  readonly currency: string;
  /** In whole units of the currency, such as 19.90. */
  readonly total: number;
  /** For conversion: the visitor's session. */
  readonly sessionId?: string;
  /** For abandonment: the cart that this order came from. */
  readonly cartId?: string;
}

interface Amount {
  readonly tenantId?: string;
  readonly currency: string;
  readonly amount: number;
}

interface PaymentAttempt {
  readonly tenantId?: string;
  readonly provider: string;
  /** Such as `approved`, `declined`, `error`. */
  readonly outcome: string;
}

/** Where a visitor is. `tenantId` is the current request's when it is left out. */
interface Visitor {
  readonly tenantId?: string;
  readonly sessionId?: string;
}

const MINUTE_MS = 60_000;
/** Sessions and carts that one process remembers over all shops: about 40 MB. */
const REMEMBER_TOTAL_MAX = 200_000;
// The rules of the platform count orders by the same words.
const NO_REVENUE = /^(cancel.*|declined|.*failed|rejected|refunded)$/i;

export class BusinessMetrics {
  private readonly parts: { metrics: AppMetrics; guard: Guard; clock: Clock };
  private readonly funnelOptions: FunnelOptions;
  private readonly room: Room = { left: REMEMBER_TOTAL_MAX };
  private readonly tenantsMax: number;
  private readonly isRevenue: (status: string) => boolean;
  private readonly funnels = new Map<string, Funnel>();
  private readonly setByHand = { conversion: new Map<string, number>(), abandonment: new Map<string, number>() };
  private readonly orders: SafeCounter;
  private readonly revenue: SafeCounter;
  private readonly refunds: SafeCounter;
  private readonly refunded: SafeCounter;
  private readonly payments: SafeCounter;
  private readonly steps: SafeCounter;

  constructor(options: BusinessOptions, parts: { metrics: AppMetrics; guard: Guard; clock: Clock }) {
    this.parts = parts;
    const { windowMs = 30 * MINUTE_MS, cartIdleMs = 15 * MINUTE_MS, rememberMax = 20_000 } = options;
    this.funnelOptions = { windowMs, cartIdleMs, rememberMax };
    this.tenantsMax = options.tenantsMax ?? 2000;
    this.isRevenue = options.isRevenue ?? ((status) => !NO_REVENUE.test(status));
    const counter = (name: string, help: string, ...labels: string[]) =>
      parts.metrics.counter({ name, help, labelNames: ["tenant_id", ...labels], keptLabels: ["status", "outcome"] });
    this.orders = counter("orders_total", "Total number of orders", "status");
    this.revenue = counter("revenue_total", "Total revenue, in the currency of the label", "currency");
    this.refunds = counter("refunds_total", "Total number of refunds", "currency");
    this.refunded = counter("refunded_amount_total", "Total amount refunded, in the currency of the label", "currency");
    this.payments = counter("payment_attempts_total", "Calls to payment providers by outcome", "provider", "outcome");
    this.steps = counter("checkout_steps_total", "Steps of the way from visit to purchase", "step");
    this.rateGauge("conversion_rate", "Sessions of the last while that bought, percent", "conversion");
    this.rateGauge("cart_abandonment_rate", "Carts of the last while that were left, percent", "abandonment");
  }

  /**
   * Says what a shop can have, so that its counters are there from the start at 0: a counter that appears with its first
   * order loses that order to `rate()`.
   */
  startTenant(shop: {
    readonly tenantId: string;
    readonly currencies?: readonly string[];
    readonly statuses?: readonly string[];
    readonly payments?: readonly PaymentAttempt[];
  }): void {
    this.safely(() => {
      const tenant_id = this.tenant(shop);
      for (const status of shop.statuses ?? []) this.orders.inc({ tenant_id, status }, 0);
      for (const code of shop.currencies ?? []) {
        const labels = { tenant_id, currency: currencyOf(code) };
        for (const counter of [this.revenue, this.refunds, this.refunded]) counter.inc(labels, 0);
      }
      for (const { provider, outcome } of shop.payments ?? []) this.payments.inc({ tenant_id, provider, outcome }, 0);
    });
  }

  /** An order was created: counts it, and its total as revenue unless its status says that nothing was earned. */
  trackOrderCreated(order: OrderInfo): void {
    this.safely(() => {
      const tenant_id = this.tenant(order);
      const status = String(order.status);
      this.orders.inc({ tenant_id, status });
      if (!this.isRevenue(status)) return;
      this.revenue.inc({ tenant_id, currency: currencyOf(order.currency) }, order.total);
      this.steps.inc({ tenant_id, step: "purchase" });
      const { sessionId, cartId } = order;
      const ids = { ...(sessionId === undefined ? {} : { sessionId }), ...(cartId === undefined ? {} : { cartId }) };
      this.funnel(tenant_id).purchase(ids, this.parts.clock.monotonicMs());
    });
  }

  trackRefund(refund: Amount): void {
    this.safely(() => {
      const labels = { tenant_id: this.tenant(refund), currency: currencyOf(refund.currency) };
      this.refunds.inc(labels);
      this.refunded.inc(labels, refund.amount);
    });
  }

  trackPaymentAttempt(payment: PaymentAttempt): void {
    this.safely(() => {
      const { provider, outcome } = payment;
      this.payments.inc({ tenant_id: this.tenant(payment), provider, outcome });
    });
  }

  /** Somebody looks at a page of the shop. */
  trackVisit(visitor: Visitor = {}): void {
    this.safely(() => {
      const tenant_id = this.tenant(visitor);
      this.steps.inc({ tenant_id, step: "visit" });
      this.funnel(tenant_id).visit(visitor.sessionId, this.parts.clock.monotonicMs());
    });
  }

  /** Something was put into a cart, or changed in it. */
  trackCart(cart: { readonly tenantId?: string; readonly cartId: string }): void {
    this.safely(() => {
      const tenant_id = this.tenant(cart);
      this.steps.inc({ tenant_id, step: "cart" });
      this.funnel(tenant_id).cart(String(cart.cartId), this.parts.clock.monotonicMs());
    });
  }

  /** A step of the checkout, such as `address`, `shipping`, `payment`; a cart that is named stays open. */
  trackCheckoutStep(step: { readonly tenantId?: string; readonly step: string; readonly cartId?: string }): void {
    this.safely(() => {
      const tenant_id = this.tenant(step);
      this.steps.inc({ tenant_id, step: step.step });
      if (step.cartId !== undefined) this.funnel(tenant_id).cart(step.cartId, this.parts.clock.monotonicMs());
    });
  }

  /** Sets the rate by hand, percent; from then on it is not computed for this tenant. */
  updateConversionRate(tenantId: string, rate: number): void {
    this.setRate("conversion", tenantId, rate);
  }

  /** Sets the rate by hand, percent; from then on it is not computed for this tenant. */
  updateCartAbandonmentRate(tenantId: string, rate: number): void {
    this.setRate("abandonment", tenantId, rate);
  }

  /** What the gauges show for a tenant now. */
  rates(tenantId: string): FunnelRates {
    const computed = this.funnels.get(tenantId)?.rates(this.parts.clock.monotonicMs());
    return {
      conversion: this.setByHand.conversion.get(tenantId) ?? computed?.conversion,
      abandonment: this.setByHand.abandonment.get(tenantId) ?? computed?.abandonment,
    };
  }

  private setRate(kind: keyof FunnelRates, tenantId: string, rate: number): void {
    this.safely(() => {
      if (!Number.isFinite(rate)) throw new RangeError(`a rate is a number, not ${rate}`);
      const rates = this.setByHand[kind];
      const id = this.tenant({ tenantId });
      if (rates.has(id) || rates.size < this.tenantsMax) rates.set(id, rate);
    });
  }

  private rateGauge(name: string, help: string, kind: keyof FunnelRates): void {
    this.parts.metrics.observedGauge({ name, help, labelNames: ["tenant_id"] }, () => {
      const tenants = new Set([...this.funnels.keys(), ...this.setByHand[kind].keys()]);
      const readings: GaugeReading[] = [];
      for (const tenant_id of tenants) {
        const value = this.rates(tenant_id)[kind];
        if (value !== undefined) readings.push({ labels: { tenant_id }, value });
      }
      return readings;
    });
  }

  private funnel(tenantId: string): Funnel {
    const known = this.funnels.get(tenantId);
    if (known !== undefined) return known;
    const id = this.funnels.size < this.tenantsMax ? tenantId : OTHER;
    const funnel = this.funnels.get(id) ?? new Funnel(this.funnelOptions, this.room);
    this.funnels.set(id, funnel);
    return funnel;
  }

  private tenant(of: { readonly tenantId?: string }): string {
    const named = of.tenantId === undefined ? currentContext()?.tenantId : tenantIdOf(of.tenantId);
    return named ?? UNKNOWN_TENANT;
  }

  private safely(work: () => void): void {
    this.parts.guard.run("business", work, undefined);
  }
}

/** Three letters as ISO 4217 has them; anything else is no currency and no label. */
function currencyOf(value: unknown): string {
  const text = typeof value === "string" ? value.toUpperCase() : "";
  return /^[A-Z]{3}$/.test(text) ? text : "unknown";
}
