import type { NotificationView } from "@storewatch/model/api";
import { expect, it } from "vitest";
import { filterDeliveries, readableBody, summariseDeliveries } from "./delivery.ts";

const one = (more: Partial<NotificationView>) =>
  ({ outcome: "delivered", latencyMs: null, tenants: [], ...more }) as NotificationView;

it("sums deliveries up", () => {
  const list = [one({ latencyMs: 900 }), one({ latencyMs: 300 }), one({ outcome: "failed" }), one({ latencyMs: 500 })];
  expect(summariseDeliveries(list)).toEqual({ count: 4, failed: 1, medianLatencyMs: 500 });
  expect(summariseDeliveries([]).medianLatencyMs).toBeNull();
});

it("narrows to a shop, and indents JSON only", () => {
  const list = [one({ tenants: ["a"], receiver: "x" }), one({ outcome: "failed", receiver: "x" })];
  expect(filterDeliveries(list, { tenant: "a" })).toEqual([list[0]]);
  expect(filterDeliveries(list, { receiver: "x", outcome: "failed" })).toEqual([list[1]]);
  expect(filterDeliveries(list, {})).toHaveLength(2);
  expect(readableBody('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(readableBody("{not json")).toBe("{not json");
});
