// The shipped rules and routes, checked by the original programs.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { findPeer } from "@storewatch/testkit";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { CONTENT_DIR, type DemoPlaces, renderDemoConfig } from "./render-config.ts";

const run = promisify(execFile);
const promtool = findPeer("promtool");
const amtool = findPeer("amtool");
const RULES = path.join(CONTENT_DIR, "rules");
const directory = mkdtempSync(path.join(os.tmpdir(), "content-"));
const places: DemoPlaces = {
  SMTP_PORT: "2525",
  INBOX_URL: "http://127.0.0.1:2526",
  SHOP_ADDRESS: "127.0.0.1:9781",
  SHOP_TOKEN_FILE: "/demo/shop-metrics-token",
};
const files = renderDemoConfig(directory, places);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface RuleFile {
  readonly groups: ReadonlyArray<{ readonly rules: ReadonlyArray<Readonly<Record<string, unknown>>> }>;
}

describe("shipped rules", () => {
  const rules = files.rules.flatMap((file) =>
    (parse(readFileSync(file, "utf8")) as RuleFile).groups.flatMap((g) => g.rules),
  );

  test("every rule has its unit test, every alert its labels and its words", () => {
    const tests = readdirSync(RULES)
      .filter((name) => name.endsWith(".test.yml"))
      .map((name) => readFileSync(path.join(RULES, name), "utf8"))
      .join("\n");
    for (const rule of rules) {
      expect(tests).toContain(String(rule.record ?? rule.alert));
      if (rule.alert === undefined) continue;
      expect(Object.keys(rule.labels as object).sort()).toEqual(["severity", "team"]);
      expect(Object.keys(rule.annotations as object).sort()).toEqual(["description", "runbook", "summary"]);
    }
    const names = new Set(rules.map((rule) => rule.alert));
    for (const seed of [
      "HighErrorRate",
      "HighResponseTime",
      "DatabaseConnectionsHigh",
      "MemoryUsageHigh",
      "DiskSpaceLow",
    ])
      expect(names).toContain(seed);
    expect(names).toContain("TenantOrderRateLow");
  });

  test.skipIf(!promtool)(
    "promtool accepts them and their unit tests pass",
    async () => {
      const { stdout } = await run(promtool!, ["check", "rules", ...files.rules]);
      expect(stdout).toContain("SUCCESS");
      await run(promtool!, ["check", "config", "--syntax-only", files.prometheus]);
      for (const name of readdirSync(RULES).filter((name) => name.endsWith(".test.yml")))
        await run(promtool!, ["test", "rules", name], { cwd: RULES });
    },
    90_000,
  );
});

describe.skipIf(!amtool)("shipped routes", () => {
  test("amtool accepts them", async () => {
    expect((await run(amtool!, ["check-config", files.alertmanager])).stdout).toContain("SUCCESS");
  });

  test.each([
    [["alertname=TenantOrderRateLow", "severity=warning"], "business-alerts"],
    [["alertname=TenantOrdersMissing", "severity=warning"], "business-alerts"],
    [["alertname=PaymentProviderDown", "severity=critical"], "business-alerts,critical-alerts"],
    [["alertname=HighErrorRate", "severity=critical"], "critical-alerts"],
    [["alertname=HighErrorRate", "severity=warning"], "warning-alerts"],
    [["alertname=Watchdog", "severity=none"], "nobody"],
    [["alertname=Anything"], "default"],
  ])("%s goes to %s", async (labels, receivers) => {
    const { stdout } = await run(amtool!, ["config", "routes", "test", "--config.file", files.alertmanager, ...labels]);
    expect(stdout.trim()).toBe(receivers);
  });
});
