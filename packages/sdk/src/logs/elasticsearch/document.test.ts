import { expect, test } from "vitest";
import { shippedLine } from "./document.ts";
import { targetOf } from "./options.ts";

const NOW = Date.UTC(2026, 10, 22, 23, 59, 59, 999);

test("the fields of a line stay flat; its own time is the document's", () => {
  const info = {
    level: "info",
    message: "paid",
    timestamp: "2026-11-21T10:00:00.5+07:00",
    tenantId: "a",
    order: { total: 5 },
  };
  const { json, wallMs, level } = shippedLine(info, NOW);
  expect(JSON.parse(json)).toEqual({ ...info, "@timestamp": "2026-11-21T03:00:00.500Z" });
  expect([wallMs, level]).toEqual([Date.UTC(2026, 10, 21, 3, 0, 0, 500), "info"]);
});

test("a level in colours is shipped without them", () => {
  const info = { level: "\u001b[31merror\u001b[39m", message: "x", [Symbol.for("level")]: "error" };
  expect(JSON.parse(shippedLine(info, NOW).json)).toMatchObject({ level: "error" });
});

test.each(["yesterday", "", -5, 1e18, Number.NaN, {}, undefined])("timestamp %j: the time of logging", (timestamp) => {
  expect(shippedLine({ level: "info", message: "x", timestamp }, NOW).wallMs).toBe(NOW);
});

test("names that Elasticsearch keeps for itself are written otherwise", () => {
  const { json } = shippedLine({ level: "info", message: "x", _id: "1", "@timestamp": "forged" }, NOW);
  expect(JSON.parse(json)).toEqual({
    "@timestamp": new Date(NOW).toISOString(),
    level: "info",
    message: "x",
    field_id: "1",
  });
});

test("what JSON cannot say costs the rest of its line, not the line", () => {
  const loop: Record<string, unknown> = { level: "error", message: "x", tenantId: "a" };
  loop.self = loop;
  expect(JSON.parse(shippedLine(loop, NOW).json)).toMatchObject({ message: "x", tenantId: "a", unwritable: true });
  const thrown = { level: "info", message: "x", error: new Error("no"), big: 5n };
  expect(JSON.parse(shippedLine(thrown, NOW).json)).toMatchObject({ error: { message: "no" }, big: "5" });
  const hostile = {
    level: "info",
    message: "x",
    at: {
      toJSON: () => {
        throw new Error("no");
      },
    },
  };
  expect(JSON.parse(shippedLine(hostile, NOW).json)).toMatchObject({ unwritable: true });
});

test("a huge line is cut", () => {
  const { json } = shippedLine({ level: "info", message: "m".repeat(1_000_000), tenantId: "a" }, NOW);
  expect(json.length).toBeLessThan(20_000);
  expect(JSON.parse(json)).toMatchObject({ tenantId: "a", truncated: true });
});

test("the address: credentials leave it, a prefix stays", () => {
  const { url, shown, authorization } = targetOf({ node: "https://me:p%40ss@search.example:9243/es/?x=1#y" });
  expect(shown).toBe("https://search.example:9243/es/_bulk");
  expect(url.href).not.toContain("ss@");
  expect(authorization).toBe(`Basic ${Buffer.from("me:p@ss").toString("base64")}`);
  expect(targetOf({ node: "http://u:p@h", apiKey: "abc==\n" }).authorization).toBe("ApiKey abc==");
  expect(targetOf({ node: "http://h", bearer: "t" }).authorization).toBe("Bearer t");
  expect(targetOf({ node: "http://h" }).authorization).toBeUndefined();
});

test("addresses and keys that cannot be meant are told without what they hold", () => {
  for (const node of ["", "elasticsearch:9200", "ftp://u:secret@h", "http://u:secret@[h"]) {
    expect(() => targetOf({ node })).toThrow(/^elasticsearch\.node/);
  }
  expect(() => targetOf({ node: "http://h", apiKey: "a\nb" })).toThrow(/^elasticsearch\.apiKey: (?!.*a\nb)/);
});
