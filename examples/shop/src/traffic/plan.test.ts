import { describe, expect, test } from "vitest";
import { TENANTS, tenantShares } from "../tenants.ts";
import { dailyCurve, localHour, type PlanOptions, planVisits, type VisitPlan } from "./plan.ts";

const NOON_UTC = Date.UTC(2026, 0, 22, 12);

function take(options: Partial<PlanOptions>, count: number): VisitPlan[] {
  const visits = planVisits({ seed: 1, rate: 40, startMs: NOON_UTC, ...options });
  return Array.from({ length: count }, () => visits.next().value);
}

describe("traffic plan", () => {
  test("the same seed plans the same visits, another one others", () => {
    expect(take({ seed: 5 }, 200)).toEqual(take({ seed: 5 }, 200));
    expect(take({ seed: 6 }, 200)).not.toEqual(take({ seed: 5 }, 200));
  });

  test("a day of visits makes the asked number of requests a second", () => {
    const visits = planVisits({ seed: 3, rate: 10, startMs: NOON_UTC });
    let requests = 0;
    for (;;) {
      const { value } = visits.next();
      if (value.atMs > NOON_UTC + 86_400_000) break;
      for (const step of value.steps) requests += step.kind === "cart" ? 2 : 1;
    }
    expect(requests / 86_400).toBeGreaterThan(9.5);
    expect(requests / 86_400).toBeLessThan(10.5);
  });

  test("the largest shop has about six times the visits of the smallest, and each buys", () => {
    const visits = take({}, 20_000);
    const of = (rank: number) => visits.filter((visit) => visit.tenant === TENANTS[rank]);
    const ratio = of(0).length / of(19).length;
    expect(ratio).toBeGreaterThan(4.5);
    expect(ratio).toBeLessThan(8);
    expect(tenantShares().reduce((sum, share) => sum + share)).toBeCloseTo(1, 10);
    for (let rank = 0; rank < TENANTS.length; rank++)
      expect(of(rank).filter((visit) => visit.steps.some((step) => step.kind === "pay")).length).toBeGreaterThan(50);
  });

  test("the day is the shop's own: evening in Ho Chi Minh City is not evening in Portland", () => {
    const at = Date.UTC(2026, 0, 22, 13, 30);
    expect(localHour("Asia/Ho_Chi_Minh", at)).toBeCloseTo(20.5, 5);
    expect(localHour("America/Los_Angeles", at)).toBeCloseTo(5.5, 5);
    // Across the start of summer time.
    expect(localHour("Europe/Berlin", Date.UTC(2026, 2, 29, 0, 59))).toBeCloseTo(1 + 59 / 60, 5);
    expect(localHour("Europe/Berlin", Date.UTC(2026, 2, 29, 1, 1))).toBeCloseTo(3 + 1 / 60, 5);
    const hours = Array.from({ length: 240 }, (_, i) => dailyCurve(i / 10));
    expect(Math.max(...hours)).toBeLessThanOrEqual(1.25);
    expect(Math.min(...hours)).toBeGreaterThan(0.7);
    expect(hours.reduce((sum, value) => sum + value) / 240).toBeCloseTo(1, 3);
  });
});
