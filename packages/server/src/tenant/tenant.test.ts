import {
  ALL_TENANTS,
  Labels,
  type Matcher,
  parseTenantId,
  type Tenant,
  type TenantId,
  tenantScope,
} from "@storewatch/model";
import { QueryError } from "@storewatch/promql/engine";
import { printExpression } from "@storewatch/promql/parser";
import { FakeClock } from "@storewatch/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { enforceScope, namesOtherTenants, scopeMatcher } from "./enforce.ts";
import { createTenantRegistry } from "./registry.ts";

const ids = (...names: string[]) => tenantScope(names.map((name) => parseTenantId(name)!));

describe("scope", () => {
  test("all shops need no matcher and leave the text as it is", () => {
    expect(scopeMatcher(ALL_TENANTS)).toBeUndefined();
    expect(enforceScope(ALL_TENANTS, "not  PromQL")).toEqual({ expression: "not  PromQL" });
  });

  test("every selector gets the matcher, wherever it stands", () => {
    const text =
      'sum by (x) (rate(a{tenant_id=~".*"}[5m])) / on (x) group_left () max_over_time(b[1h:1m]) or absent(c)';
    const { expression, tree } = enforceScope(ids("acme"), text);
    expect(expression).toBe(text);
    const enforced = printExpression(tree!);
    expect(enforced.match(/tenant_id="acme"/g)).toHaveLength(3);
    expect(enforced).toContain('tenant_id=~".*"');
  });

  test("a query that cannot be read is refused, not passed on", () => {
    expect(() => enforceScope(ids("acme"), "sum(")).toThrow(QueryError);
  });

  describe("an expression that names another shop", () => {
    const f = (expression: string, isNaming: boolean) =>
      expect(namesOtherTenants(ids("acme", "beta-2"), expression)).toBe(isNaming);
    test("in any matcher of the tenant label, at any depth", () => {
      f('a{tenant_id="rival"}', true);
      f('sum(rate(a{tenant_id!~"acme|rival"}[5m])) > 0', true);
      f('a or b{tenant_id=~"ri.*"}', true);
      f('max_over_time((x{tenant_id!="rival"} > 1)[1h:1m])', true);
    });
    test("not its own, none, all, or what stands for no shop", () => {
      f("sum by (tenant_id) (a)", false);
      f('a{tenant_id="acme"} / b{tenant_id=~"acme|beta-2"}', false);
      f('a{tenant_id!=""} + b{tenant_id=~".+"} + c{tenant_id!~"unknown|__other__"}', false);
      f('a{shop="other"}', false);
    });
    test("what cannot be read is taken for one", () => f("sum(", true));
    test("who sees all shops sees all names", () =>
      expect(namesOtherTenants(ALL_TENANTS, 'a{tenant_id="rival"}')).toBe(false));
  });

  test("no shop matches nothing, not even series without a shop", () => {
    const matcher = scopeMatcher(tenantScope([]))!;
    for (const value of ["", "a", "\u0000", " ", "\u{10ffff}", "\n"]) expect(matcher.matches(value)).toBe(false);
    expect(printExpression(enforceScope(tenantScope([]), "up").tree!)).toContain("tenant_id=~");
  });

  test("exactly the ids of the scope match (fuzz)", () => {
    const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,5}$/);
    fc.assert(
      fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 5 }), fc.oneof(id, fc.string()), (scope, other) => {
        const matcher = scopeMatcher(ids(...scope))!;
        expect(scope.every((name) => matcher.matches(name))).toBe(true);
        expect(matcher.matches(other)).toBe(scope.includes(other));
        expect(matcher.matches(other.replace("x", "."))).toBe(scope.includes(other.replace("x", ".")));
      }),
    );
  });
});

describe("registry", () => {
  const acme: Tenant = {
    id: "acme" as TenantId,
    name: "Acme",
    tier: "gold",
    timezone: "Asia/Ho_Chi_Minh",
    currency: "VND",
  };

  function setUp(values: () => readonly string[]) {
    const clock = new FakeClock(1_000_000);
    const asked: Array<{ matchers: readonly Matcher[]; fromMs: number; toMs: number }> = [];
    const labelValues = (matchers: readonly Matcher[], fromMs: number, toMs: number) => {
      asked.push({ matchers, fromMs, toMs });
      return values();
    };
    return {
      clock,
      asked,
      registry: createTenantRegistry({ declared: [acme], labelValues, retentionMs: 60_000, clock }),
    };
  }

  test("declared and found shops are one list, cut to the caller's scope", () => {
    const { registry, asked } = setUp(() => ["__other__", "acme", "beta", "not/valid", "unknown"]);
    expect(registry.list(ALL_TENANTS).map((t) => [t.id, t.source])).toEqual([
      ["acme", "config"],
      ["beta", "data"],
    ]);
    expect(registry.list(ids("beta", "gamma")).map((t) => t.id)).toEqual(["beta"]);
    expect(asked).toMatchObject([{ fromMs: 940_000, toMs: 1_000_000 }]);
  });

  test("a shop's own info, alert and recorded series do not count as its data", () => {
    const { registry, asked } = setUp(() => []);
    registry.list(ALL_TENANTS);
    const seen = (name: string) =>
      asked[0].matchers.every((m) => m.matches(Labels.from({ __name__: name, tenant_id: "x" }).get(m.name)));
    expect(["orders_total", "up"].map(seen)).toEqual([true, true]);
    expect(["storewatch_tenant_info", "ALERTS", "ALERTS_FOR_STATE", "shop:orders:rate5m"].map(seen)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  test("a vanished shop stays while its data is kept, a new one is found in time", async () => {
    let values = ["beta"];
    const { registry, clock, asked } = setUp(() => values);
    expect(registry.infoSamples(7).map(({ labels }) => labels.toString())).toEqual([
      'storewatch_tenant_info{currency="VND", name="Acme", tenant_id="acme", tier="gold", timezone="Asia/Ho_Chi_Minh"}',
      'storewatch_tenant_info{currency="USD", name="beta", tenant_id="beta", timezone="UTC"}',
    ]);
    values = ["gamma"];
    expect(registry.get("beta" as TenantId)?.name).toBe("beta");
    expect(asked).toHaveLength(1);
    await clock.advance(15_000);
    expect(registry.list(ALL_TENANTS).map((t) => t.id)).toEqual(["acme", "gamma"]);
    registry.setDeclared([]);
    expect(registry.list(ALL_TENANTS).map((t) => t.id)).toEqual(["gamma"]);
  });
});
