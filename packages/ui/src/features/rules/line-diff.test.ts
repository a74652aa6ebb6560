import fc from "fast-check";
import { expect, it } from "vitest";
import { aroundChanges, diffLines } from "./line-diff.ts";

it("shows what differs with some lines around", () => {
  const theirs = "a\nb\nc\nd\ne\nf\ng";
  const mine = "a\nb\nc\nX\ne\nf\ng\nh";
  expect(diffLines(theirs, mine).map((line) => `${line.kind[0]}${line.text}`)).toEqual([
    "sa",
    "sb",
    "sc",
    "td",
    "mX",
    "se",
    "sf",
    "sg",
    "mh",
  ]);
  expect(aroundChanges(diffLines(theirs, mine), 1).map((line) => line?.text ?? null)).toEqual([
    null,
    "c",
    "d",
    "X",
    "e",
    null,
    "g",
    "h",
  ]);
  expect(aroundChanges(diffLines("a\nb", "a\nb"))).toEqual([null]);
});

it("holds both texts, whatever they are", () => {
  const text = fc.array(fc.constantFrom("a", "b", "", "c"), { maxLength: 12 }).map((lines) => lines.join("\n"));
  fc.assert(
    fc.property(text, text, (theirs, mine) => {
      const lines = diffLines(theirs, mine);
      const without = (kind: string) => lines.filter((line) => line.kind !== kind).map((line) => line.text);
      expect(without("mine").join("\n")).toBe(theirs);
      expect(without("theirs").join("\n")).toBe(mine);
    }),
  );
});
