// /api/v1/rules as upstream answers it: filters, matchers, pages.
import { ALL_TENANTS } from "@storewatch/model";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AlertingRuleView, RecordingRuleView, RuleGroupView } from "./interface.ts";
import { ruleRoutes } from "./route.ts";

const shared = { query: "up", health: "ok", lastError: "", evaluationSeconds: 0.25, lastEvaluationMs: 1000 } as const;
const recording = (name: string, labels = {}): RecordingRuleView => ({ ...shared, type: "recording", name, labels });
const alerting = (name: string, labels = {}): AlertingRuleView => ({
  ...shared,
  type: "alerting",
  name,
  labels,
  state: "firing",
  forMs: 60_000,
  keepFiringForMs: 0,
  annotations: {},
  alerts: [{ labels: { alertname: name }, annotations: {}, state: "firing", activeAtMs: 500, value: 5 }],
});
const group = (file: string, name: string, rules: RuleGroupView["rules"]): RuleGroupView => ({
  name,
  file,
  intervalMs: 15_000,
  limit: 0,
  evaluationSeconds: 0.5,
  lastEvaluationMs: 0,
  rules,
});

const GROUPS = [
  group("b.yml", "g1", [alerting("B1", { severity: "page", team: "{{ $labels.team }}" })]),
  group("a.yml", "g2", [recording("x:y", { severity: "info" }), alerting("A1", { severity: "info" })]),
  group("a.yml", "g1", [alerting("A0")]),
  group("c.yml", "empty", []),
];
interface Body {
  readonly error?: string;
  readonly data: {
    readonly groups: { name: string; file: string; rules: { name: string; alerts?: unknown[] }[] }[];
    groupNextToken?: string;
  };
}

let app: FastifyInstance;
beforeEach(async () => {
  app = Fastify();
  app.addHook("onRequest", async (request) => {
    request.principal = { name: "t", role: "viewer", scope: ALL_TENANTS, via: "token" };
  });
  await app.register(ruleRoutes({ groups: () => GROUPS }));
});
afterEach(() => app.close());

async function rules(query: string) {
  const response = await app.inject({ method: "GET", url: `/api/v1/rules${query}` });
  return { status: response.statusCode, body: response.json() as Body };
}
async function names(query: string) {
  const { body } = await rules(query);
  return body.data.groups.map(
    ({ file, name, rules: all }) => `${file} ${name}: ${all.map((rule) => rule.name).join()}`,
  );
}

test("groups come by file and name, those without rules do not", async () => {
  expect(await names("")).toEqual(["a.yml g1: A0", "a.yml g2: x:y,A1", "b.yml g1: B1"]);
});

test.each([
  ["?type=record", ["a.yml g2: x:y"]],
  ["?type=ALERT&rule_name[]=A1", ["a.yml g2: A1"]],
  ["?file[]=b.yml&file[]=c.yml", ["b.yml g1: B1"]],
  ["?rule_group[]=g1", ["a.yml g1: A0", "b.yml g1: B1"]],
  ['?match[]={severity="info"}', ["a.yml g2: x:y,A1"]],
  ['?match[]={severity="info"}&match[]={severity=~"p.*"}', ["a.yml g2: x:y,A1", "b.yml g1: B1"]],
  ['?match[]={severity!="page",severity!=""}&type=alert', ["a.yml g2: A1"]],
  // What a template gives is not known.
  ['?match[]={severity=~".%2B",team!="x"}', ["a.yml g2: x:y,A1"]],
])("%s", async (query, expected) => {
  expect(await names(query)).toEqual(expected);
});

test("alerts can be left out", async () => {
  const alertsOf = async (query: string) => (await rules(query)).body.data.groups[0].rules[0].alerts?.length;
  expect(await alertsOf("")).toBe(1);
  expect(await alertsOf("?exclude_alerts=false")).toBe(1);
  expect(await alertsOf("?exclude_alerts=true")).toBe(0);
});

test("page by page", async () => {
  const first = (await rules("?group_limit=1")).body.data;
  expect(first.groups.map(({ name }) => name)).toEqual(["g1"]);
  // sha1("a.yml;g2"), as upstream makes it.
  expect(first.groupNextToken).toBe("47848233f8ebddc8d49ce78c16a6c12f2d0fa355");
  const second = (await rules(`?group_limit=2&group_next_token=${first.groupNextToken}`)).body.data;
  expect(second.groups.map(({ file, name }) => `${file} ${name}`)).toEqual(["a.yml g2", "b.yml g1"]);
  expect(second.groupNextToken).toBeUndefined();
  const filtered = (await rules("?group_limit=1&type=record")).body.data;
  expect(filtered).toMatchObject({ groups: [{ name: "g2" }] });
  expect(filtered.groupNextToken).toBeUndefined();
});

test.each([
  ["?type=x", 'invalid parameter "type": not supported value "x"'],
  ["?match[]={", 'invalid parameter "match[]"'],
  ["?match[]=rate(x[5m])", "is not a series selector"],
  ["?exclude_alerts=maybe", 'invalid parameter "exclude_alerts"'],
  ["?group_limit=0", "group_limit needs to be greater than 0"],
  ["?group_limit=x", "group_limit needs to be a valid number"],
  ["?group_next_token=abc", "group_limit needs to be present"],
  ["?group_limit=1&group_next_token=abc", "invalid group_next_token 'abc'. were rule groups changed?"],
])("%s is refused", async (query, text) => {
  const { status, body } = await rules(query);
  expect(status).toBe(400);
  expect(body).toMatchObject({ status: "error", errorType: "bad_data" });
  expect(body.error).toContain(text);
});

test("a group that was not evaluated yet has Go's zero time", async () => {
  expect((await rules("")).body.data.groups[0]).toMatchObject({ lastEvaluation: "0001-01-01T00:00:00Z", interval: 15 });
});
