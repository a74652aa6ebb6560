import { bitsOf } from "@storewatch/model";
import { expect, test } from "vitest";
import { GenericWindow } from "./generic-window.ts";

test("chunks come oldest first, so that a window that is read back keeps their order", () => {
  const window = new GenericWindow(0);
  for (const start of [0, 20, 40]) {
    const times = Float64Array.of(start, start + 10);
    const values = Float64Array.of(start, start + 1);
    window.add(7, times, values, bitsOf(values), 0, 2);
  }
  const copy = new GenericWindow(0);
  const starts: number[] = [];
  window.forEachChunk(7, (n, minMs, maxMs, chunk) => {
    starts.push(minMs);
    copy.addEncoded(7, n, minMs, maxMs, chunk);
  });
  expect(starts).toEqual([0, 20, 40]);
  copy.remove(7, 20, 20);
  copy.forEachChunk(7, (_n, minMs) => starts.push(minMs));
  expect(starts.slice(3)).toEqual([0, 30, 40]);
});
