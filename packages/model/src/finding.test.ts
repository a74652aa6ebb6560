import { expect, test } from "vitest";
import { formatFinding } from "./finding.ts";
import { parseTenantId, scopeAllows, tenantScope } from "./tenant.ts";

test("a finding prints place, severity, code and message first, then why and fix", () => {
  const finding = {
    code: "X",
    severity: "error",
    file: "a.yml",
    line: 2,
    column: 3,
    message: "no",
    why: "w",
    fix: "f",
  } as const;
  expect(formatFinding(finding)).toBe("a.yml:2:3: error X no\n  why: w\n  fix: f");
});

test("a tenant id is short and plain, and a scope knows its own", () => {
  expect(parseTenantId("acme-1.vn")).toBe("acme-1.vn");
  for (const bad of ["", "-a", "a b", "a/b", "x".repeat(65), "../etc"]) expect(parseTenantId(bad)).toBeUndefined();
  const scope = tenantScope([parseTenantId("acme")!]);
  expect(scopeAllows(scope, "acme")).toBe(true);
  expect(scopeAllows(scope, "other")).toBe(false);
  expect(scopeAllows({ kind: "all" }, "other")).toBe(true);
});
