// Two shops on one server. Whoever is bound to one of them must see nothing of the other, whichever way they ask: every
// endpoint of the port is asked, and no reply may hold a word that only the other shop's data has.
import { type StorewatchProcess, startStorewatch, waitUntil } from "@storewatch/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Hook, startHook, startTarget, type Target } from "./target.ts";

/** Part of every label value, metric name, text and file of the other shop, and of nothing else. */
const SECRET = /rival/i;
const PAGE = `# HELP own_orders_total Orders of the own shop.
# TYPE own_orders_total counter
own_orders_total{tenant_id="own",city="hanoi"} 7
# HELP rival_only_total Orders of rivalcorp.
# TYPE rival_only_total counter
rival_only_total{tenant_id="rival",city="rivalville"} 11
shared_level{tenant_id="own",room="own-1"} 3
shared_level{tenant_id="rival",room="rival-1"} 4
shared_level{tenant_id="rival",room="rival-2"} 5
shared_level{room="platform-of-rivals"} 6
http_requests_total{tenant_id="own",route="/own",method="GET",status_code="200"} 5
http_requests_total{tenant_id="rival",route="/rival",method="GET",status_code="500"} 50
orders_total{tenant_id="own",status="paid"} 5
orders_total{tenant_id="rival",status="paid"} 50
`;
const RULES = `groups:
  - name: shared
    interval: 1s
    rules:
      - record: shop:level:sum
        expr: sum by (tenant_id) (shared_level)
      - alert: LevelHigh
        expr: shared_level > 2
        labels: { severity: critical }
        annotations: { summary: "{{ $labels.tenant_id }} {{ $labels.room }} is at {{ $value }}" }
      - alert: Broken
        expr: own_orders_total / on () group_left () shared_level
  - name: of the rivals
    interval: 1s
    rules:
      - alert: RivalOnly
        expr: rival_only_total{tenant_id="rival"} > 0
      - record: level:of_rivals
        expr: sum(shared_level{tenant_id!~"own|rival"})
        labels: { tenant_id: rival }
`;

let target: Target;
let hook: Hook;
let server: StorewatchProcess;
const tokens: Record<"viewer" | "editor" | "admin" | "ingest" | "scrape" | "nobody", string> = {
  viewer: "",
  editor: "",
  admin: "",
  ingest: "",
  scrape: "",
  nobody: "",
};

beforeAll(async () => {
  target = await startTarget(PAGE);
  hook = await startHook();
  server = await startStorewatch({
    files: {
      "storewatch.yml": `metrics: { prometheus: prometheus.yml }
alerts: { alertmanager: alertmanager.yml }
tenants: [{ id: own, name: Own Shop }, { id: rival, name: Rivalcorp, tier: rivalgold }]
`,
      "prometheus.yml": `global: { scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 1s }
rule_files: [rules.yml]
scrape_configs:
  - job_name: shops
    static_configs: [{ targets: ["${target.address}"] }]
`,
      "rules.yml": RULES,
      "alertmanager.yml": `route:
  receiver: team
  group_by: [alertname, tenant_id]
  group_wait: 0s
  routes:
    - { matchers: [tenant_id="rival"], receiver: rival-owner, group_by: [tenant_id, room] }
receivers:
  - { name: team, webhook_configs: [{ url: "${hook.url}" }] }
  - { name: rival-owner, webhook_configs: [{ url: "${hook.url}?rival" }] }
`,
    },
  });
  for (const role of ["viewer", "editor", "admin", "ingest", "scrape"] as const)
    tokens[role] = await createToken(role, ["own"]);
  tokens.nobody = await createToken("viewer", ["nosuch"]);
  await adminData();
  await waitUntil(async () => {
    const alerts = (await server.json("/api/v2/alerts")) as Array<{ labels: { tenant_id?: string } }>;
    const shops = new Set(alerts.map((alert) => alert.labels.tenant_id));
    return shops.has("own") && shops.has("rival") && hook.received.length >= 3;
  }, 20_000);
}, 40_000);

afterAll(async () => {
  expect(await server?.stop()).toBe(0);
  await target?.close();
  await hook?.close();
});

async function createToken(role: string, tenants: string[]): Promise<string> {
  const reply = (await server.json("/api/storewatch/v1/tokens", post({ name: `the ${role}`, role, tenants }))) as {
    token: string;
  };
  return reply.token;
}

function post(body: unknown): RequestInit {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** What the admin made about the rival and about both, beside the scraped data. */
async function adminData(): Promise<void> {
  const silence = (matchers: object[], comment: string) =>
    server.json(
      "/api/v2/silences",
      post({
        matchers,
        comment,
        createdBy: "rival's friend",
        startsAt: new Date().toISOString(),
        endsAt: new Date(Date.now() + 3_600_000).toISOString(),
      }),
    );
  const room = { name: "room", value: "rival-2", isRegex: false };
  await silence([{ name: "tenant_id", value: "rival", isRegex: false }, room], "of the rival");
  await silence([{ name: "tenant_id", value: "own|rival", isRegex: true }, room], "of both, rival too");
  await silence([room], "of all, rival too");
  await server.json("/api/annotations", post({ text: "the rival's sale", tags: ["rival"], tenant: "rival" }));
  await server.json("/api/annotations", post({ text: "own sale", tags: ["own"], tenant: "own" }));
  await server.json("/api/storewatch/v1/deploys", post({ service: "rival-api", version: "1", tenant: "rival" }));
  const yaml =
    "groups: [{ name: stored, rules: [{ alert: StoredRival, expr: 'rival_only_total{tenant_id=\"rival\"} > 99' }] }]\n";
  await server.json("/api/storewatch/v1/rule-groups/stored", { ...post({ yaml, version: null }), method: "PUT" });
  await server.json(
    "/api/storewatch/v1/users",
    post({ name: "rival-user", password: "correct horse rival", role: "viewer", tenants: ["rival"] }),
  );
}

async function ask(token: string, pathAndQuery: string, init: RequestInit = {}) {
  const headers = { ...init.headers, authorization: `Bearer ${token}` };
  const reply = await fetch(server.url + pathAndQuery, { ...init, headers });
  const head = [...reply.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  return { status: reply.status, text: `${head}\n${await reply.text()}` };
}

const encode = (query: string) => encodeURIComponent(query);
const now = () => Date.now() / 1000;

/** PromQL that tries to get round the scope. None of them spells the rival's name, so the reply may not either. */
const QUERIES = [
  "shared_level",
  '{__name__=~".+"}',
  '{tenant_id!=""}',
  '{tenant_id=""}',
  '{tenant_id!="own"}',
  '{tenant_id=~".*"} or {tenant_id!~"own"}',
  'shared_level{tenant_id!="own"} or shared_level',
  'label_replace(shared_level, "tenant_id", "own", "", "")',
  'label_replace(vector(1), "tenant_id", "r$1", "x", "")',
  'label_join(shared_level{tenant_id!="own"}, "tenant_id", "", "nothing")',
  'count_values("room", shared_level)',
  'count_values by (room) ("tenant_id", shared_level)',
  "sum by (tenant_id, room) (shared_level)",
  'topk(100, {__name__!=""})',
  "max_over_time(sum by (room) (shared_level)[1m:1s])",
  'last_over_time({tenant_id=~".+"}[5m] offset -1s)',
  "shared_level @ end()",
  'absent(shared_level{tenant_id="own"} unless shared_level)',
  "own_orders_total * on () group_right () shared_level",
  "own_orders_total / on () group_left (room) shared_level",
  'group by (city) ({city!=""})',
  "ALERTS",
  "ALERTS_FOR_STATE",
  "storewatch_tenant_info",
  "up",
  "scrape_samples_scraped",
  "shop:level:sum",
  '{__name__=~"level:.*"}',
  'info(shared_level, {tenant_id!=""})',
];

describe("one shop's people see only their shop", () => {
  const cases = (): string[] => [
    ...QUERIES.flatMap((query) => [
      `/api/v1/query?query=${encode(query)}`,
      `/api/v1/query_range?query=${encode(query)}&start=${now() - 60}&end=${now()}&step=5`,
    ]),
    ...[
      "",
      "&match[]=shared_level",
      `&match[]=${encode('{tenant_id!="own"}')}`,
      "&match[]=up&match[]=shared_level",
    ].flatMap((match) => [
      `/api/v1/series?match[]=${encode('{__name__=~".+"}')}${match}`,
      `/api/v1/labels?x=1${match}`,
      ...["__name__", "tenant_id", "room", "city", "job", "instance", "route", "tier", "name", "alertname"].map(
        (label) => `/api/v1/label/${label}/values?x=1${match}`,
      ),
    ]),
    "/api/v1/metadata",
    "/api/v1/targets",
    "/api/v1/targets?state=dropped",
    "/api/v1/targets/metadata",
    "/api/v1/rules",
    "/api/v1/rules?type=alert",
    "/api/v1/rules?type=record",
    "/api/v1/alerts",
    "/api/v1/alertmanagers",
    ...[
      "buildinfo",
      "runtimeinfo",
      "tsdb",
      "tsdb?limit=100",
      "tsdb/blocks",
      "config",
      "flags",
      "walreplay",
      "self_metrics",
      "self_metrics?metric_name_pattern=.*",
    ].map((name) => `/api/v1/status/${name}`),
    "/api/v1/features",
    "/api/v1/notifications",
    "/api/v1/scrape_pools",
    "/api/v1/scrape_pools/config?scrapePool=shops",
    `/api/v1/targets/relabel_steps?scrapePool=shops&labels=${encode("{}")}`,
    `/api/v1/targets/metadata?match_target=${encode('{job="shops"}')}`,
    "/api/v1/metadata?limit=100",
    "/api/v1/metadata?metric=rival_only_total",
    ...["shared_level", '{__name__=~".+"}', '{tenant_id!=""}', "storewatch_tenant_info"].map(
      (match) => `/api/v1/query_exemplars?query=${encode(match)}`,
    ),
    ...['{__name__=~".+"}', '{tenant_id!="own"}', "up", "ALERTS"].map((match) => `/federate?match[]=${encode(match)}`),
    ...QUERIES.flatMap((query) => [
      `/api/v1/format_query?query=${encode(query)}`,
      `/api/v1/parse_query?query=${encode(query)}`,
    ]),
    "/api/storewatch/v1/slow-queries",
    "/api/storewatch/v1/receipts",
    "/api/storewatch/v1/calm",
    `/api/storewatch/v1/deploys?start=${Date.now()}&tenant=rival`,
    "/api/storewatch/v1/alert-quality",
    "/api/storewatch/v1/alert-quality?range=1h",
    "/api/storewatch/v1/rule-groups",
    "/api/storewatch/v1/rule-groups/shared",
    "/api/storewatch/v1/rule-groups/stored",
    "/api/storewatch/v1/rule-groups-export",
    "/api/storewatch/v1/receivers",
    "/api/storewatch/v1/routing",
    "/metrics",
    "/api/v2/status",
    "/api/v2/receivers",
    "/api/v2/alerts",
    "/api/v2/alerts?receiver=.*",
    `/api/v2/alerts?filter=${encode('room=~".*"')}&silenced=true&inhibited=true`,
    "/api/v2/alerts/groups",
    "/api/v2/silences",
    "/api/storewatch/v1/overview",
    "/api/storewatch/v1/overview?range=6h",
    "/api/storewatch/v1/tenants",
    "/api/storewatch/v1/tenants/own/overview",
    "/api/storewatch/v1/notifications",
    "/api/storewatch/v1/inbox",
    "/api/storewatch/v1/session",
    "/api/storewatch/v1/users",
    "/api/storewatch/v1/tokens",
    "/api/storewatch/v1/openapi.json",
    "/api/annotations",
    "/api/annotations?limit=5000&matchAny=true",
    "/api/search",
    "/api/search?query=",
    "/api/folders",
    "/health",
    "/-/ready",
    "/",
  ];

  test("every path that is asked exists, and none of our API's is left out", async () => {
    const asked = new Set(cases().map((url) => url.split("?")[0]));
    for (const url of asked) {
      // The demo alone has it.
      if (url === "/api/storewatch/v1/inbox") continue;
      const { status, text } = await ask(server.token, url);
      expect(status, `${url}: ${text}`).not.toBe(404);
    }
    const { paths } = (await server.json("/api/storewatch/v1/openapi.json")) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const ours = Object.keys(paths).filter((one) => one.startsWith("/api/storewatch/") && "get" in paths[one]);
    // The stream never ends; paths with a name in them are asked with one of theirs.
    const exact = ours.filter((one) => !one.includes("{") && !one.endsWith("/stream"));
    expect(exact.filter((one) => !asked.has(one))).toEqual([]);
    const named = ours.filter((one) => one.includes("{")).map((one) => one.slice(0, one.indexOf("{")));
    expect(named.filter((start) => ![...asked].some((url) => url.startsWith(start)))).toEqual([]);
    expect(ours.length).toBeGreaterThan(10);
  });

  test.each(["viewer", "editor", "admin", "nobody", "ingest", "scrape"] as const)("%s: no reply", async (role) => {
    for (const url of cases()) {
      const { status, text } = await ask(tokens[role], url);
      expect(text, `${url} (${status})`).not.toMatch(SECRET);
      expect(status, `${url}: ${text}`).toBeLessThan(500);
    }
  });

  test("the same by POST forms", async () => {
    for (const query of QUERIES) {
      for (const url of ["/api/v1/query", "/api/v1/query_range"]) {
        const body = new URLSearchParams({ query, start: String(now() - 60), end: String(now()), step: "5" });
        const { text } = await ask(tokens.viewer, url, { method: "POST", body });
        expect(text, query).not.toMatch(SECRET);
      }
    }
  });

  test("they do see their own", async () => {
    const seen = async (url: string, expected: RegExp) =>
      expect((await ask(tokens.viewer, url)).text).toMatch(expected);
    await seen("/api/v1/query?query=shared_level", /"room":"own-1"/);
    await seen("/api/v1/label/room/values", /"own-1"/);
    await seen("/api/v1/metadata", /own_orders_total/);
    await seen("/api/v1/rules", /LevelHigh/);
    await seen("/api/v1/alerts", /own own-1 is at 3/);
    await seen("/api/v2/alerts", /own own-1 is at 3/);
    await seen("/api/v2/alerts/groups", /own own-1 is at 3/);
    await seen("/api/v2/receivers", /"team"/);
    await seen("/api/storewatch/v1/notifications", /LevelHigh/);
    await seen("/api/storewatch/v1/overview", /"Own Shop"/);
    await seen("/api/storewatch/v1/tenants/own/overview", /"Own Shop"/);
    await seen("/api/annotations", /own sale/);
    await seen("/api/search", /dash-db/);
    await seen("/api/v1/targets", /"activeTargets":\[\]/);
  });

  test("the admin of all sees both, so that the checks above can fail", async () => {
    for (const url of [
      "/api/v1/query?query=shared_level",
      "/api/v1/label/room/values",
      "/api/v1/metadata",
      "/api/v1/rules",
      "/api/v2/alerts",
      "/api/v2/alerts/groups",
      "/api/v2/receivers",
      "/api/v2/silences",
      "/api/v2/status",
      "/api/storewatch/v1/rule-groups",
      "/api/storewatch/v1/rule-groups/stored",
      "/api/storewatch/v1/rule-groups-export",
      "/api/storewatch/v1/routing",
      "/api/storewatch/v1/notifications",
      "/api/storewatch/v1/overview",
      "/api/storewatch/v1/tenants",
      "/api/annotations",
    ])
      expect((await ask(server.token, url)).text, url).toMatch(SECRET);
  });
});

describe("asking for the other shop by name", () => {
  test("PromQL that names it finds nothing", async () => {
    for (const query of [
      'shared_level{tenant_id="rival"}',
      '{tenant_id=~"rival|own", room=~"rival.*"}',
      "rival_only_total",
      "shared_level and on () rival_only_total",
    ]) {
      const { text } = await ask(tokens.viewer, `/api/v1/query?query=${encode(query)}`);
      expect(text, query).toContain('"result":[]');
    }
  });

  test("its pages do not exist, in the same words as those of no shop", async () => {
    const words = async (id: string) => {
      const { status, text } = await ask(tokens.viewer, `/api/storewatch/v1/tenants/${id}/overview`);
      return `${status} ${text.split("\n").at(-1)!.replaceAll(id, "ID")}`;
    };
    expect(await words("rival")).toBe(await words("nosuch"));
  });

  test("its silences cannot be read, made, changed or ended", async () => {
    const silences = (await server.json("/api/v2/silences")) as Array<{ id: string; matchers: unknown[] }>;
    expect(silences.length).toBe(3);
    for (const { id } of silences) {
      expect((await ask(tokens.editor, `/api/v2/silence/${id}`)).status).toBe(404);
      expect((await ask(tokens.editor, `/api/v2/silence/${id}`, { method: "DELETE" })).status).toBe(404);
    }
    const make = (matchers: object[], id?: string) =>
      ask(
        tokens.editor,
        "/api/v2/silences",
        post({ id, matchers, comment: "c", createdBy: "me", startsAt: iso(0), endsAt: iso(60_000) }),
      );
    const tenant = (value: string, isRegex = false, isEqual = true) => ({ name: "tenant_id", value, isRegex, isEqual });
    for (const matchers of [
      [{ name: "room", value: "x", isRegex: false }],
      [tenant("rival")],
      [tenant("own|rival", true)],
      [tenant(".+", true)],
      [tenant("own", false, false)],
      [tenant("", false)],
    ])
      expect([400, 403], JSON.stringify(matchers)).toContain((await make(matchers)).status);
    expect((await make([tenant("own")], silences[0].id)).status).toBeGreaterThanOrEqual(400);
    expect((await make([tenant("own"), { name: "room", value: "never", isRegex: false }])).status).toBe(200);
    expect(((await server.json("/api/v2/silences")) as unknown[]).length).toBe(4);
  });

  test("alerts for it are refused to an ingest token of one shop", async () => {
    const put = (labels: object) => ask(tokens.ingest, "/api/v2/alerts", post([{ labels }]));
    expect((await put({ alertname: "Forged", tenant_id: "rival" })).status).toBe(403);
    expect((await put({ alertname: "Fine", tenant_id: "own" })).status).toBe(200);
    // The credential decides: what names no shop belongs to the only one that it may write.
    expect((await put({ alertname: "Unnamed" })).status).toBe(200);
    const alerts = (await server.json("/api/v2/alerts")) as Array<{ labels: Record<string, string> }>;
    expect(alerts.find(({ labels }) => labels.alertname === "Forged")).toBeUndefined();
    expect(alerts.find(({ labels }) => labels.alertname === "Unnamed")?.labels.tenant_id).toBe("own");
  });

  test("marks for it and for all are refused", async () => {
    const { status } = await ask(tokens.editor, "/api/annotations", post({ text: "x", tenant: "rival" }));
    expect(status).toBe(403);
    const marks = (await server.json("/api/annotations")) as Array<{ id: number; tenant?: string }>;
    for (const { id } of marks.filter((mark) => mark.tenant !== "own"))
      expect((await ask(tokens.editor, `/api/annotations/${id}`, { method: "DELETE" })).status).toBe(404);
    const deploy = { service: "rival-api", version: "2", tenant: "rival" };
    expect((await ask(tokens.editor, "/api/storewatch/v1/deploys", post(deploy))).status).toBe(403);
  });

  test("what belongs to the platform is not theirs", async () => {
    const refused = async (role: keyof typeof tokens, url: string, init?: RequestInit) =>
      expect((await ask(tokens[role], url, init)).status, `${role} ${url}`).toBe(403);
    await refused("admin", "/api/storewatch/v1/users");
    await refused("admin", "/api/storewatch/v1/tokens");
    await refused("admin", "/api/storewatch/v1/tokens", post({ name: "x", role: "admin", tenants: null }));
    await refused("admin", "/-/reload", { method: "POST" });
    await refused("admin", "/metrics");
    await refused("scrape", "/metrics");
    await refused("editor", "/api/dashboards/db", post({ dashboard: { title: "x", panels: [] } }));
    await refused("editor", "/api/folders", post({ title: "x" }));
    await refused("ingest", "/api/v1/query?query=up");
    await refused("scrape", "/api/v1/query?query=up");
    await refused("ingest", "/api/storewatch/v1/overview");
    await refused("viewer", "/api/v2/silences", post({}));
    await refused("viewer", "/api/annotations", post({ text: "x" }));
  });

  test("the live stream tells topics only", async () => {
    const abort = new AbortController();
    const reply = await fetch(`${server.url}/api/storewatch/v1/stream`, {
      headers: { authorization: `Bearer ${tokens.viewer}` },
      signal: abort.signal,
    });
    expect(reply.status).toBe(200);
    let text = "";
    const reader = reply.body!.getReader();
    while (!/event: alerts|event: samples[\s\S]*event: samples/.test(text)) {
      const { value, done } = await reader.read();
      if (done) break;
      text += Buffer.from(value).toString();
    }
    abort.abort();
    expect(text).toMatch(/event: samples/);
    expect(text).not.toMatch(SECRET);
  });
});

const iso = (afterMs: number) => new Date(Date.now() + afterMs).toISOString();
