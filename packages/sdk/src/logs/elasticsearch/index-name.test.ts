// Index names: one tenant, one index, and never a name that Elasticsearch refuses.
import { describe, expect, test } from "vitest";
import { IndexNames, isIndexName, normalisedTenant } from "./index-name.ts";

const NOON = Date.UTC(2026, 10, 22, 12);

function nameOf(tenant: unknown, wallMs = NOON): string {
  return new IndexNames().of(tenant, wallMs);
}

describe("the tenant's index", () => {
  test("plain ids stand as they are", () => {
    expect(nameOf("shop-1")).toBe("tenant-shop-1-logs-2026.11.22");
    expect(nameOf(42)).toBe("tenant-42-logs-2026.11.22");
    expect(nameOf("a.b_c")).toBe("tenant-a.b_c-logs-2026.11.22");
  });

  test.each([
    "../",
    "_x",
    "-x",
    ".",
    "..",
    "",
    "a/b",
    "a b",
    "*",
    "tên",
    "x".repeat(65),
    "a\n",
    undefined,
    null,
    {},
    NaN,
  ])("%j is no tenant's id and makes no index", (id) => {
    expect(nameOf(id)).toBe("system-logs-2026.11.22");
  });

  test("the tenant of what belongs to no shop has no index", () => {
    expect(nameOf("unknown")).toBe("system-logs-2026.11.22");
  });

  test("ids that differ in capitals only do not share an index", () => {
    const names = ["shop", "Shop", "SHOP", "sHop"].map((id) => nameOf(id));
    expect(new Set(names).size).toBe(4);
    expect(names[1]).toMatch(/^tenant-shop~[0-9a-f]{12}-logs-2026\.11\.22$/);
  });

  test("64 characters fit, whatever they are", () => {
    for (const id of ["A".repeat(64), "z".repeat(64), `a${"-logs".repeat(12)}`]) {
      expect(isIndexName(nameOf(id))).toBe(true);
    }
  });

  test("no other tenant's index matches a tenant's pattern", () => {
    for (const id of ["a-logs", "a-logs-x", "a-logs-2026.01.01", "A-LOGS-x", "a-logs-logs"]) {
      expect(nameOf(id).startsWith("tenant-a-logs-")).toBe(false);
    }
  });

  test("random ids: legal names, one for each id", () => {
    const letters = "abzABZ019._-";
    let seed = 7;
    const next = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const idOf = new Map<string, string>();
    for (let round = 0; round < 5000; round += 1) {
      const id = `x${Array.from({ length: next(64) }, () => letters[next(letters.length)]).join("")}`;
      const name = `tenant-${normalisedTenant(id)}-logs-2026.11.22`;
      expect(isIndexName(name)).toBe(true);
      expect(idOf.get(name) ?? id).toBe(id);
      idOf.set(name, id);
    }
  });
});

test("the day is UTC's", () => {
  const names = new IndexNames();
  const midnight = Date.UTC(2027, 0, 1);
  expect(names.of("a", midnight - 1)).toBe("tenant-a-logs-2026.12.31");
  expect(names.of("a", midnight)).toBe("tenant-a-logs-2027.01.01");
  expect(names.of("a", midnight - 1)).toBe("tenant-a-logs-2026.12.31");
});

test("names that no index may have", () => {
  for (const name of [
    "",
    "_a",
    "-a",
    "+a",
    ".",
    "..",
    "A",
    "a b",
    "a/b",
    "a\\b",
    "a*",
    "a?",
    'a"',
    "a<",
    "a|",
    "a,b",
    "a#",
    "a:b",
  ]) {
    expect(isIndexName(name), name).toBe(false);
  }
  expect(isIndexName("x".repeat(255))).toBe(true);
  expect(isIndexName("x".repeat(256))).toBe(false);
  expect(isIndexName(7)).toBe(false);
});
