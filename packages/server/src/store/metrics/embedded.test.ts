import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ALL_TENANTS, Labels, Matcher, type TenantId, type TenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import { openTsdb } from "@storewatch/tsdb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type MetricStore, OutOfScope } from "../interface.ts";
import { createEmbeddedMetricStore } from "./embedded.ts";

const NOW_MS = 1_700_000_000_000;
const acme: TenantScope = { kind: "tenants", ids: new Set(["acme" as TenantId]) };
const everything = [new Matcher("=~", "__name__", ".+")];
let dir: string;
let store: MetricStore;

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), "storewatch-embedded-"));
  const retention = { default: { name: "default", timeMs: 30 * 86_400_000 } };
  store = createEmbeddedMetricStore(await openTsdb({ dataDir: dir, clock: new FakeClock(NOW_MS), retention }));
  await store.append(
    ALL_TENANTS,
    ["acme", "other"].map((tenant) => ({ labels: labelsOf(tenant), timeMs: NOW_MS, value: 1 })),
  );
  store.appendExemplars(ALL_TENANTS, [exemplarOf("acme"), exemplarOf("other")]);
});

afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true });
});

const labelsOf = (tenant: string) => Labels.from({ __name__: "orders", tenant_id: tenant });
const exemplarOf = (tenant: string) => ({
  series: labelsOf(tenant),
  exemplar: { labels: Labels.from({ trace_id: tenant }), value: 1, timeMs: NOW_MS },
});

const tenantsLeft = () => [
  store.select(ALL_TENANTS, everything, 0, 2 * NOW_MS).map(({ labels }) => labels.get("tenant_id")),
  store.exemplars(ALL_TENANTS, everything, 0, 2 * NOW_MS).map(({ series }) => series.get("tenant_id")),
];

test("exemplars are written and read within the scope only", () => {
  expect(store.exemplars(acme, everything, 0, NOW_MS).map(({ series }) => String(series))).toEqual([
    String(labelsOf("acme")),
  ]);
  expect(() => store.appendExemplars(acme, [exemplarOf("acme"), exemplarOf("other")])).toThrow(OutOfScope);
  expect(store.appendExemplars(acme, [exemplarOf("acme")])).toEqual({ appended: 1, outOfOrder: 0, tooLong: 0 });
});

test("a deletion reaches the scope's tenants only", async () => {
  expect(await store.delete(acme, everything, 0, 2 * NOW_MS)).toEqual({ series: 1 });
  expect(tenantsLeft()).toEqual([["other"], ["other"]]);
  await store.cleanTombstones();
  expect(tenantsLeft()).toEqual([["other"], ["other"]]);
});

test("so does an erasure", async () => {
  expect((await store.erase(acme, everything)).series).toBe(1);
  expect(tenantsLeft()).toEqual([["other"], ["other"]]);
  expect(store.labelValues(ALL_TENANTS, "tenant_id", [], 0, 2 * NOW_MS)).toEqual(["other"]);
});

test("a snapshot opens as a store", async () => {
  const to = path.join(dir, "copy");
  await store.snapshot(to);
  const retention = { default: { name: "default", timeMs: 30 * 86_400_000 } };
  const copy = await openTsdb({ dataDir: to, clock: new FakeClock(NOW_MS), retention });
  expect(copy.select(everything, 0, 2 * NOW_MS).length).toBe(2);
  await copy.close();
});
