import { expect, it } from "vitest";
import { en } from "./en.ts";
import { vi } from "./vi.ts";

type Tree = { readonly [key: string]: string | Tree };

/** Paths with the plural's form cut off: Vietnamese has no singular. */
function paths(tree: Tree, prefix = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") found.set(prefix + key.replace(/_(one|other)$/, ""), value);
    else for (const [path, text] of paths(value, `${prefix}${key}.`)) found.set(path, text);
  }
  return found;
}
const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();

it("has every text in both languages, with the same placeholders", () => {
  const [english, vietnamese] = [paths(en), paths(vi)];
  expect([...vietnamese.keys()].sort()).toEqual([...english.keys()].sort());
  for (const [path, text] of english) {
    expect([path, placeholders(vietnamese.get(path) ?? "")]).toEqual([path, placeholders(text)]);
    expect([path, text.length > 0]).toEqual([path, true]);
  }
});
