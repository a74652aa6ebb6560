import { expect, test } from "vitest";
import { parseByteSize } from "./retention.ts";
import { checkStorewatchConfig } from "./storewatch-config.ts";

function problems(text: string): string[] {
  try {
    checkStorewatchConfig("storewatch.yml", text);
    return [];
  } catch (error) {
    const { findings } = error as { findings: { line: number; column: number; message: string }[] };
    return findings.map(({ line, column, message }) => `${line}:${column} ${message}`);
  }
}

test("sizes are in Prometheus' spelling", () => {
  expect(["512MB", "1.5GB", "7B", "2TB"].map(parseByteSize)).toEqual([2 ** 29, 1.5 * 2 ** 30, 7, 2 ** 41]);
  expect(["", "5", "5 GB", "-1GB", "1gb", "1e3MB", "GB"].map(parseByteSize)).toEqual(Array(7).fill(undefined));
});

test("classes, sizes and intervals are read, and what cannot hold is named with its place", () => {
  const good = `metrics:
  retention: 30d
  retention_size: 50GB
  downsampling: { 5m: 90d, 1h: 1y }
  retention_classes:
    gold: { retention: 365d, size: 10GB, downsampling: { 5m: "0" } }
tenants:
  - { id: acme, retention: gold }
`;
  expect(problems(good)).toEqual([]);
  expect(problems(good.replace("retention: gold }", "retention: silver }"))).toEqual([
    "8:17 there is no class silver in metrics.retention_classes",
  ]);
  expect(problems(good.replace("365d", "30m"))[0]).toMatch(/^6:13 .*gold\.retention: expected at least 1h/);
  expect(problems(good.replace("50GB", "50 GB"))[0]).toMatch(/^3:3 .*expected a size/);
  expect(problems(good.replace("gold:", "Gold:"))[0]).toMatch(/^6:5 metrics.retention_classes.Gold/);
  expect(problems(good.replace("5m: 90d", "5m: soon"))[0]).toMatch(/expected a duration/);
});
