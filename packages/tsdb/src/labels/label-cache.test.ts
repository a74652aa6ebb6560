import { Labels } from "@storewatch/model";
import { expect, test } from "vitest";
import { LabelCache } from "./label-cache.ts";

test("keeps what is asked for, forgets the rest when it is full", () => {
  const cache = new LabelCache(4);
  const of = (id: number) => Labels.from({ id: String(id) });
  const kept = () => [0, 1, 2, 3, 4, 5000].filter((id) => cache.get(id));
  for (const id of [0, 1, 2, 3]) cache.set(id, of(id));
  cache.get(1);
  cache.get(3);
  cache.set(5000, of(5000));
  expect(kept()).toEqual([1, 3, 5000]);
  cache.delete(1);
  cache.delete(1);
  cache.set(0, of(0));
  cache.set(2, of(2));
  expect(kept()).toEqual([0, 2, 3, 5000]);
  // All of them were asked for: all go, so that the next ones find room.
  cache.set(4, of(4));
  expect(kept()).toEqual([4]);
});
