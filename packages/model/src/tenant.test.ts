import { describe, expect, test } from "vitest";
import { parseTenantId } from "./tenant.ts";

describe("ids of shops", () => {
  const f = (text: string, isId: boolean) => expect(parseTenantId(text)).toBe(isId ? text : undefined);
  test("letters, digits, dots, underscores and dashes, first a letter or digit", () => {
    f("acme", true);
    f("7-eleven_VN.2", true);
    f("a".repeat(64), true);
    f("a".repeat(65), false);
    f("", false);
    f("-a", false);
    f("a b", false);
    f("a\n", false);
    f("áo-dài", false);
    f("<b>", false);
  });
  test("what stands for no shop is none", () => {
    f("unknown", false);
    f("__other__", false);
    f("unknown-brand", true);
  });
});
