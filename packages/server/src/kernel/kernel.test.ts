import { FakeClock } from "@storewatch/testkit";
import { expect, test } from "vitest";
import { Disposables } from "./disposables.ts";
import { ERRORS, StorewatchError } from "./errors.ts";
import { KeyedBuckets, TokenBucket } from "./limits.ts";

test("an error of the catalogue carries its status, filled texts and the time to wait", () => {
  const error = new StorewatchError("TOO_MANY_SIGN_INS", { seconds: 2.2 });
  expect(error).toMatchObject({ status: 429, hint: "try again in 2.2 s", retryAfterSeconds: 3 });
  expect(new StorewatchError("NOT_FOUND", { what: "user {x}" }).message).toBe("there is no user {x}");
});

test("every status of the catalogue is an HTTP error", () => {
  for (const [code, entry] of Object.entries(ERRORS))
    expect(entry.status >= 400 && entry.status < 600, code).toBe(true);
});

test("a bucket gives its burst, then what time brings", async () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket(clock, { burst: 3, perSecond: 0.5 });
  expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([0, 0, 0]);
  expect(bucket.take()).toBe(2);
  await clock.advance(2000);
  expect(bucket.take()).toBe(0);
  expect(bucket.take()).toBeGreaterThan(0);
});

test("buckets per key stay bounded under a flood of keys, and the busy one is remembered while it can be", () => {
  const buckets = new KeyedBuckets(new FakeClock(), { burst: 1, perSecond: 1 }, 4);
  for (let i = 0; i < 1000; i++) expect(buckets.take(`key-${i}`)).toBe(0);
  expect(buckets.take("key-999")).toBe(1);
  const many = new KeyedBuckets(new FakeClock(), { burst: 1, perSecond: 1 }, 100);
  for (let i = 0; i <= 100; i++) many.take(`key-${i}`);
  // The oldest tenth is forgotten, the others are not.
  expect([many.take("key-10"), many.take("key-9")]).toEqual([1, 0]);
});

test("disposables stop in reverse order, and a failing one does not stop the rest", async () => {
  const order: string[] = [];
  const all = new Disposables();
  all.add("a", () => void order.push("a"));
  all.add("b", () => Promise.reject(new Error("no")));
  all.add("c", () => void order.push("c"));
  await all.disposeAll((name) => order.push(`!${name}`));
  expect(order).toEqual(["c", "!b", "a"]);
});
