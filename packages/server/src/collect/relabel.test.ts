import { Labels } from "@storewatch/model";
import { describe, expect, test } from "vitest";
import { createRelabeller, RELABEL_DEFAULTS, type RelabelConfig, relabel } from "./relabel.ts";

function run(
  input: Record<string, string>,
  ...rules: Array<Partial<RelabelConfig>>
): Record<string, string> | undefined {
  const relabeller = createRelabeller(rules.map((rule) => ({ ...RELABEL_DEFAULTS, ...rule })));
  return relabel(Labels.from(input), relabeller)?.toJSON();
}

describe("relabelling", () => {
  test("replacement templates expand as Go's do", () => {
    const f = (replacement: string, expected: string) => {
      const rule = { sourceLabels: ["a"], regex: "(?P<first>.)(.)", targetLabel: "t", replacement };
      expect(run({ a: "xy" }, rule)?.t ?? "", replacement).toBe(expected);
    };
    f("$1$2", "xy");
    f("${1}0", "x0");
    // The longest name wins: there is no group 10, and none that is called 1_.
    f("$10-", "-");
    f("$1_z", "");
    f("$first", "x");
    f("${first}z", "xz");
    f("$$1", "$1");
    f("a$", "a$");
    f("$-$1", "$-x");
    f("${1", "${1");
    f("$01", "");
    f("$3", "");
  });

  test("an empty result removes the label; a result that is no label name changes nothing", () => {
    expect(run({ a: "x", t: "old" }, { sourceLabels: ["a"], regex: "(y?)x", targetLabel: "t" })).toEqual({ a: "x" });
    const rule = { sourceLabels: ["a"], regex: "(.*)", targetLabel: "$2", replacement: "v" };
    expect(run({ a: "x" }, rule)).toEqual({ a: "x" });
  });

  test("labelmap sees the labels as they were when it started", () => {
    expect(run({ a: "1", xa: "2" }, { action: "labelmap", regex: "(.*a)", replacement: "x$1" })).toEqual({
      a: "1",
      xa: "1",
      xxa: "2",
    });
  });

  test("case is mapped code point by code point", () => {
    expect(run({ a: "Straße İ" }, { action: "uppercase", sourceLabels: ["a"], targetLabel: "t" })?.t).toBe("STRAßE İ");
  });

  test("a modulus of 64 bits is exact", () => {
    const rule = { action: "hashmod", sourceLabels: ["a"], targetLabel: "t", modulus: 2n ** 64n - 1n } as const;
    expect(run({ a: "abc" }, rule)?.t).toBe((0xd6963f7d28e17f72n % (2n ** 64n - 1n)).toString());
  });

  test("a pattern that closes a group it did not open is refused", () => {
    expect(() => run({}, { regex: "a)(b", targetLabel: "t" })).toThrow(/error parsing regexp/);
  });

  test("a hostile pattern does not take exponential time", () => {
    expect(run({ a: "a".repeat(5000) }, { action: "keep", sourceLabels: ["a"], regex: "(a+)+b" })).toBeUndefined();
  });
});
