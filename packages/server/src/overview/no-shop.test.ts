// Services count requests that name no shop under "unknown": that is traffic of the platform, and never a shop.
import { ALL_TENANTS, Labels } from "@storewatch/model";
import type { QueryResult } from "@storewatch/promql/engine";
import { FakeClock } from "@storewatch/testkit";
import { expect, test } from "vitest";
import { INSTANT } from "./expressions.ts";
import { platformOverview } from "./platform.ts";

const NOW = 1_700_000_000_000;

function answer(expression: string): QueryResult["value"] {
  const sample = (labels: Record<string, string>, value: number) => ({
    labels: Labels.from(labels),
    timeMs: NOW,
    value,
  });
  if (expression === INSTANT.requests)
    return { type: "vector", samples: ["acme", "unknown", "__other__"].map((id) => sample({ tenant_id: id }, 2)) };
  if (expression === INSTANT.alerts) {
    const labels = { alertname: "HighErrorRate", alertstate: "firing", severity: "critical", tenant_id: "unknown" };
    return { type: "vector", samples: [sample(labels, 1)] };
  }
  return { type: "vector", samples: [] };
}

test("requests that name no shop count for the platform and make no shop; their alerts are the platform's", async () => {
  const result = (value: QueryResult["value"]): QueryResult => ({
    value,
    warnings: [],
    infos: [],
    stats: { samplesRead: 0, peakSamples: 0, busyMs: 0 },
  });
  const overview = await platformOverview(
    {
      clock: new FakeClock(NOW),
      tenants: () => [],
      query: {
        instant: (_scope, expression) => Promise.resolve(result(answer(expression))),
        range: () => Promise.resolve(result({ type: "matrix", series: [] })),
        read: (_scope, _options, read) => read(new AbortController().signal),
      },
    },
    ALL_TENANTS,
    3_600_000,
  );
  expect(overview.shops.map(({ id }) => id)).toEqual(["acme"]);
  expect(overview.figures.requestsPerSecond.value).toBe(6);
  expect(overview).toMatchObject({ health: "crit", reasons: [{ kind: "alert", alert: "HighErrorRate" }] });
});
