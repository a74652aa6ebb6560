import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { glob, matchName } from "./glob.ts";

test("names match as in Go's filepath.Match", () => {
  const f = (pattern: string, name: string, expected: boolean) =>
    expect(matchName(pattern, name), `${pattern} ${name}`).toBe(expected);
  f("*", "abc", true);
  f("a*", "abc", true);
  f("*b", "abc", false);
  f("a*b?c*x", "abxbbxdbxebxczzx", true);
  f("a?c", "abc", true);
  f("a??c", "abc", false);
  f("ab[c-e]", "abd", true);
  f("ab[^c-e]", "abd", false);
  f("ab[^e-g]", "abc", true);
  f("a\\*b", "a*b", true);
  f("a\\*b", "ab", false);
  f("[]a]", "a", false);
  f("[a", "a", false);
  f("a[", "a[", false);
  f("", "", true);
  f("?", "ü", true);
});

test("paths: patterns in folders, existing files only, sorted", () => {
  const dir = mkdtempSync(path.join(tmpdir(), "glob-"));
  for (const folder of ["one", "two"]) {
    mkdirSync(path.join(dir, folder));
    for (const name of ["b.yml", "a.yml", "c.txt"]) writeFileSync(path.join(dir, folder, name), "");
  }
  const found = (pattern: string) => glob(path.join(dir, pattern)).map((file) => path.relative(dir, file));
  expect(found("*/?.yml")).toEqual(["one/a.yml", "one/b.yml", "two/a.yml", "two/b.yml"]);
  expect(found("one/a.yml")).toEqual(["one/a.yml"]);
  expect(found("one/missing.yml")).toEqual([]);
  expect(found("missing/*.yml")).toEqual([]);
  rmSync(dir, { recursive: true });
});
