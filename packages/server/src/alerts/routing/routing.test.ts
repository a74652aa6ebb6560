import { ALL_TENANTS, Matcher, type TenantId, type TenantScope, tenantScope } from "@storewatch/model";
import { routingTestResultSchema, routingTreeSchema, silencePreviewSchema } from "@storewatch/model/api";
import { FakeClock } from "@storewatch/testkit";
import fc from "fast-check";
import Fastify, { type FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StorewatchError } from "../../kernel/errors.ts";
import { silentLogger } from "../../kernel/logger.ts";
import { QualityJournal } from "../calm/quality/journal.ts";
import { calmRoutes } from "../calm/route.ts";
import { matchRoutes } from "../dispatcher.ts";
import { createMemoryPersistence } from "../interface.ts";
import type { AlertManager } from "../manager.ts";
import { alert, configFrom, createHarness, START_MS } from "../testing/harness.ts";
import { routingRoutes } from "./route.ts";
import { walkRoutes } from "./trace.ts";

const CONFIG = `
route:
  receiver: team
  group_by: [alertname]
  group_wait: 10s
  group_interval: 1m
  routes:
  - { receiver: audit, matchers: [severity=~".+"], continue: true, group_by: ["..."] }
  - receiver: on-call
    matchers: [severity="critical"]
    routes:
    - { receiver: night, matchers: [team="night"], active_time_intervals: [nights] }
  - { receiver: nobody, matchers: [severity="info"] }
receivers:
- name: team
  webhook_configs: [{ url: "https://hook.example" }]
- name: audit
  webhook_configs: [{ url: "https://hook.example" }, { url: "https://other.example" }]
- name: on-call
  webhook_configs: [{ url: "https://hook.example" }]
- name: night
  webhook_configs: [{ url: "https://hook.example" }]
- name: nobody
time_intervals:
- name: nights
  time_intervals: [{ times: [{ start_time: "22:00", end_time: "24:00" }] }]
inhibit_rules:
- { source_matchers: [alertname="Outage"], target_matchers: [severity="warning"] }
`;

let clock: FakeClock;
let manager: AlertManager;
let journal: QualityJournal;
let app: FastifyInstance;
let scope: TenantScope;

beforeEach(async () => {
  clock = new FakeClock(START_MS);
  scope = ALL_TENANTS;
  journal = new QualityJournal({ clock, logger: silentLogger, persistence: createMemoryPersistence() });
  await journal.start();
  ({ manager } = createHarness(CONFIG, { clock, observer: journal }));
  await manager.start();
  app = Fastify();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.decorateRequest("principal");
  app.addHook("onRequest", async (request) => {
    request.principal = { name: "test", role: "viewer", scope, via: "token" };
  });
  app.setErrorHandler((error, _request, reply) => {
    const status =
      error instanceof StorewatchError ? error.status : ((error as { statusCode?: number }).statusCode ?? 500);
    return reply.code(status).send({ error: (error as Error).message });
  });
  await app.register(routingRoutes({ manager }));
  await app.register(calmRoutes({ manager, journal }));
});
afterEach(async () => {
  await app.close();
  await manager.stop();
});

async function call(method: "GET" | "POST", path: string, payload?: unknown) {
  const answer = await app.inject({
    method,
    url: `/api/storewatch/v1/${path}`,
    payload: payload as object | undefined,
  });
  return { status: answer.statusCode, body: answer.json() };
}

const put = (...alerts: ReturnType<typeof alert>[]) => manager.put(ALL_TENANTS, alerts);
const acme = tenantScope(["acme" as TenantId]);

async function silence(matchers: Matcher[]) {
  return manager.setSilence(ALL_TENANTS, {
    matchers,
    startsAtMs: undefined,
    endsAtMs: clock.nowMs() + 600_000,
    createdBy: "an",
    comment: "swap",
    annotations: {},
  });
}

describe("routing/test", () => {
  const test = async (labels: object, more: object = {}) => {
    const { status, body } = await call("POST", "routing/test", { labels, ...more });
    expect(status).toBe(200);
    return routingTestResultSchema.parse(body);
  };

  it("tells each node that was looked at, and by which matcher it fits or not", async () => {
    const { path, receivers, words } = await test({ alertname: "A", severity: "critical", team: "day", empty: "" });
    expect(path.map(({ id, matched, chosen, words: why }) => [id, matched, chosen, why])).toEqual([
      ["0", true, false, "everything fits, a route below decides"],
      ["0.0", true, true, "fits, told to audit; `continue` lets the search go on"],
      ["0.1", true, true, "fits, told to on-call"],
      ["0.1.0", false, false, 'team="night" does not hold: team is "day"'],
    ]);
    expect(receivers).toMatchObject([
      { receiver: "audit", integrations: ["webhook[0]", "webhook[1]"], groupBy: null, outcome: "told" },
      { receiver: "on-call", groupLabels: { alertname: "A" }, groupWaitMs: 10_000, groupAlerts: null, outcome: "told" },
    ]);
    expect(receivers[1].groupKey).toBe('{}/{severity="critical"}:{alertname="A"}');
    expect(words).toBe("Told to audit (webhook[0], webhook[1]) after 10s; and on-call (webhook[0]) after 10s.");
  });

  it("tells why a label is missing, and of the root alone", async () => {
    const { path, receivers } = await test({ alertname: "A" });
    expect(path[1].words).toBe('severity=~".+" does not hold: there is no label severity');
    expect(receivers.map(({ receiver }) => receiver)).toEqual(["team"]);
  });

  it("tells of the group that is there already", async () => {
    await put(alert("A", { instance: "1" }), alert("A", { instance: "2" }));
    const { receivers, words } = await test({ alertname: "A" });
    expect(receivers[0].groupAlerts).toBe(2);
    expect(words).toBe("Told to team (webhook[0]) with its group, within 1m.");
  });

  it("tells of time intervals, at any time", async () => {
    const labels = { severity: "critical", team: "night" };
    const noon = await test(labels);
    expect(noon.receivers[1]).toMatchObject({ receiver: "night", outcome: "muted", mutedBy: ["nights"] });
    const late = await test(labels, { atMs: Date.UTC(2026, 0, 5, 23) });
    expect(late.receivers[1]).toMatchObject({
      outcome: "told",
      activeTimeIntervals: [{ name: "nights", holds: true }],
    });
  });

  it("tells of silences, inhibition and receivers without integrations", async () => {
    const id = await silence([new Matcher("=", "alertname", "A")]);
    const silenced = await test({ alertname: "A" });
    expect(silenced).toMatchObject({ silencedBy: [{ id, matchers: ['alertname="A"'] }] });
    expect(silenced.receivers[0].outcome).toBe("silenced");
    expect(silenced.words).toMatch(/^Nobody is told: silenced by an \("swap"\) until 2026-01-05T12:10/);
    await put(alert("Outage"));
    const inhibited = await test({ alertname: "B", severity: "warning" });
    expect(inhibited.words).toBe("Nobody is told: Outage fires and inhibits it.");
    const info = await test({ alertname: "C", severity: "info" });
    expect(info.receivers.map(({ receiver, outcome }) => [receiver, outcome])).toEqual([
      ["audit", "told"],
      ["nobody", "nobody"],
    ]);
  });

  it("decides as the dispatcher does", () => {
    const { route } = configFrom(CONFIG);
    const value = (...values: string[]) => fc.constantFrom(...values);
    const labels = fc.record(
      { severity: value("critical", "info", "warning", ""), team: value("night", "day"), alertname: value("A") },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(labels, (given) => {
        const record = Object.fromEntries(Object.entries(given).filter(([, text]) => text !== undefined)) as Record<
          string,
          string
        >;
        expect(walkRoutes(route, record).chosen.map((one) => one.route)).toEqual(matchRoutes(route, record));
      }),
    );
  });

  it("is not for credentials of some shops", async () => {
    scope = acme;
    expect((await call("POST", "routing/test", { labels: {} })).status).toBe(403);
    expect((await call("GET", "routing")).status).toBe(403);
  });
});

it("routing shows the tree with what each node handles", async () => {
  await put(alert("A"), alert("B", { severity: "critical" }), alert("C", { severity: "critical", team: "night" }));
  const { nodes, receivers } = routingTreeSchema.parse((await call("GET", "routing")).body);
  expect(nodes.map(({ id, parent, children, counts }) => [id, parent, children.length, counts.alerts])).toEqual([
    ["0", null, 3, 1],
    ["0.0", "0", 0, 2],
    ["0.1", "0", 1, 1],
    ["0.1.0", "0.1", 0, 1],
    ["0.2", "0", 0, 0],
  ]);
  expect(nodes[1]).toMatchObject({ matchers: ['severity=~".+"'], groupBy: null, continue: true, mutedNow: false });
  expect(nodes[3]).toMatchObject({ mutedNow: true, counts: { suppressed: 1 } });
  expect(receivers.map(({ name, alerts }) => [name, alerts])).toContainEqual(["audit", 2]);
});

describe("silences/preview", () => {
  const preview = async (matchers: object[], id?: string) => {
    const { status, body } = await call("POST", "silences/preview", { matchers, id });
    expect(status).toBe(200);
    return silencePreviewSchema.parse(body);
  };
  const codes = (result: { warnings: readonly { code: string }[] }) => result.warnings.map(({ code }) => code);

  beforeEach(() =>
    put(
      alert("A", { tenant_id: "acme" }),
      alert("A", { tenant_id: "zen" }),
      alert("B", { tenant_id: "acme", severity: "critical" }),
      alert("Watchdog"),
      alert("D"),
    ),
  );

  it("shows what would be hidden, and who would hear less", async () => {
    const result = await preview([{ name: "alertname", value: "A" }]);
    expect(result).toMatchObject({
      total: 2,
      newlyHidden: 2,
      firing: 5,
      share: 0.4,
      byAlertname: [{ name: "A", alerts: 2 }],
      byTenant: [
        { name: "acme", alerts: 1 },
        { name: "zen", alerts: 1 },
      ],
      receivers: [{ name: "team", hidden: 2, left: 2 }],
    });
    expect(codes(result)).toEqual(["all-shops"]);
  });

  it("warns of much, of critical ones, of the Watchdog and of nothing", async () => {
    const all = await preview([{ name: "alertname", value: ".+", isRegex: true }]);
    expect(codes(all)).toEqual(["everything", "all-shops", "critical", "watchdog"]);
    const most = await preview([{ name: "alertname", value: "A|B|Watchdog", isRegex: true }]);
    expect(most.warnings[0]).toMatchObject({
      code: "large-share",
      message: "It hides 4 of 5 alerts that fire now (80 %).",
    });
    expect(codes(await preview([{ name: "alertname", value: "none" }]))).toEqual(["nothing"]);
    expect(codes(await preview([{ name: "alertname", value: ".*", isRegex: true }]))[0]).toBe("refused");
    expect(
      (await call("POST", "silences/preview", { matchers: [{ name: "a", value: "(", isRegex: true }] })).status,
    ).toBe(400);
  });

  it("knows what is hidden already, but not by the silence that is edited", async () => {
    const id = await silence([new Matcher("=", "alertname", "A")]);
    expect(await preview([{ name: "alertname", value: "A" }])).toMatchObject({ total: 2, newlyHidden: 0 });
    expect(await preview([{ name: "alertname", value: "A" }], id)).toMatchObject({ total: 2, newlyHidden: 2 });
  });

  it("is of the caller's shops only", async () => {
    scope = acme;
    const result = await preview([{ name: "alertname", value: "A" }]);
    expect(result).toMatchObject({ total: 1, firing: 2, receivers: [], alerts: [{ receivers: [] }] });
    expect(codes(result)).toEqual(["refused"]);
    expect(
      codes(
        await preview([
          { name: "alertname", value: "A" },
          { name: "tenant_id", value: "acme" },
        ]),
      ),
    ).toEqual([]);
  });
});

describe("calm", () => {
  it("is shown with its settings, and each shop's own", async () => {
    for (let i = 0; i < 3; i++) {
      await put(alert("A", { tenant_id: "zen" }, { endsAtMs: clock.nowMs() + 60_000 }));
      await clock.advance(1000);
      await put(alert("A", { tenant_id: "zen" }, { endsAtMs: clock.nowMs() }));
      await clock.advance(1000);
    }
    const { body } = await call("GET", "calm");
    expect(body).toMatchObject({
      settings: { flap: { changes: 4 }, storm: { notifications: 20 }, webhooks: false },
      flapping: [{ labels: { alertname: "A" }, state: "resolved", changes: 6, calmAtMs: START_MS + 5000 + 900_000 }],
      flappingTotal: 1,
      storms: [],
    });
    scope = acme;
    expect((await call("GET", "calm")).body).toMatchObject({ flapping: [], flappingTotal: 0 });
  });

  it("lists silences that end soon", async () => {
    await put(alert("A", { tenant_id: "acme" }, { endsAtMs: START_MS + 3_600_000 }));
    const id = await silence([new Matcher("=", "alertname", "A")]);
    await clock.advance(500_000);
    expect((await call("GET", "calm")).body.expiringSilences).toMatchObject([
      { id, hiddenAlerts: 1, receivers: ["team"], remindedAtMs: null },
    ]);
    scope = acme;
    expect((await call("GET", "calm")).body.expiringSilences).toEqual([]);
  });

  it("takes note of who opens an alert", async () => {
    await put(alert("A", { tenant_id: "acme" }));
    const [{ alert: one }] = manager.alerts(ALL_TENANTS);
    const url = `alerts/${one.fingerprint}/seen`;
    expect(await call("POST", url, { acted: true })).toEqual({
      status: 200,
      body: { fingerprint: one.fingerprint, first: true },
    });
    expect((await call("GET", "alert-quality")).body.rules).toMatchObject([{ alertname: "A", seen: 1, actedUpon: 1 }]);
    scope = tenantScope(["zen" as TenantId]);
    expect((await call("POST", url)).status).toBe(404);
    expect((await call("GET", "alert-quality?range=7d")).body.rules).toEqual([]);
    for (const bad of ["1h", "x", "91d"]) expect((await call("GET", `alert-quality?range=${bad}`)).status).toBe(400);
    expect((await call("POST", "alerts/xyz/seen")).status).toBe(400);
  });
});
