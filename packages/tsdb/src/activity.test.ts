import { Labels } from "@storewatch/model";
import { expect, test } from "vitest";
import { open, START_MS, temporaryDir } from "./testing.ts";

test("tells the active series by label value, and which ones are written to; a restart changes nothing", async () => {
  const dir = temporaryDir();
  const of = (name: string, tenant: string) => Labels.from({ __name__: name, tenant_id: tenant });
  const first = await open(dir);
  const rows = first.tsdb.openRows("t");
  const column = rows.column(of("a", "acme"));
  rows.begin();
  rows.row[rows.base + column] = 1;
  rows.commit(START_MS);
  const pushed = [of("b", "acme"), of("a", "bravo"), Labels.from({ __name__: "a" })];
  await first.tsdb.append(pushed.map((labels) => ({ labels, timeMs: START_MS, value: 1 })));
  const expected = new Map([
    ["acme", 2],
    ["bravo", 1],
  ]);
  expect(first.tsdb.activeSeriesBy("tenant_id")).toEqual(expected);
  expect([of("a", "acme"), of("b", "acme"), of("c", "acme")].map((one) => first.tsdb.isActive(one))).toEqual([
    true,
    true,
    false,
  ]);
  await first.tsdb.close();
  const second = await open(dir);
  expect(second.tsdb.activeSeriesBy("tenant_id")).toEqual(expected);
  expect(second.tsdb.isActive(of("b", "acme"))).toBe(true);
  await second.tsdb.close();
});
