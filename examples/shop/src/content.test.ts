// What the built-in rules and dashboards ask for, and what the shop gives: names and labels must be the same.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Writable } from "node:stream";
import { parseExpression, type VectorSelector } from "@storewatch/promql/parser";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { createShop, type Shop } from "./app.ts";

const CONTENT = path.resolve(import.meta.dirname, "../../../packages/server/content");
/** Not the shop's: recorded by rules, Storewatch's own, of browsers, of the agent and of exporters. */
const OTHERS =
  /:|^(storewatch|page|web_vitals|browser|route_changes?|node|pg|redis|container|kube|machine|ALERTS|up$|scrape)/;
/** Of the shop, but only there once something rare has happened. */
const RARE = /^db_slow_queries_total$/;

let directory: string;
let shop: Shop;
let exposed: Map<string, Set<string>>;

beforeAll(async () => {
  directory = mkdtempSync(path.join(os.tmpdir(), "shop-content-"));
  shop = await createShop({
    databaseFile: path.join(directory, "shop.sqlite"),
    version: "1.0.0",
    providers: { paynow: "http://127.0.0.1:1" },
    logging: { level: "error", stream: new Writable({ write: (_chunk, _encoding, done) => done() }) },
    random: () => 0.5,
    deploy: () => {},
    setProviderDown: () => {},
    crash: () => {},
  });
  await new Promise<void>((resolve) => shop.server.listen(0, "127.0.0.1", resolve));
  const address = shop.server.address();
  const port = typeof address === "object" ? address?.port : 0;
  await fetch(`http://127.0.0.1:${port}/t/acme/products`);
  shop.sw.business.trackCart({ tenantId: "acme", cartId: "c" });
  shop.sw.business.trackOrderCreated({
    tenantId: "acme",
    status: "paid",
    currency: "USD",
    total: 1,
    cartId: "c",
    sessionId: "s",
  });
  exposed = labelsByName(await shop.sw.metrics.text());
});

afterAll(async () => {
  await shop.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Metric name → label names, of an exposition. */
function labelsByName(text: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const line of text.split("\n")) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? /.exec(line);
    if (!match) continue;
    const labels = found.get(match[1]) ?? new Set<string>();
    for (const [, label] of (match[2] ?? "").matchAll(/(\w+)="/g)) labels.add(label);
    found.set(match[1], labels);
  }
  return found;
}

/** Everything called `expr`, wherever it is. */
function expressionsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "expr" && typeof inner === "string" ? [inner] : expressionsIn(inner),
  );
}

function selectorsIn(value: unknown): VectorSelector[] {
  if (typeof value !== "object" || value === null) return [];
  const own = "kind" in value && value.kind === "selector" ? [value as VectorSelector] : [];
  return [...own, ...Object.values(value).flatMap(selectorsIn)];
}

const DURATIONS = /\$\{?__(?:rate_interval|interval|range)\}?/g;

function contentExpressions(): Array<[string, string]> {
  return ["rules", "dashboards"].flatMap((folder) =>
    readdirSync(path.join(CONTENT, folder))
      .filter((name) => name.endsWith(".rules.yml") || name.endsWith(".json"))
      .flatMap((name) =>
        expressionsIn(parse(readFileSync(path.join(CONTENT, folder, name), "utf8"))).map((text): [string, string] => [
          name,
          text.replaceAll(DURATIONS, "5m"),
        ]),
      ),
  );
}

describe("built-in content and the shop", () => {
  test("every metric that rules and dashboards ask the shop for is there, with the labels they ask by", () => {
    const asked = new Set<string>();
    for (const [file, text] of contentExpressions()) {
      for (const { name, matchers } of selectorsIn(parseExpression(text))) {
        if (name === "" || OTHERS.test(name) || RARE.test(name)) continue;
        asked.add(name);
        const labels = exposed.get(name);
        expect([file, name, labels !== undefined]).toEqual([file, name, true]);
        const known = new Set(["__name__", "job", "instance", ...(labels ?? [])]);
        for (const matcher of matchers) expect([file, name, known.has(matcher.name)]).toEqual([file, name, true]);
      }
    }
    // So that a change of the files' form does not make this test look at nothing.
    for (const name of ["http_requests_total", "orders_total", "revenue_total", "conversion_rate", "active_sessions"])
      expect(asked).toContain(name);
    for (const name of ["db_connections_in_use", "app_memory_limit_bytes", "payment_attempts_total"])
      expect(asked).toContain(name);
  });
});
