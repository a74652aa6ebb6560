import type { TenantOverview } from "@storewatch/model/api";
import { expect, it } from "vitest";
import { alertRows, shopLanes } from "./lanes.ts";

const page = {
  shop: { id: "acme", currency: "VND" },
  lanes: {
    orders: [
      { name: "orders", values: [1] },
      { name: "before", values: [2] },
    ],
    revenue: [{ name: "USD", values: [3] }],
    requests: [
      { name: "2xx", values: [4] },
      { name: "5xx", values: [5] },
    ],
    errors: [{ name: "errors", values: [0.5] }],
    latency: [
      { name: "p50", values: [0.1] },
      { name: "p95", values: [0.2] },
    ],
  },
  alertSpans: [
    { alert: "A", severity: "warning", state: "pending", fromMs: -50, toMs: 10 },
    { alert: "B", severity: "critical", state: "firing", fromMs: 20, toMs: 60 },
    { alert: "A", severity: "warning", state: "firing", fromMs: 10, toMs: 20 },
  ],
} as unknown as TenantOverview;

it("draws each lane in its unit, revenue in the shop's currency", () => {
  const lanes = shopLanes(page, "1 h earlier", (key) => key);
  expect(lanes.map((lane) => lane.key)).toEqual(["orders", "revenue", "requests", "errors", "latency"]);
  expect(lanes[0].lines.map((line) => line.name)).toEqual(["overview.orders", "1 h earlier"]);
  expect(lanes[1].format(12.5).replace("\u202f", " ")).toBe("12.50 $");
  expect(lanes[2].lines[1].color).toBe("var(--crit)");
  expect(lanes.every((lane) => lane.expression.includes('tenant_id="acme"'))).toBe(true);
});

it("puts alerts on the axis, cut at its ends", () => {
  const rows = alertRows(page, 0, 100);
  expect(rows.map((row) => row.alert)).toEqual(["B", "A"]);
  expect(rows[1].spans.map((span) => [span.state, span.leftPercent, span.widthPercent])).toEqual([
    ["pending", 0, 10],
    ["firing", 10, 10],
  ]);
});
