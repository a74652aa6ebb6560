import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { storewatch } from "../index.ts";
import { compileSource, type TenantSource } from "./sources.ts";

function found(source: TenantSource, request: Partial<IncomingMessage> & Record<string, unknown>): unknown {
  return compileSource(source).read({ headers: {}, ...request } as never);
}

describe("where a request says its tenant", () => {
  test("header", () => {
    expect(found({ header: "X-Shop" }, { headers: { "x-shop": "acme" } })).toBe("acme");
    expect(found({ header: "X-Shop" }, {})).toBeUndefined();
  });

  test("subdomain: one label before the domain, with any port and case", () => {
    const source = { subdomain: "shops.example" };
    expect(found(source, { headers: { host: "Acme.Shops.example:8080" } })).toBe("acme");
    for (const host of ["shops.example", "www.shops.example", "a.b.shops.example", "acmeshops.example", undefined])
      expect(found(source, { headers: { host } })).toBeUndefined();
  });

  test("path, also behind a mount, without its query", () => {
    const source = { path: "/t/:tenant" };
    expect(found(source, { url: "/t/acme?x=/t/other" })).toBe("acme");
    expect(found(source, { url: "/", originalUrl: "/t/acme/cart" })).toBe("acme");
    expect(found(source, { url: "/x/acme" })).toBeUndefined();
    expect(found({ path: "/:region/:tenant" }, { url: "/vn/acme" })).toBe("acme");
    expect(() => compileSource({ path: "/t/" })).toThrow(/:tenant/);
  });

  test("claim: of the user that signed in; of the token only when it was verified", () => {
    expect(found({ jwtClaim: "shop" }, { user: { shop: "acme" } })).toBe("acme");
    expect(found({ jwtClaim: "shop" }, { auth: { payload: { shop: "acme" } } })).toBe("acme");
    const headers = { authorization: "Bearer abc" };
    expect(found({ jwtClaim: "shop" }, { headers })).toBeUndefined();
    const verify = (token: string) => (token === "abc" ? { shop: "acme" } : undefined);
    expect(found({ jwtClaim: "shop", verify }, { headers })).toBe("acme");
  });
});

test("ids that are no ids, and tenants that are not known, name nobody", () => {
  const sw = storewatch({ service: "s", metrics: { defaults: false }, tenant: { known: ["acme", "7"] } });
  const tenant = (tenantId: unknown) =>
    sw.context.run({ tenantId: tenantId as string }, () => sw.context.current()?.tenantId);
  expect(tenant("acme")).toBe("acme");
  expect(tenant(7)).toBe("7");
  for (const bad of ["globex", "", "a b", "x".repeat(65), '"} 1', {}, null]) expect(tenant(bad)).toBeUndefined();
});

test("contexts do not leak from one piece of work into another", async () => {
  const sw = storewatch({ service: "s", metrics: { defaults: false } });
  const work = (tenantId: string) =>
    sw.context.run({ tenantId }, async () => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
      return sw.context.current()?.tenantId;
    });
  const tenants = Array.from({ length: 50 }, (_, i) => `t${i}`);
  expect(await Promise.all(tenants.map(work))).toEqual(tenants);
  expect(sw.context.current()).toBeUndefined();
});
