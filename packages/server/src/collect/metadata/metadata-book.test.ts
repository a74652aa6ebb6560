import type { MetricMetadata } from "@storewatch/model";
import { expect, test } from "vitest";
import { MetadataBook } from "./metadata-book.ts";

const counter: MetricMetadata = { type: "counter", help: "Requests.", unit: "" };
const gauge: MetricMetadata = { type: "gauge", help: "Size.", unit: "bytes" };

function savedTable() {
  const table = new Map<string, MetricMetadata>();
  const putMetadata = (entries: Iterable<readonly [string, MetricMetadata]>) => {
    for (const [family, told] of entries) table.set(family, told);
  };
  return { table, saved: { metadata: () => table, putMetadata } };
}

test("what pushes and scrapes say is kept, and known after a restart until something newer is said", () => {
  const { table, saved } = savedTable();
  const before = new MetadataBook(saved);
  before.note("requests", counter);
  before.save(
    new Map([
      ["size", [gauge]],
      ["requests", [gauge]],
    ]),
  );
  // A push has the word of its own family.
  expect([...table]).toEqual([
    ["requests", counter],
    ["size", gauge],
  ]);
  const after = new MetadataBook(saved);
  expect(after.typeOf("size")).toBeUndefined();
  expect(after.savedTypeOf("size")).toBe("gauge");
  const newer = { ...gauge, help: "Size in bytes." };
  expect([...after.mergedWith(new Map([["size", [newer]]]))]).toEqual([
    ["size", [newer]],
    ["requests", [counter]],
  ]);
});
