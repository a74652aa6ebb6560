import type { NotificationView } from "@storewatch/model/api";
import { expect, it } from "vitest";
import { ofTenant, readableBody, summariseDeliveries } from "./delivery.ts";

const one = (more: Partial<NotificationView>) =>
  ({ outcome: "delivered", latencyMs: null, tenants: [], ...more }) as NotificationView;

it("sums deliveries up", () => {
  const list = [one({ latencyMs: 900 }), one({ latencyMs: 300 }), one({ outcome: "failed" }), one({ latencyMs: 500 })];
  expect(summariseDeliveries(list)).toEqual({ count: 4, failed: 1, medianLatencyMs: 500 });
  expect(summariseDeliveries([]).medianLatencyMs).toBeNull();
});

it("narrows to a shop, and indents JSON only", () => {
  expect(ofTenant([one({ tenants: ["a"] }), one({})], "a")).toHaveLength(1);
  expect(readableBody('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(readableBody("{not json")).toBe("{not json");
});
