import { describe, expect, test } from "vitest";
import { storewatch } from "../index.ts";
import { Funnel } from "./funnel.ts";

const MINUTE = 60_000;

function shop() {
  const clock = { now: 0, monotonicMs: () => clock.now, wallMs: () => clock.now };
  const sw = storewatch({ service: "shop", clock, metrics: { defaults: false } });
  return { sw, business: sw.business, clock };
}

describe("orders and money", () => {
  test("orders by status, revenue by currency, failed ones earn nothing", async () => {
    const { sw, business } = shop();
    const order = { tenantId: "acme", currency: "vnd", total: 100_000 };
    for (const status of ["paid", "paid", "declined", "payment_failed", "cancelled"])
      business.trackOrderCreated({ ...order, status });
    business.trackOrderCreated({ ...order, currency: "USD", total: 19.5, status: "paid" });
    const text = await sw.metrics.text();
    expect(text).toContain('orders_total{tenant_id="acme",status="paid"} 3\n');
    expect(text).toContain('orders_total{tenant_id="acme",status="declined"} 1\n');
    expect(text).toContain('revenue_total{tenant_id="acme",currency="VND"} 200000\n');
    expect(text).toContain('revenue_total{tenant_id="acme",currency="USD"} 19.5\n');
  });

  test("refunds and payments, with the tenant of the work that runs", async () => {
    const { sw, business } = shop();
    sw.context.run({ tenantId: "acme" }, () => {
      business.trackRefund({ currency: "USD", amount: 5 });
      business.trackPaymentAttempt({ provider: "momo", outcome: "declined" });
    });
    const text = await sw.metrics.text();
    expect(text).toContain('refunds_total{tenant_id="acme",currency="USD"} 1\n');
    expect(text).toContain('refunded_amount_total{tenant_id="acme",currency="USD"} 5\n');
    expect(text).toContain('payment_attempts_total{tenant_id="acme",provider="momo",outcome="declined"} 1\n');
  });

  test("a shop's counters can start at 0, so that rate() sees the first order", async () => {
    const { sw, business } = shop();
    business.startTenant({ tenantId: "acme", currencies: ["VND"], statuses: ["paid"] });
    const text = await sw.metrics.text();
    expect(text).toContain('orders_total{tenant_id="acme",status="paid"} 0\n');
    expect(text).toContain('revenue_total{tenant_id="acme",currency="VND"} 0\n');
  });
});

describe("from visit to purchase", () => {
  test("conversion is of the sessions that began in the window; a second purchase converts nobody anew", () => {
    const { business, clock } = shop();
    for (let i = 0; i < 10; i += 1) business.trackVisit({ tenantId: "acme", sessionId: `s${i}` });
    const order = { tenantId: "acme", status: "paid", currency: "VND", total: 1, sessionId: "s1" };
    business.trackOrderCreated(order);
    business.trackOrderCreated(order);
    expect(business.rates("acme").conversion).toBe(10);
    expect(business.rates("other").conversion).toBeUndefined();
    clock.now = 31 * MINUTE;
    expect(business.rates("acme").conversion).toBeUndefined();
  });

  test("a cart counts when its fate is known: paid, or left alone for 15 minutes", () => {
    const { business, clock } = shop();
    const cart = (cartId: string) => business.trackCart({ tenantId: "acme", cartId });
    for (const id of ["a", "b", "c", "d"]) cart(id);
    expect(business.rates("acme").abandonment).toBeUndefined();
    business.trackOrderCreated({ tenantId: "acme", status: "paid", currency: "VND", total: 1, cartId: "a" });
    expect(business.rates("acme").abandonment).toBe(0);
    clock.now = 10 * MINUTE;
    cart("d");
    clock.now = 16 * MINUTE;
    // b and c were left; d is still being filled.
    expect(business.rates("acme").abandonment).toBeCloseTo(66.67, 1);
    clock.now = 26 * MINUTE;
    expect(business.rates("acme").abandonment).toBe(75);
  });

  test("the gauges show what was computed, or what was set by hand", async () => {
    const { sw, business } = shop();
    business.trackVisit({ tenantId: "acme", sessionId: "s" });
    business.updateConversionRate("manual", 3.5);
    business.updateCartAbandonmentRate("manual", 70);
    const text = await sw.metrics.text();
    expect(text).toContain('conversion_rate{tenant_id="acme"} 0\n');
    expect(text).toContain('conversion_rate{tenant_id="manual"} 3.5\n');
    expect(text).toContain('cart_abandonment_rate{tenant_id="manual"} 70\n');
  });

  test("sessions and carts that are remembered are bounded, for a shop and for all of them", () => {
    const room = { left: 50 };
    const options = { windowMs: 30 * MINUTE, cartIdleMs: 15 * MINUTE, rememberMax: 40 };
    const funnels = [new Funnel(options, room), new Funnel(options, room)];
    for (let i = 0; i < 1000; i += 1) {
      for (const funnel of funnels) {
        funnel.visit(`s${i}`, i);
        funnel.cart(`c${i}`, i);
        funnel.purchase({ sessionId: `p${i}`, cartId: `c${i - 1}` }, i);
      }
    }
    expect(room.left).toBeGreaterThanOrEqual(0);
    for (const funnel of funnels) expect(funnel.rates(1000).conversion).toBeLessThanOrEqual(100);
    funnels[0]!.rates(200 * MINUTE);
    funnels[1]!.rates(200 * MINUTE);
    expect(room.left).toBe(50);
  });
});
