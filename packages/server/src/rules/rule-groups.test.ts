// Rules that people keep here: the store, the book, and the API over them.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ALL_TENANTS, type TenantId, tenantScope } from "@storewatch/model";
import { ruleGroupListSchema, ruleGroupSchema, ruleRefusalSchema } from "@storewatch/model/api";
import fc from "fast-check";
import Fastify, { type FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConfigError } from "../config/document.ts";
import { createErrorHandler } from "../http/errors.ts";
import { silentLogger } from "../kernel/logger.ts";
import type { Principal } from "../tenant/principal.ts";
import { ruleGroupRoutes } from "./group-route.ts";
import { joinGroups, meaningOf, readGroupText } from "./group-text.ts";
import { RuleBook } from "./rule-book.ts";
import { parseRuleFile, type RuleGroupConfig } from "./rule-file.ts";

const EDITOR: Principal = { name: "ann", role: "editor", scope: ALL_TENANTS, via: "token" };
const SHOP_EDITOR: Principal = { ...EDITOR, name: "shop", scope: tenantScope(["acme" as TenantId]) };
const FROM_FILE = "groups:\n- name: from-file\n  rules:\n  - { alert: F, expr: up == 0, labels: { a: b } }\n";
const group = (name: string, expr = "up == 0") =>
  `# Kept: why this exists.\ngroups:\n  - name: ${name}\n    rules:\n      # the one\n      - alert: Down\n        expr: ${expr} # inline\n`;

let directory: string;
let app: FastifyInstance;
let principal: Principal;
let book: RuleBook;
let applied: string[][];
let audited: string[];

function openBook(): RuleBook {
  return new RuleBook({
    directory: path.join(directory, "rules"),
    fileGroups: parseRuleFile("/etc/rules.yml", FROM_FILE),
    apply: async (groups) => void applied.push(groups.map(({ name }) => name)),
  });
}

beforeEach(async () => {
  directory = mkdtempSync(path.join(os.tmpdir(), "rule-groups-"));
  principal = EDITOR;
  applied = [];
  audited = [];
  book = openBook();
  app = Fastify();
  app.setErrorHandler(createErrorHandler(silentLogger));
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.addHook("onRequest", async (request) => {
    request.principal = principal;
  });
  const audit = async (by: Principal, action: string, subject: string) =>
    void audited.push(`${by.name} ${action} ${subject}`);
  await app.register(ruleGroupRoutes({ book, audit }));
});

afterEach(async () => {
  await app.close();
  rmSync(directory, { recursive: true, force: true });
});

async function call(
  method: "GET" | "PUT" | "DELETE",
  name: string,
  payload?: object,
  headers: Record<string, string> = {},
) {
  const url = `/api/storewatch/v1/rule-groups${name === "" ? "" : `/${encodeURIComponent(name)}`}`;
  const response = await app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
  const json: unknown = response.body === "" ? undefined : response.json();
  return { status: response.statusCode, json, etag: response.headers.etag };
}

describe("a stored group", () => {
  test("is kept as it was written, put in force, audited, and there again after a restart", async () => {
    const yaml = group("Thanh toán / checkout");
    const created = await call("PUT", "Thanh toán / checkout", { yaml });
    expect(created.status).toBe(201);
    const detail = ruleGroupSchema.parse(created.json);
    expect(detail).toMatchObject({ origin: "stored", rules: 1, yaml, findings: [] });
    expect(created.etag).toBe(`"${detail.version}"`);
    expect(applied).toEqual([["from-file", "Thanh toán / checkout"]]);
    expect(audited).toEqual(["ann rules.create Thanh toán / checkout"]);
    const files = readdirSync(path.join(directory, "rules"));
    expect(files).toEqual([expect.stringMatching(/^thanh-toa-?n-checkout-[0-9a-f]{8}\.yml$/)]);
    expect(readFileSync(path.join(directory, "rules", files[0]), "utf8")).toBe(yaml);
    expect(openBook().get("Thanh toán / checkout")).toMatchObject({ text: yaml, version: detail.version });
  });

  test("is replaced only by who knows its version", async () => {
    await call("PUT", "g", { yaml: group("g"), version: null });
    const first = ruleGroupSchema.parse((await call("GET", "g")).json).version!;
    const again = { yaml: group("g", "up == 1") };
    expect((await call("PUT", "g", { ...again, version: null })).status).toBe(412);
    expect((await call("PUT", "g", { ...again, version: "0000" })).status).toBe(412);
    expect((await call("PUT", "g", again, { "if-match": '"0000"' })).status).toBe(412);
    expect((await call("PUT", "g", again, { "if-none-match": "*" })).status).toBe(412);
    const saved = await call("PUT", "g", again, { "if-match": `"${first}"` });
    expect(saved.status).toBe(200);
    const second = ruleGroupSchema.parse(saved.json).version;
    expect(second).not.toBe(first);
    expect(await call("PUT", "g", { yaml: group("g"), version: first })).toMatchObject({
      status: 412,
      json: { error: { code: "CHANGED", message: `the group was changed meanwhile (now ${second})` } },
    });
    expect((await call("DELETE", "g", undefined, { "if-match": `"${first}"` })).status).toBe(412);
    expect((await call("DELETE", "g", undefined, { "if-match": `"${second}"` })).status).toBe(204);
    expect((await call("DELETE", "g")).status).toBe(404);
    expect(applied.at(-1)).toEqual(["from-file"]);
    expect(audited).toEqual(["ann rules.create g", "ann rules.update g", "ann rules.delete g"]);
    expect(readdirSync(path.join(directory, "rules"))).toEqual([]);
  });

  test("is refused with the place of every mistake, and what was there stays", async () => {
    await call("PUT", "g", { yaml: group("g") });
    const bad = "groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: sum(\n        fro: 5m\n";
    const { status, json } = await call("PUT", "g", { yaml: bad });
    expect(status).toBe(422);
    const { error, findings } = ruleRefusalSchema.parse(json);
    expect(error.code).toBe("RULES_INVALID");
    expect(findings).toMatchObject([
      { code: "CONFIG_KEY", line: 6, column: 9, file: "", fix: "did you mean `for`?" },
      { code: "RULE_EXPRESSION", line: 5, column: 9 },
    ]);
    expect(book.get("g")?.text).toBe(group("g"));
    expect(applied).toHaveLength(1);
  });

  test.each([
    [
      "two groups",
      "groups:\n- { name: g, rules: [] }\n- { name: h, rules: [] }\n",
      "exactly one group here, and there are 2",
    ],
    ["none", "groups: []\n", "there are 0"],
    ["another name", group("h"), 'named "h", expected "g"'],
    [
      "a PrometheusRule",
      "kind: PrometheusRule\nspec:\n  groups:\n  - { name: g, rules: [] }\n",
      "PrometheusRule object",
    ],
    ["no YAML", "groups: [", "end with"],
  ])("%s: refused", async (_, yaml, message) => {
    const { status, json } = await call("PUT", "g", { yaml });
    expect(status).toBe(422);
    expect(
      ruleRefusalSchema
        .parse(json)
        .findings.map((finding) => finding.message)
        .join("\n"),
    ).toContain(message);
  });

  test("cannot take the name of a group from a file, and a file cannot take its name", async () => {
    expect(await call("PUT", "from-file", { yaml: group("from-file") })).toMatchObject({
      status: 409,
      json: { error: { message: "a group of this name stands in /etc/rules.yml" } },
    });
    await call("PUT", "mine", { yaml: group("mine") });
    const taken = parseRuleFile("/etc/rules.yml", FROM_FILE.replace("from-file", "mine"));
    await expect(book.reload(taken, {})).rejects.toThrow(ConfigError);
    expect(book.groups().map(({ name }) => name)).toEqual(["from-file", "mine"]);
    // At a start there is nothing old to keep: the file's is in force, and the list says so.
    const restarted = new RuleBook({
      directory: path.join(directory, "rules"),
      fileGroups: taken,
      apply: async () => {},
    });
    expect(restarted.groups().map(({ file }) => file)).toEqual(["/etc/rules.yml"]);
    expect(restarted.problems()).toMatchObject([{ code: "RULE_GROUP_TAKEN" }]);
  });

  test("a broken file in the folder is told and left out; a reload keeps what was read before", async () => {
    await call("PUT", "g", { yaml: group("g") });
    const folder = path.join(directory, "rules");
    const [file] = readdirSync(folder);
    writeFileSync(path.join(folder, "hand.yaml"), "groups: 5\n");
    writeFileSync(path.join(folder, "hand2.yaml"), group("by-hand"));
    writeFileSync(path.join(folder, file), "groups: [");
    await book.reload(parseRuleFile("/etc/rules.yml", FROM_FILE), {});
    expect(book.groups().map(({ name }) => name)).toEqual(["from-file", "by-hand", "g"]);
    const list = ruleGroupListSchema.parse((await call("GET", "")).json);
    expect(list.problems.map((finding) => path.basename(finding.file)).sort()).toEqual([file, "hand.yaml"].sort());
    expect(list.groups.map(({ name, origin }) => `${origin} ${name}`)).toEqual([
      "stored by-hand",
      "stored g",
      "file from-file",
    ]);
  });

  test("a half-written file of a crash is not looked at", () => {
    const folder = path.join(directory, "rules");
    mkdirSync(folder);
    writeFileSync(path.join(folder, "g.yml.tmp"), "groups: [");
    expect(openBook().problems()).toEqual([]);
  });
});

test("groups from files can be read, not changed", async () => {
  const { status, json } = await call("GET", "from-file");
  expect(status).toBe(200);
  const detail = ruleGroupSchema.parse(json);
  expect(detail).toMatchObject({ origin: "file", version: null, file: "/etc/rules.yml" });
  expect(meaningOf(readGroupText("", detail.yaml).group!)).toBe(meaningOf(parseRuleFile("f", FROM_FILE)[0]));
  expect((await call("DELETE", "from-file")).status).toBe(404);
});

test("a credential for some shops neither reads nor changes rules", async () => {
  await call("PUT", "g", { yaml: group("g") });
  principal = SHOP_EDITOR;
  for (const [method, name, body] of [
    ["GET", "", undefined],
    ["GET", "g", undefined],
    ["PUT", "g", { yaml: group("g") }],
    ["DELETE", "g", undefined],
  ] as const) {
    expect(await call(method, name, body)).toMatchObject({ status: 403, json: { error: { code: "RULES_SHARED" } } });
  }
  const exported = await app.inject({ method: "GET", url: "/api/storewatch/v1/rule-groups-export" });
  expect(exported.statusCode).toBe(403);
});

test("changes at the same time come one after the other", async () => {
  const saves = Array.from({ length: 10 }, (_, i) =>
    call("PUT", "g", { yaml: group("g", `up == ${i}`), version: null }),
  );
  const statuses = (await Promise.all(saves)).map(({ status }) => status).sort();
  expect(statuses).toEqual([201, ...Array(9).fill(412)]);
});

describe("export", () => {
  test("one file with the comments", async () => {
    await call("PUT", "b", { yaml: group("b") });
    await call("PUT", "a", { yaml: group("a") });
    const { body, headers } = await app.inject({ method: "GET", url: "/api/storewatch/v1/rule-groups-export" });
    expect(headers["content-type"]).toBe("application/yaml; charset=utf-8");
    expect(body.match(/# Kept: why this exists\./g)).toHaveLength(2);
    expect(body.match(/# the one/g)).toHaveLength(2);
    expect(body.match(/# inline/g)).toHaveLength(2);
    expect(parseRuleFile("x", body).map(({ name }) => name)).toEqual(["a", "b"]);
  });

  test("nothing stored is an empty rule file", () => {
    expect(parseRuleFile("x", joinGroups([]))).toEqual([]);
  });

  test("texts that are awkward to join keep their meaning", () => {
    const texts = [
      "groups: [{name: flow, interval: 90s, rules: [{alert: A, expr: 'up == 0', labels: &l {a: '007', b: 1.0, c: yes}}, {alert: B, expr: up, labels: *l}]}]",
      'groups:\n- name: block\n  limit: 5\n  query_offset: 0s\n  labels: { team: x }\n  rules:\n  - alert: A\n    expr: |\n      up\n        == 0\n\n    annotations:\n      d: >-\n        folded\n        text\n\n        {{ $value }}\n      e: "a\\tb"\n',
      "groups:\n- name: merge\n  rules:\n  - &base\n    alert: A\n    expr: up\n    for: 90m\n  - <<: *base\n    alert: C\n",
    ];
    const stored = texts.map((text) => ({ text, group: readGroupText("", text).group! }));
    const joined = parseRuleFile("all", joinGroups(stored));
    expect(joined.map(meaningOf)).toEqual(stored.map(({ group: one }) => meaningOf(one)));
  });
});

const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((text) => /^[^\p{C}]+$/u.test(text));
const text = fc.oneof(
  word,
  fc.string({ unit: "binary", maxLength: 30 }).map((t) => t.replace(/[{}]|\p{Surrogate}/gu, "")),
);
const labels = fc.dictionary(fc.stringMatching(/^[a-z_][a-z0-9_]{0,6}$/), text, { maxKeys: 3, noNullPrototype: true });
const duration = fc.integer({ min: 0, max: 100_000_000 });
const rule = fc.oneof(
  fc.record({
    type: fc.constant("alerting" as const),
    alert: word,
    expression: fc.constantFrom("up == 0", "sum(\n  x\n)"),
    labels,
    annotations: labels,
    forMs: duration,
    keepFiringForMs: duration,
  }),
  fc.record({
    type: fc.constant("recording" as const),
    record: fc.constantFrom("a:b", "x"),
    expression: fc.constantFrom("up", 'x{a="\\n#"}'),
    labels,
  }),
);
const anyGroup = fc.record({
  name: word.filter((name) => Buffer.byteLength(name) <= 150),
  intervalMs: fc.option(fc.integer({ min: 1, max: 1_000_000 }), { nil: undefined }),
  queryOffsetMs: fc.option(duration, { nil: undefined }),
  limit: fc.nat(100),
  rules: fc.array(rule, { maxLength: 4 }),
});

test("whatever a group says, it says the same once stored, exported and read again", async () => {
  const { formatGroup } = await import("./group-text.ts");
  const property = fc.asyncProperty(anyGroup, async (given) => {
    const config = {
      ...given,
      file: "",
      rules: given.rules.map((one) => ({ ...one, line: 1 })),
    } as unknown as RuleGroupConfig;
    const yaml = formatGroup(config);
    const { stored } = await book.put(config.name, yaml, undefined);
    expect(stored.text).toBe(yaml);
    const found = parseRuleFile("x", book.export()).find(({ name }) => name === config.name);
    await book.remove(config.name, stored.version);
    expect(meaningOf(found!)).toBe(meaningOf(stored.group));
    expect(meaningOf(found!)).toBe(meaningOf(config));
  });
  await fc.assert(property, { numRuns: 60 });
});

test("experimental expressions are kept only where they are asked for", () => {
  const text = "groups: [{ name: g, rules: [{ record: r, expr: 'limitk(1, a)' }] }]\n";
  expect(
    readGroupText("", text)
      .findings.map(({ message }) => message)
      .join(),
  ).toContain("limitk() is experimental");
  expect(readGroupText("", text, { experimental: true })).toMatchObject({ findings: [], group: { name: "g" } });
});
