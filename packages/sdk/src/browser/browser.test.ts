import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BeaconQueue, type BrowserEvent, beaconSender } from "./beacon-queue.ts";
import { pageTemplate } from "./page-name.ts";
import { type RouteWindow, watchRoutes } from "./route-changes.ts";
import { describeErrorEvent, describeThrown, ErrorFilter } from "./script-errors.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("a page's name is a template without ids, queries and what may be a person's", () => {
  const f = (path: string, name: string) => expect(pageTemplate(path)).toBe(name);
  f("/", "/");
  f("/products/4711/reviews?x=1#y", "/products/:id/reviews");
  f("/products/:slug", "/products/:slug");
  f("/orders/2f1c9a44-0b7e-4b8e-9b5a-1d2e3f4a5b6c", "/orders/:id");
  f("/carts/deadbeef1", "/carts/:id");
  f("/facade/decade", "/facade/decade");
  f("/me/jane@example.com", "/me/:id");
  f("/search/%C3%A1o", "/search/:id");
  f("/blog/iphone-15-and-more", "/blog/iphone-15-and-more");
  f("/p/iphone-15-pro-256gb", "/p/:id");
  expect(pageTemplate("/ab".repeat(100))).toHaveLength(100);
});

describe("what waits to be told", () => {
  let sent: Array<{ readonly events: readonly BrowserEvent[]; readonly tenant?: string }>;
  let queue: BeaconQueue;
  const view = (page: string, more = {}) => ({ kind: "view", page, ...more }) as const;

  beforeEach(() => {
    vi.useFakeTimers();
    sent = [];
    queue = new BeaconQueue({ tenant: "acme" }, (body) => sent.push(JSON.parse(body)), 5000);
  });

  test("goes together, 5 s after the first", () => {
    queue.add(view("/a"));
    vi.advanceTimersByTime(3000);
    queue.add(view("/b"));
    vi.advanceTimersByTime(1999);
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(sent).toEqual([{ v: 1, tenant: "acme", events: [view("/a"), view("/b")] }]);
  });

  test("at once when the page ends, and nothing twice", () => {
    queue.add(view("/a"));
    queue.flush();
    queue.flush();
    vi.advanceTimersByTime(10_000);
    expect(sent).toHaveLength(1);
  });

  test("at most 50, in bodies that stay small", () => {
    for (let i = 0; i < 60; i++) queue.add(view(`/${i}`, { stack: "x".repeat(1000) }));
    queue.flush();
    expect(sent.flatMap(({ events }) => events).map(({ page }) => page)).toEqual(
      Array.from({ length: 50 }, (_, i) => `/${i}`),
    );
    for (const body of sent) expect(JSON.stringify(body).length).toBeLessThan(6000);
  });
});

describe("sending", () => {
  const f = (navigator: object, fetch: unknown) => {
    vi.stubGlobal("navigator", navigator);
    vi.stubGlobal("fetch", fetch);
    beaconSender("https://monitor.example/rum/k")("{}");
  };

  test("by sendBeacon as text, so that no preflight is needed", () => {
    const sendBeacon = vi.fn(() => true);
    const fetch = vi.fn();
    f({ sendBeacon }, fetch);
    expect(sendBeacon).toHaveBeenCalledWith("https://monitor.example/rum/k", "{}");
    expect(fetch).not.toHaveBeenCalled();
  });

  test.each([
    ["is not there", {}],
    ["has no room", { sendBeacon: () => false }],
    [
      "is blocked",
      {
        sendBeacon: () => {
          throw new Error("blocked");
        },
      },
    ],
  ])("by fetch that outlives the page when sendBeacon %s; failing is silent", async (_, navigator) => {
    const fetch = vi.fn(() => Promise.reject(new TypeError("Failed to fetch")));
    f(navigator, fetch);
    expect(fetch).toHaveBeenCalledWith("https://monitor.example/rum/k", {
      method: "POST",
      body: "{}",
      mode: "no-cors",
      credentials: "omit",
      keepalive: true,
    });
    // An unhandled rejection would fail this test run.
    await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test("where both are missing or forbidden, nothing is told and nothing thrown", () => {
    expect(() => f({}, undefined)).not.toThrow();
    const forbidden = () => {
      throw new Error("refused by policy");
    };
    expect(() => f({ sendBeacon: forbidden }, forbidden)).not.toThrow();
  });
});

describe("errors of scripts", () => {
  const event = (more: object) =>
    ({ message: "", filename: "", lineno: 0, colno: 0, error: null, ...more }) as ErrorEvent;

  test("message, script, line and stack, without queries", () => {
    const error = new TypeError("x is undefined");
    error.stack =
      "TypeError: x\n    at f (https://acme.example/app.js?v=8&token=secret:3:7)\n    at https://a.example/b.js#h:1:1";
    const described = describeErrorEvent(
      event({
        message: "Uncaught TypeError: x",
        filename: "https://acme.example/app.js?token=secret",
        lineno: 3,
        colno: 7,
        error,
      }),
    );
    expect(described).toEqual({
      kind: "error",
      message: "Uncaught TypeError: x",
      source: "https://acme.example/app.js",
      line: 3,
      column: 7,
      stack: "TypeError: x\n    at f (https://acme.example/app.js:3:7)\n    at https://a.example/b.js:1:1",
    });
  });

  test("another origin's script tells nothing, and is marked so", () => {
    expect(describeErrorEvent(event({ message: "Script error." }))).toMatchObject({
      kind: "foreign",
      message: "Script error.",
    });
    expect(describeErrorEvent(event({ message: "Script error.", filename: "https://a/x.js" })).kind).toBe("error");
  });

  test("whatever was thrown or rejected", () => {
    const f = (thrown: unknown, message: string) =>
      expect(describeThrown(thrown, "rejection")).toMatchObject({ kind: "rejection", message });
    f(new RangeError("too far"), "RangeError: too far");
    f("a text", "a text");
    f(undefined, "undefined");
    f({ message: "an object", code: 5 }, "an object");
    f(Object.create(null), "an error that cannot be printed");
    f(
      {
        get message() {
          throw new Error("trap");
        },
      },
      "an error that cannot be printed",
    );
    f(`failed: https://api.example/search?q=jane`, "failed: https://api.example/search");
    expect(describeThrown("x".repeat(10_000), "error").message).toHaveLength(300);
  });

  test("each once for a page view, ten at most, never our own", () => {
    const filter = new ErrorFilter("https://acme.example/storewatch.js");
    const f = (message: string, more = {}) => filter.isNew({ kind: "error", message, ...more });
    expect([f("a"), f("a"), f("a", { line: 2 })]).toEqual([true, false, true]);
    expect(f("ours", { source: "https://acme.example/storewatch.js" })).toBe(false);
    expect(f("ours", { stack: "at https://acme.example/storewatch.js:1:1" })).toBe(false);
    for (let i = 0; i < 8; i++) expect(f(`${i}`)).toBe(true);
    expect(f("the eleventh")).toBe(false);
    filter.reset();
    expect(f("a")).toBe(true);
  });
});

describe("route changes", () => {
  class FakeWindow extends EventTarget {
    readonly calls: unknown[][] = [];
    nowMs = 0;
    readonly performance = { now: () => this.nowMs };
    readonly history = {
      pushState: (...args: unknown[]) => void this.calls.push(["push", ...args]),
      replaceState: (...args: unknown[]) => void this.calls.push(["replace", ...args]),
    };
  }
  const change = (navigationType: string | null) => Object.assign(new Event("currententrychange"), { navigationType });

  test("by the history's own functions, which still do their work, and by going back", async () => {
    const win = new FakeWindow();
    const seen: Array<Promise<number | undefined>> = [];
    watchRoutes(win as unknown as RouteWindow, (seconds) => seen.push(seconds));
    win.history.pushState({ a: 1 }, "", "/cart");
    win.history.replaceState(null, "", "/cart?x=1");
    win.dispatchEvent(new Event("popstate"));
    expect(win.calls).toEqual([
      ["push", { a: 1 }, "", "/cart"],
      ["replace", null, "", "/cart?x=1"],
    ]);
    expect(await Promise.all(seen)).toEqual([undefined, undefined, undefined]);
  });

  test("what the page's own call throws is the page's", () => {
    const win = new FakeWindow();
    win.history.pushState = () => {
      throw new DOMException("another origin", "SecurityError");
    };
    const onRoute = vi.fn();
    watchRoutes(win as unknown as RouteWindow, onRoute);
    expect(() => win.history.pushState(null, "", "https://evil.example")).toThrow("another origin");
    expect(onRoute).not.toHaveBeenCalled();
  });

  test("by the Navigation API, with the time until the router has finished", async () => {
    const win = new FakeWindow();
    const navigation = Object.assign(new EventTarget(), {
      transition: null as { finished: Promise<unknown> } | null,
    });
    const seen: Array<Promise<number | undefined>> = [];
    watchRoutes(Object.assign(win, { navigation }) as unknown as RouteWindow, (seconds) => seen.push(seconds));
    const navigate = (transition: typeof navigation.transition, type: string | null = "push") => {
      navigation.dispatchEvent(new Event("navigate"));
      navigation.transition = transition;
      navigation.dispatchEvent(change(type));
    };
    navigate(null);
    navigate(null, null);
    const failing = Promise.reject(new Error("the router failed"));
    navigate({ finished: failing });
    let finish = (): void => {};
    navigate({ finished: new Promise<void>((resolve) => (finish = resolve)) });
    win.nowMs = 1500;
    finish();
    expect(await Promise.all(seen)).toEqual([undefined, undefined, 1.5]);
    // The history stays untouched where it need not be.
    win.history.pushState(null, "", "/x");
    expect(seen).toHaveLength(3);
  });
});
