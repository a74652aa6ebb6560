// What every store and every cart store does, whichever it is: run here against what needs no server, and in
// e2e/shop-stores.test.ts against PostgreSQL and Redis.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CartStore, ITEMS_MAX, QUANTITY_MAX } from "../carts/cart-store.ts";
import { FaultSwitches } from "../faults/switches.ts";
import type { NewOrder } from "../store/shop-session.ts";
import { ShopStore } from "../store/shop-store.ts";
import { type PoolLimits, PoolTimeout, type SqlPool } from "../store/sql.ts";

const LIMITS: PoolLimits = { max: 3, perTenantMax: 2, waitMs: 100 };

const order = (id: string, more: Partial<NewOrder> = {}): NewOrder => ({
  id,
  cartId: `cart-${id}`,
  sessionId: "visitor-1",
  city: "Hà Nội",
  currency: "VND",
  items: [
    { productId: "p1", quantity: 2, price: 1_290_000.5 },
    { productId: "p3", quantity: 1, price: 99 },
  ],
  createdMs: 1_700_000_000_000,
  ...more,
});

/** `open` gives an empty database. */
export function storeContract(
  name: string,
  open: (limits: PoolLimits) => Promise<{ pool: SqlPool; dispose: () => Promise<void> }>,
): void {
  describe(`store: ${name}`, () => {
    let store: ShopStore;
    let faults: FaultSwitches;
    let slow: string[];
    let dispose: () => Promise<void>;

    beforeEach(async () => {
      const opened = await open(LIMITS);
      dispose = opened.dispose;
      faults = new FaultSwitches();
      slow = [];
      const performance = {
        async timeQuery<T>(_sql: string, run: () => T | Promise<T>, operation = "") {
          const startMs = globalThis.performance.now();
          const result = await run();
          if (globalThis.performance.now() - startMs > 1000) slow.push(operation);
          return result;
        },
      };
      store = new ShopStore(opened.pool, { faults, performance, random: () => 0 });
      await store.prepare();
    });

    afterEach(async () => {
      await store.close();
      await dispose();
    });

    const at = () => ({ store, faults, slow });
    testCatalogue(at);
    testOrders(at);
    testPool(at);
  });
}

type At = () => { store: ShopStore; faults: FaultSwitches; slow: string[] };

function testCatalogue(at: At): void {
  test("catalogues are there, once, after every start; each shop sees its own", async () => {
    const { store } = at();
    await store.prepare();
    const products = await store.withSession("acme", (session) => session.products());
    expect(products).toHaveLength(24);
    expect(products.map(({ id }) => id).slice(0, 3)).toEqual(["p1", "p2", "p3"]);
    expect(typeof products[0].price).toBe("number");
    await store.withSession("nobody", async (session) => {
      expect(await session.products()).toEqual([]);
      expect(await session.product("p1")).toBeUndefined();
    });
    await store.withSession("acme", async (session) => {
      expect([...(await session.productsOf(["p2", "none", "p9"])).keys()].sort()).toEqual(["p2", "p9"]);
      expect((await session.productsOf([])).size).toBe(0);
    });
  });

  test("search takes text as text", async () => {
    const { store } = at();
    await store.withSession("brooklyn-books", async (session) => {
      expect((await session.search("PRAGMATIC")).length).toBe(3);
      for (const nothing of ["%", "_", "\\", "'; DROP TABLE products; --"])
        expect([nothing, await session.search(nothing)]).toEqual([nothing, []]);
    });
  });
}

function testOrders(at: At): void {
  test("an order: stored, found by its shop alone, settled, summed, forgotten", async () => {
    const { store } = at();
    await store.withSession("acme", async (session) => {
      expect(await session.placeOrder(order("o1"))).toBe(2_580_100);
      await session.placeOrder(order("o2", { items: [{ productId: "p1", quantity: 1, price: 7.25 }] }));
      expect(await session.order("o1")).toEqual({
        ...{ id: "o1", status: "pending", total: 2_580_100, currency: "VND" },
        ...{ cart_id: "cart-o1", session_id: "visitor-1" },
      });
      expect((await session.orderItems("o1")).map(({ quantity, price }) => [quantity, price])).toEqual([
        [2, 1_290_000.5],
        [1, 99],
      ]);
      await session.settle("o1", "paid", "paynow", 1_700_000_001_000);
      await session.settle("o2", "declined", "paynow", null);
    });
    await store.withSession("bepnha", async (session) => {
      expect(await session.order("o1")).toBeUndefined();
      expect(await session.orderItems("o1")).toEqual([]);
      await session.settle("o1", "payment_failed", "paynow", null);
    });
    await store.withSession("", async (session) => {
      const totals = [{ tenant_id: "acme", orders: 2, paid: 1, revenue: 2_580_100 }];
      expect(await session.totalsSince(1_699_999_999_999)).toEqual(totals);
      expect(await session.totalsSince(1_700_000_000_000)).toEqual([]);
    });
    await store.prune(1_700_000_000_000 + 8 * 86_400_000);
    await store.withSession("acme", async (session) => {
      expect(await session.order("o1")).toBeUndefined();
      expect(await session.orderItems("o1")).toEqual([]);
    });
  });
}

function testPool(at: At): void {
  test("a shop gets its share of the connections; who waits too long is told; a failure gives its connection back", async () => {
    const { store } = at();
    let open = () => {};
    const door = new Promise<void>((resolve) => {
      open = resolve;
    });
    const held = [1, 2].map(() => store.withSession("acme", () => door));
    await expect(store.withSession("acme", (session) => session.ping())).rejects.toThrow(PoolTimeout);
    await store.withSession("bepnha", (session) => session.ping());
    const third = store.withSession("acme", (session) => session.ping());
    open();
    await Promise.all([...held, third]);
    const failing = () => Promise.reject(new Error("boom"));
    for (let i = 0; i < 5; i++) await expect(store.withSession("acme", failing)).rejects.toThrow("boom");
    expect([store.pool.inUse, store.pool.waiting, store.pool.max]).toEqual([0, 0, 3]);
  });

  test("a statement that fails leaves the connection in order", async () => {
    const { store } = at();
    await store.withSession("acme", (session) => session.placeOrder(order("twice")));
    await expect(store.withSession("acme", (session) => session.placeOrder(order("twice")))).rejects.toThrow();
    expect(await store.withSession("acme", (session) => session.products())).toHaveLength(24);
  });

  test("fault slow-database: this shop's statements take over two seconds, others none", async () => {
    const { store, faults, slow } = at();
    faults.set("slow-database", "acme", true);
    await Promise.all([
      store.withSession("acme", (session) => session.product("p1")),
      store.withSession("bepnha", (session) => session.product("p2")),
    ]);
    expect(slow).toEqual(["get product"]);
  });

  test("fault connection-leak: connections are gone until it ends", async () => {
    const { store, faults } = at();
    faults.set("connection-leak", null, true);
    await store.withSession("acme", (session) => session.ping());
    await new Promise((resolve) => setTimeout(resolve, 1010));
    await store.withSession("bepnha", (session) => session.ping());
    expect(store.pool.inUse).toBe(2);
    // The last one still works.
    await store.withSession("acme", (session) => session.ping());
    faults.set("connection-leak", null, false);
    expect(store.pool.inUse).toBe(0);
    await Promise.all(["a", "b", "c"].map((shop) => store.withSession(shop, (session) => session.ping())));
  });
}

/** `open` gives a store without carts. */
export function cartContract(name: string, open: () => Promise<CartStore>): void {
  describe(`carts: ${name}`, () => {
    let carts: CartStore;
    beforeEach(async () => {
      carts = await open();
    });
    afterEach(() => carts.close());

    const items = async (tenant: string, id: string) =>
      Object.fromEntries((await carts.read(tenant, id))?.items ?? [["none", 0]]);

    test("what is put in is there, within bounds", async () => {
      const id = await carts.create("acme", "s1");
      const change = (productId: string, quantity: number, how: "add" | "set") =>
        carts.change({ tenant: "acme", cartId: id, productId, quantity, how });
      expect(await change("p1", 2, "add")).toBe(true);
      await change("p1", 3, "add");
      await change("p2", 4, "add");
      expect(await items("acme", id)).toEqual({ p1: 5, p2: 4 });
      await change("p2", 1, "set");
      await change("p1", 98, "add");
      expect(await items("acme", id)).toEqual({ p1: QUANTITY_MAX, p2: 1 });
      await change("p1", 0, "set");
      expect(await items("acme", id)).toEqual({ p2: 1 });
      for (let i = 0; i < ITEMS_MAX + 5; i++) await change(`q${i}`, 1, "add");
      expect((await carts.read("acme", id))?.items.size).toBe(ITEMS_MAX);
      await change("p2", 1, "add");
      expect((await carts.read("acme", id))?.items.get("p2")).toBe(2);
    });

    test("two changes at once are both there", async () => {
      const id = await carts.create("acme", "s1");
      const change = { tenant: "acme", cartId: id, productId: "p1", quantity: 1, how: "add" } as const;
      await Promise.all(Array.from({ length: 20 }, () => carts.change(change)));
      expect(await items("acme", id)).toEqual({ p1: 20 });
    });

    test("a cart is one shop's and one visitor's", async () => {
      const id = await carts.create("acme", "s1");
      const change = { cartId: id, productId: "p1", quantity: 1, how: "add" } as const;
      expect(await carts.change({ ...change, tenant: "bepnha" })).toBe(false);
      expect(await carts.read("bepnha", id)).toBeUndefined();
      expect([await carts.of("acme", "s1"), await carts.of("acme", "s2"), await carts.of("bepnha", "s1")]).toEqual([
        id,
        undefined,
        undefined,
      ]);
      expect(await carts.read("acme", id)).toMatchObject({ id, sessionId: "s1" });
    });

    test("removed is gone; the visitor's newer cart stays", async () => {
      const first = await carts.create("acme", "s1");
      const second = await carts.create("acme", "s1");
      await carts.remove("acme", { id: first, sessionId: "s1" });
      expect(await carts.read("acme", first)).toBeUndefined();
      expect(await carts.of("acme", "s1")).toBe(second);
      await carts.remove("acme", { id: second, sessionId: "s1" });
      expect(await carts.of("acme", "s1")).toBeUndefined();
    });
  });
}
