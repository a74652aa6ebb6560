// The same promise as in tenant-isolation.property.test.ts for what is not data but comes of it: rules, alerts, silences,
// notifications, receipts, marks and pages. Two servers live through the same story of one shop; in one of them another
// shop and the platform have stories of their own. The shop's people must be answered with the same bytes by both.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ALL_TENANTS, Labels, parseTenantId, type TenantScope, tenantScope } from "@storewatch/model";
import { FakeClock, seededRandom } from "@storewatch/testkit";
import fc from "fast-check";
import Fastify, { type FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import {
  alertRoutes,
  calmRoutes,
  createAlertManager,
  createMemoryPersistence,
  QualityJournal,
  routingRoutes,
} from "../alerts/index.ts";
import { configFrom } from "../alerts/testing/harness.ts";
import { allows, authRoutes, defaultAccess } from "../auth/index.ts";
import type { Auth } from "../auth/interface.ts";
import { ReceiptBook } from "../collect/limits/receipts.ts";
import { receiptRoutes } from "../collect/limits/route.ts";
import { fileSources, loadPrometheusConfig } from "../collect/prometheus-config.ts";
import { createErrorHandler } from "../http/errors.ts";
import { StorewatchError } from "../kernel/errors.ts";
import { silentLogger } from "../kernel/logger.ts";
import { createNotifier, loadTemplates, notifyRoutes, receiverRoutes } from "../notify/index.ts";
import { ruleGroupRoutes } from "../rules/group-route.ts";
import { rulePreviewRoutes } from "../rules/preview-route.ts";
import { ruleRoutes } from "../rules/route.ts";
import { groupsOf } from "../rules/testing/engine-harness.ts";
import type { Principal, Role } from "../tenant/principal.ts";
import { createTenantRegistry } from "../tenant/registry.ts";
import { tenantRoutes } from "../tenant/route.ts";
import { openMetricStage } from "./metric-stage.ts";
import { createPageStage } from "./page-stage.ts";
import { createRuleStage } from "./rule-stage.ts";

const START_MS = 1_700_000_000_000;
const STEP_MS = 15_000;
const OWN = parseTenantId("own")!;
const RIVAL = parseTenantId("rival")!;
const URL = "/api/storewatch/v1";

const RULES = `groups:
- name: shops
  interval: 15s
  rules:
  - record: shop:level:sum
    expr: sum by (tenant_id) (level)
  - alert: LevelHigh
    expr: max by (tenant_id, room) (level) > 5
    for: 30s
    labels: { severity: critical }
    annotations: { summary: "{{ $labels.tenant_id }} is at {{ $value }}" }
  - alert: LevelLow
    expr: min by (tenant_id) (level) < 3
    labels: { severity: warning }
- name: of the rival
  rules:
  - { alert: RivalOnly, expr: 'level{tenant_id="rival"} > 0' }
  - { record: "level:rival", expr: sum(level), labels: { tenant_id: rival } }
`;
const ROUTES = `
route:
  receiver: team
  group_by: [alertname, tenant_id]
  group_wait: 0s
  group_interval: 30s
  routes:
  - { matchers: [tenant_id="rival"], receiver: rival-owner }
receivers:
- { name: team, webhook_configs: [{ url: "http://hook.example/team" }] }
- { name: rival-owner, webhook_configs: [{ url: "http://hook.example/rival" }] }
inhibit_rules:
- { source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [tenant_id] }
`;

/** Who asks: in the header `x-as`, as "role shop", or "role *" for all shops. */
function principalOf(as: string): Principal {
  const [role, shop] = as.split(" ");
  const scope: TenantScope = shop === "*" ? ALL_TENANTS : tenantScope([parseTenantId(shop)!]);
  return { name: `${role} of ${shop}`, role: role as Role, scope, via: "token" };
}

interface World {
  readonly clock: PatientClock;
  readonly receipts: ReceiptBook;
  sample(shop: string, metric: string, labels: Record<string, string>, value: number): Promise<void>;
  /** The status and the text, with what is random replaced by the order in which it came up. */
  ask(as: string, method: "GET" | "POST" | "DELETE", url: string, body?: object): Promise<string>;
  close(): Promise<void>;
}

/** Stops at each timer until what it set off is through: the work of a store takes real time, of a length that differs. */
class PatientClock extends FakeClock {
  private due: number[] = [];
  private busy = 0;

  override setTimer(delayMs: number, call: () => void): { cancel(): void } {
    this.due.push(this.nowMs() + Math.max(0, delayMs));
    return super.setTimer(delayMs, call);
  }

  /** Waits for these calls at each stop. */
  track<A extends unknown[], R>(call: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
    return async (...args) => {
      this.busy++;
      try {
        return await call(...args);
      } finally {
        this.busy--;
      }
    };
  }

  async idle(): Promise<void> {
    for (let quiet = 0; quiet < 20; quiet = this.busy > 0 ? 0 : quiet + 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async step(): Promise<void> {
    const endMs = this.nowMs() + STEP_MS;
    await this.idle();
    for (;;) {
      const next = Math.min(endMs, ...this.due);
      this.due = this.due.filter((timeMs) => timeMs > next);
      await this.advance(Math.max(0, next - this.nowMs()));
      await this.idle();
      if (next >= endMs && !this.due.some((timeMs) => timeMs <= endMs)) return;
    }
  }
}

async function openParts(clock: PatientClock, dataDir: string, shops: readonly string[]) {
  const metrics = new Registry();
  const shared = { dataDir, clock, logger: silentLogger, metrics };
  const retention = { default: { name: "default", timeMs: 30 * 86_400_000 } };
  const stage = await openMetricStage({ ...shared, retention, isExperimental: true });
  const templates = await loadTemplates([], { nowMs: () => clock.nowMs() });
  const persistence = createMemoryPersistence();
  const http = async () => ({ status: 200, headers: {}, body: Buffer.from("ok") });
  const notifier = createNotifier({ ...shared, rng: seededRandom(7), http: http as never, persistence });
  const quality = new QualityJournal({ ...shared, persistence: createMemoryPersistence() });
  const externalUrl = "http://watch.example";
  const manager = createAlertManager({
    ...shared,
    config: configFrom(ROUTES),
    observer: quality,
    persistence: createMemoryPersistence(),
    deliveries: (receiver) => notifier.deliveries(receiver, templates),
    externalUrl,
  });
  const append = clock.track(stage.store.append);
  const query: typeof stage.query = Object.create(stage.query, {
    instant: { value: clock.track(stage.query.instant.bind(stage.query)) },
  });
  const rules = createRuleStage({
    ...shared,
    // At the rules' interval only: evaluated on arrival, they run when anybody's data comes, so that times would differ.
    stage: { ...stage, query, store: { ...stage.store, append, onArrival: () => () => {} } },
    sink: clock.track(async (alerts) => void (await manager.put(ALL_TENANTS, alerts))),
    groups: groupsOf(RULES, "shops.yml"),
    prometheus: loadPrometheusConfig("(built in)", { ...fileSources({}), readFile: () => "{}" }),
    promqlExperimental: true,
    externalUrl,
  });
  const tenants = createTenantRegistry({
    declared: shops.map((id) => ({ id: parseTenantId(id)!, name: `Shop ${id}`, timezone: "UTC", currency: "VND" })),
    labelValues: (matchers, fromMs, toMs) => stage.store.labelValues(ALL_TENANTS, "tenant_id", matchers, fromMs, toMs),
    retentionMs: retention.default.timeMs,
    clock,
  });
  const pages = createPageStage({
    ...shared,
    provisioned: [],
    query,
    tenants,
    onAnnotationChange: () => {},
  });
  return { stage, notifier, quality, manager, rules, tenants, pages, externalUrl };
}

async function openWorld(shops: readonly string[]): Promise<World> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "storewatch-isolation-"));
  const clock = new PatientClock(START_MS);
  const parts = await openParts(clock, dataDir, shops);
  const { stage, notifier, quality, manager, rules, tenants, pages, externalUrl } = parts;
  const receipts = new ReceiptBook({ clock });
  await notifier.start();
  await quality.start();
  await manager.start();
  rules.engine.start();
  pages.start();
  const app = guardedApp();
  const format = { experimental: true };
  const settings = rules.settings;
  for (const routes of [
    authRoutes({ auth: {} as Auth, demo: false, version: "1" }),
    tenantRoutes(tenants),
    receiptRoutes(receipts),
    ruleRoutes(rules.engine.board),
    ruleGroupRoutes({ book: rules.book, audit: async () => {} }),
    rulePreviewRoutes({ query: stage.query, clock, settings, format, externalUrl }),
    alertRoutes({ manager, version: "1" }),
    calmRoutes({ manager, journal: quality }),
    routingRoutes({ manager }),
    notifyRoutes({ log: notifier.log }),
    receiverRoutes({ notifier, clock, externalUrl }),
    ...pages.routes,
  ])
    await app.register(routes);
  const random = new Map<string, string>();
  return {
    clock,
    receipts,
    async sample(shop, metric, labels, value) {
      const all = { __name__: metric, ...labels, ...(shop === "" ? {} : { tenant_id: shop }) };
      await stage.store.append(ALL_TENANTS, [{ labels: Labels.from(all), timeMs: clock.nowMs(), value }]);
    },
    async ask(as, method, url, body) {
      const reply = await app.inject({
        method,
        url,
        headers: { "x-as": as },
        ...(body ? { payload: body } : {}),
      });
      if (!as.endsWith(` ${OWN}`)) return reply.body;
      const text = steady(reply.body).replace(RANDOM, (id) => {
        if (!random.has(id)) random.set(id, `random-${random.size}-`);
        return random.get(id)!;
      });
      return `${reply.statusCode} ${text}`;
    },
    async close() {
      await app.close();
      pages.stop();
      await rules.engine.stop();
      await manager.stop();
      await quality.stop();
      await stage.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** UUIDs, and the ids of marks (48 bits). */
const RANDOM = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|(?<="id":)[12]\d{14}\b/g;

/** How long a rule took is that of all data, and differs between two runs of the very same thing. */
function steady(text: string): string {
  return text.replace(/"evaluationTime":[\d.]+/g, "");
}

function guardedApp(): FastifyInstance {
  const app = Fastify();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(createErrorHandler(silentLogger));
  app.decorateRequest("principal", null as never);
  app.addHook("onRequest", async (request) => {
    request.principal = principalOf(String(request.headers["x-as"]));
    const { role } = request.principal;
    const access = request.routeOptions.config.access ?? defaultAccess(request.method);
    if (!allows(request.principal, access)) throw new StorewatchError("FORBIDDEN", { role, needed: access });
  });
  return app;
}

interface Deed {
  readonly kind: "level" | "version" | "alert" | "silence" | "mark" | "deploy" | "receipt";
  readonly word: string;
  readonly number: number;
}
const deed: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constantFrom("level", "level", "version", "alert", "silence", "mark", "deploy", "receipt"),
  word: fc.constantFrom("a", "b", "c"),
  number: fc.integer({ min: 0, max: 9 }),
});
/** What others do; "" is the platform. */
const foreign = fc.tuple(fc.constantFrom<string>(RIVAL, RIVAL, ""), deed);

/** What is told of it, of the platform's deeds nothing that shops are meant to see. */
async function does(world: World, shop: string, { kind, word, number }: Deed): Promise<string> {
  const iso = (ms: number) => new Date(world.clock.nowMs() + ms).toISOString();
  const as = (role: string) => `${role} ${shop || "*"}`;
  const tenant = shop === "" ? {} : { tenant_id: shop };
  switch (kind) {
    case "level":
      await world.sample(shop, "level", { room: word }, number);
      return "";
    case "version":
      // A version of the platform is for everyone to see.
      if (shop !== "") await world.sample(shop, "store_build_info", { service: "store", version: `${number}` }, 1);
      return "";
    case "alert": {
      const labels = { alertname: `From ${word}`, severity: number > 5 ? "critical" : "warning", ...tenant };
      const times = number === 0 ? { startsAt: iso(-1000), endsAt: iso(-1) } : { endsAt: iso(number * 60_000) };
      return world.ask(as("ingest"), "POST", "/api/v2/alerts", [{ labels, annotations: { summary: shop }, ...times }]);
    }
    case "silence": {
      const matchers = [
        { name: "alertname", value: `From ${word}`, isRegex: false },
        { name: "tenant_id", value: shop, isRegex: false },
      ];
      // Of two that fit the same alert, the order would be that of their random ids.
      const silence = { matchers, comment: `${word}${number}`, createdBy: shop, startsAt: iso(0), endsAt: iso(90_000) };
      const before = await world.ask(as("editor"), "GET", `/api/v2/silences?filter=alertname="From ${word}"`);
      return before.includes('"state":"active"') ? "" : world.ask(as("editor"), "POST", "/api/v2/silences", silence);
    }
    case "mark":
      return shop === "" ? "" : world.ask(as("editor"), "POST", "/api/annotations", { text: word, tags: [word, shop] });
    case "deploy": {
      const body = { service: word, version: `${number}`, commit: shop || "platform", link: `https://${word}.example` };
      return shop === "" ? "" : world.ask(as("ingest"), "POST", `${URL}/deploys`, body);
    }
    case "receipt": {
      const example = Labels.from({ __name__: word, tenant_id: shop });
      const hit = { limit: "active_series" as const, allowed: 9, outcome: "refused" as const, series: 1, samples: 2 };
      world.receipts.note({ tenant: shop, ...hit, example });
      return "";
    }
  }
}

type Question = readonly [role: string, method: "GET" | "POST" | "DELETE", url: string, body?: object];
const get = (url: string): Question => ["viewer", "GET", url];
const post = (url: string, body: object, role = "editor"): Question => [role, "POST", url, body];

/** Everything that the shop's people can ask, and what is none of their business. */
function questions(nowMs: number): readonly Question[] {
  const matchers = (tenant: string) => [
    { name: "tenant_id", value: tenant, isRegex: tenant.includes("."), isEqual: true },
  ];
  const span = { startsAt: new Date(nowMs).toISOString(), endsAt: new Date(nowMs + 1000).toISOString() };
  return [
    ...["", "?type=alert", "?type=record", "?rule_name[]=RivalOnly", "?group_limit=1", "?match[]={tenant_id!=''}"].map(
      (query) => get(`/api/v1/rules${query}`),
    ),
    get("/api/v1/alerts"),
    ...[
      "status",
      "receivers",
      "alerts",
      "alerts?filter=severity=~.%2B",
      "alerts?silenced=false",
      "alerts?receiver=rival.*",
    ]
      .concat("alerts/groups", "silences", 'silences?filter=tenant_id="rival"')
      .map((page) => get(`/api/v2/${page}`)),
    ...["session", "tenants", "receipts", "calm", "alert-quality", "routing", "receivers", "notifications", "overview"]
      .concat(
        "tenants/own/overview",
        "tenants/rival/overview",
        "rule-groups",
        "rule-groups/shops",
        "rule-groups-export",
      )
      .concat(
        "notifications?limit=1",
        `deploys?start=${nowMs}&tenant=own`,
        `deploys?start=${nowMs}&service=a&tenant=rival`,
      )
      .map((page) => get(`${URL}/${page}`)),
    ...["", "?tags=deploy", "?tags=rival", "?tags=a&tags=b&matchAny=true", "?limit=1"].map((query) =>
      get(`/api/annotations${query}`),
    ),
    get("/api/search"),
    ...["users", "tokens"].map((page): Question => ["admin", "GET", `${URL}/${page}`]),
    ["admin", "DELETE", `${URL}/users/1`],
    ["admin", "DELETE", `${URL}/tokens/1`],
    post(`${URL}/rule-preview`, { alert: "P", expr: "sum by (tenant_id) (level) > 1", rangeMs: 300_000 }),
    post(`${URL}/rule-preview`, { record: "p:q", expr: 'level{tenant_id="rival"}', rangeMs: 300_000 }),
    ...["own", "rival", ".*"].map((tenant) => post(`${URL}/silences/preview`, { matchers: matchers(tenant) })),
    ...["rival", ".*"].map((tenant) =>
      post("/api/v2/silences", { matchers: matchers(tenant), comment: "c", createdBy: "me", ...span }),
    ),
    post("/api/v2/alerts", [{ labels: { alertname: "Forged", tenant_id: "rival" } }], "ingest"),
    post("/api/annotations", { text: "x", tenant: "rival" }),
    post(`${URL}/deploys`, { service: "x", version: "1", tenant: "rival" }, "ingest"),
    post(`${URL}/routing/test`, { labels: { alertname: "A", tenant_id: "rival" } }),
    post(`${URL}/receivers/rival-owner/test`, {}),
    ["editor", "DELETE", "/api/annotations/1"],
    ["editor", "DELETE", "/api/v2/silence/00000000-0000-4000-8000-000000000001"],
  ];
}

interface Moment {
  readonly mine: readonly Deed[];
  readonly others: ReadonlyArray<readonly [string, Deed]>;
}

async function compare(story: readonly Moment[]): Promise<string[]> {
  const alone = await openWorld([OWN]);
  const shared = await openWorld([OWN, RIVAL]);
  const replies: string[] = [];
  try {
    for (const { mine, others } of story) {
      for (const [shop, one] of others) await does(shared, shop, one);
      for (const one of mine) expect(await does(shared, OWN, one), one.kind).toBe(await does(alone, OWN, one));
      for (const world of [alone, shared]) await world.clock.step();
      for (const [role, method, url, body] of questions(alone.clock.nowMs())) {
        const [a, b] = [
          await alone.ask(`${role} own`, method, url, body),
          await shared.ask(`${role} own`, method, url, body),
        ];
        expect(b, `${role} ${method} ${url} ${JSON.stringify(body)}`).toBe(a);
        expect(a, url).not.toMatch(/^5/);
        replies.push(`${url} ${a}`);
      }
    }
  } finally {
    await alone.close();
    await shared.close();
  }
  return replies;
}

test("what one shop's people are told does not depend on what became of others", async () => {
  const moment = fc.record({
    mine: fc.array(deed, { maxLength: 4 }),
    others: fc.array(foreign, { maxLength: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(moment, { minLength: 2, maxLength: 5 }), async (story) => void (await compare(story))),
    { numRuns: 10 },
  );
}, 120_000);

test("a story in which everything happens to both: the shop's own is told, and nothing of the other's", async () => {
  const all = (number: number): Deed[] =>
    (["level", "version", "alert", "silence", "mark", "deploy", "receipt"] as const).map((kind) => ({
      kind,
      word: "a",
      number,
    }));
  const moment = (number: number): Moment => ({
    mine: all(number),
    others: [...all(9 - number), ...all(number)].map((one) => [RIVAL, one] as const),
  });
  const level: Deed = { kind: "level", word: "a", number: 8 };
  const high: Moment = { mine: [level], others: [[RIVAL, level]] };
  const replies = await compare([high, high, high, high, moment(8), moment(9), moment(1), moment(8), moment(7)]);
  const told = (url: string, what: RegExp) =>
    expect(
      replies.filter((reply) => reply.startsWith(url) && reply.includes(" 200 ") && what.test(reply)).length,
      `${url} ${what}`,
    ).toBeGreaterThan(0);
  told("/api/v1/rules", /"name":"LevelHigh".*"state":"firing"/);
  told("/api/v1/alerts", /"tenant_id":"own"/);
  told("/api/v2/alerts", /"silencedBy":\["random-/);
  told("/api/v2/alerts", /"inhibitedBy":\["/);
  told("/api/v2/alerts/groups", /"receiver":\{"name":"team"\}/);
  told("/api/v2/silences", /"comment":"a8"/);
  told(`${URL}/notifications`, /"receiver":"team"/);
  told(`${URL}/receipts`, /"tenant":"own"/);
  told(`${URL}/alert-quality`, /"LevelHigh"/);
  told("/api/annotations?tags=deploy", /Deploy: a 8/);
  told("/api/annotations?tags=deploy", /Deploy: store 9.*"login":"version label"/);
  told(`${URL}/deploys?`, /"related":true/);
}, 60_000);
