import { expect, test } from "vitest";
import { cartContract } from "../testing/contracts.ts";
import { CART_KEPT_MS, type CartStore } from "./cart-store.ts";
import { MemoryCarts } from "./memory-carts.ts";
import { SteadyCarts } from "./steady-carts.ts";

const broken = new Proxy({} as CartStore, {
  get: (_, name) =>
    name === "then" ? undefined : () => (name === "close" ? Promise.resolve() : Promise.reject(new Error("away"))),
});

cartContract("memory", async () => new MemoryCarts());
cartContract("a store that is away, with memory behind it", async () => new SteadyCarts(broken, new MemoryCarts()));

test("carts are forgotten after their time, which each change begins anew", async () => {
  let nowMs = 0;
  const carts = new MemoryCarts(() => nowMs);
  const id = await carts.create("acme", "s1");
  const change = { tenant: "acme", cartId: id, productId: "p1", quantity: 1, how: "add" } as const;
  nowMs = CART_KEPT_MS - 1;
  expect(await carts.change(change)).toBe(true);
  nowMs += CART_KEPT_MS - 1;
  expect(await carts.of("acme", "s1")).toBe(id);
  nowMs += 1;
  expect([await carts.of("acme", "s1"), await carts.read("acme", id), await carts.change(change)]).toEqual([
    undefined,
    undefined,
    false,
  ]);
});

test("a cart from before an outage is back when the store is", async () => {
  const shared = new MemoryCarts();
  let isAway = false;
  const sometimes = new Proxy(shared, {
    get: (target, name: keyof MemoryCarts) =>
      isAway ? () => Promise.reject(new Error("away")) : target[name].bind(target),
  });
  const carts = new SteadyCarts(sometimes, new MemoryCarts());
  const before = await carts.create("acme", "s1");
  isAway = true;
  expect(await carts.read("acme", before)).toBeUndefined();
  const meanwhile = await carts.create("acme", "s1");
  expect(await carts.of("acme", "s1")).toBe(meanwhile);
  isAway = false;
  expect(await carts.read("acme", before)).toMatchObject({ id: before });
  expect(await carts.read("acme", meanwhile)).toMatchObject({ id: meanwhile });
});
