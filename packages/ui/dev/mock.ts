// A server for working on the app: the real query engine and overview over synthetic data, the other APIs canned.
// For development and screenshots only; nothing of this is shipped. Run by dev/serve.mjs.
import { existsSync, readFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { ALL_TENANTS, formatDurationMs, type Matcher, matchesAll } from "@storewatch/model";
import type { InboxMessage, NotificationView } from "@storewatch/model/api";
import { createEngine, QueryError, type QueryResult } from "@storewatch/promql/engine";
import { parseMetricSelector } from "@storewatch/promql/parser";
import fastify, { type FastifyInstance } from "fastify";
import { overviewRoutes } from "../../server/src/overview/index.ts";
import { queryResultJson } from "../../server/src/query/json.ts";
import { alertingApi } from "./mock-alerting.ts";
import { ALERTS, SHOPS, syntheticSeries, syntheticStore } from "./synthetic.ts";

const MINUTE = 60_000;

export async function startMock(
  port: number,
  options: { calm: boolean; uiDir: string; content: string; rules: string; extra: string | undefined },
): Promise<void> {
  const startMs = Date.now();
  const series = syntheticSeries(startMs, options.calm);
  const store = syntheticStore(series);
  const engine = createEngine({ experimental: true, clock: { monotonicMs: () => performance.now() } });
  const query = {
    instant: (_scope: unknown, expression: string, timeMs: number) => engine.instant(store, { expression }, timeMs),
    range: (_scope: unknown, expression: string, from: number, to: number, step: number) =>
      engine.range(store, { expression }, from, to, step),
  };
  const app = fastify();
  // Routes of the server carry schemas: here only their answers matter.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setValidatorCompiler(() => () => true);
  let signedIn = true;
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) =>
    done(null, new URLSearchParams(String(body))),
  );
  app.addHook("onRequest", async (request) => {
    request.principal = { name: "an", role: "admin", scope: ALL_TENANTS, via: "cookie" };
  });
  app.addHook("onSend", async (_request, reply) => {
    reply.header(
      "content-security-policy",
      "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; object-src 'none'; base-uri 'none'",
    );
  });
  app.register(
    overviewRoutes({
      query,
      tenants: () => SHOPS,
      clock: { nowMs: Date.now, monotonicMs: () => performance.now(), setTimer: () => ({ cancel() {} }) },
    }),
  );
  prometheusApi(
    app,
    query,
    series.map((one) => one.labels),
    options.calm,
  );
  alertingApi(app, { startMs, calm: options.calm, rules: options.rules, query });
  alertmanagerApi(app, startMs, options.calm);
  dashboardsApi(app, options.content, options.extra, startMs);
  const session = { name: "an", role: "admin", tenants: null, demo: true, version: "0.1.0" };
  app.get("/api/storewatch/v1/session", async (_request, reply) =>
    signedIn ? session : reply.code(401).send({ error: { code: "AUTH_REQUIRED", message: "this needs a credential" } }),
  );
  app.post("/api/storewatch/v1/session", async (request, reply) => {
    if ((request.body as { token?: string }).token === "wrong")
      return reply
        .code(401)
        .send({ error: { code: "AUTH_SIGN_IN", message: "the name, password or token is not right" } });
    signedIn = true;
    return session;
  });
  app.delete("/api/storewatch/v1/session", async (_request, reply) => {
    signedIn = false;
    return reply.code(204).send();
  });
  app.get("/api/storewatch/v1/tenants", async () => ({ tenants: SHOPS }));
  app.get("/api/storewatch/v1/notifications", async () => ({
    notifications: options.calm ? [] : notificationsAt(startMs),
  }));
  app.get("/api/storewatch/v1/inbox", async () => ({ messages: options.calm ? [] : inboxAt(startMs) }));
  accessApi(app, startMs);
  app.get("/api/storewatch/v1/stream", (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    const timer = setInterval(() => reply.raw.write("event: samples\ndata: {}\n\n"), 1000);
    reply.raw.on("close", () => clearInterval(timer));
  });
  staticFiles(app, options.uiDir);
  await app.listen({ port, host: "127.0.0.1" });
  console.log(`mock on http://127.0.0.1:${port}${options.calm ? " (calm)" : ""}`);
}

interface Query {
  instant(scope: unknown, expression: string, timeMs: number): Promise<QueryResult>;
  range(scope: unknown, expression: string, from: number, to: number, step: number): Promise<QueryResult>;
}
type LabelSet = { readonly key: string; readonly pairs: readonly string[]; get(name: string): string };

function prometheusApi(app: FastifyInstance, query: Query, labels: readonly LabelSet[], calm: boolean): void {
  const params = (request: { url: string; body: unknown }) => {
    const all = new URLSearchParams(request.body instanceof URLSearchParams ? request.body : undefined);
    for (const [name, value] of new URLSearchParams(request.url.split("?")[1] ?? "")) all.append(name, value);
    return all;
  };
  const answer = async (
    work: Promise<QueryResult>,
    reply: {
      code(n: number): { send(b: unknown): unknown };
      header(n: string, v: string): { send(b: unknown): unknown };
    },
  ) => {
    try {
      return reply.header("content-type", "application/json").send(queryResultJson(await work));
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      return reply.code(400).send({ status: "error", errorType: "bad_data", error: error.message });
    }
  };
  app.route({
    method: ["GET", "POST"],
    url: "/api/v1/query",
    handler: (request, reply) => {
      const p = params(request);
      return answer(
        query.instant(ALL_TENANTS, p.get("query") ?? "", p.has("time") ? Number(p.get("time")) * 1000 : Date.now()),
        reply,
      );
    },
  });
  app.route({
    method: ["GET", "POST"],
    url: "/api/v1/query_range",
    handler: (request, reply) => {
      const p = params(request);
      return answer(
        query.range(
          ALL_TENANTS,
          p.get("query") ?? "",
          Number(p.get("start")) * 1000,
          Number(p.get("end")) * 1000,
          Number(p.get("step")) * 1000,
        ),
        reply,
      );
    },
  });
  const matching = (p: URLSearchParams) => {
    const sets: readonly (readonly Matcher[])[] = p.getAll("match[]").map((text) => parseMetricSelector(text));
    return labels.filter((one) => sets.length === 0 || sets.some((matchers) => matchesAll(matchers, one as never)));
  };
  const ok = (data: unknown) => ({ status: "success", data });
  app.get<{ Params: { name: string } }>("/api/v1/label/:name/values", async (request) =>
    ok(
      [
        ...new Set(
          matching(params(request))
            .map((one) => one.get(request.params.name))
            .filter((value) => value !== ""),
        ),
      ].sort(),
    ),
  );
  app.get("/api/v1/labels", async (request) =>
    ok([...new Set(matching(params(request)).flatMap((one) => one.pairs.filter((_, i) => i % 2 === 0)))].sort()),
  );
  app.get("/api/v1/series", async (request) =>
    ok(
      matching(params(request)).map((one) =>
        Object.fromEntries(one.pairs.flatMap((name, i) => (i % 2 === 0 ? [[name, one.pairs[i + 1]]] : []))),
      ),
    ),
  );
  app.get("/api/v1/metadata", async () =>
    ok({ orders_total: [{ type: "counter", help: "Total number of orders by outcome", unit: "" }] }),
  );
  app.get("/api/v1/targets", async () => ok({ activeTargets: targetsAt(calm), droppedTargets: [] }));
}

function targetsAt(calm: boolean) {
  const target = (scrapePool: string, scrapeUrl: string, labels: Record<string, string>, lastError = "") => ({
    scrapePool,
    scrapeUrl,
    globalUrl: scrapeUrl,
    labels: { job: scrapePool, ...labels },
    discoveredLabels: {},
    lastError,
    health: lastError === "" ? "up" : "down",
    lastScrape: new Date(Date.now() - 2100).toISOString(),
    lastScrapeDuration: 0.0121,
    scrapeInterval: formatDurationMs(5000),
    scrapeTimeout: "5s",
  });
  return [
    target("shop", "http://127.0.0.1:9780/metrics", { instance: "127.0.0.1:9780", service: "shop" }),
    target("storewatch", "http://127.0.0.1:9700/metrics", { instance: "127.0.0.1:9700" }),
    target(
      "payment",
      "http://127.0.0.1:41233/metrics",
      { instance: "127.0.0.1:41233", provider: "paynow" },
      calm ? "" : "connect ECONNREFUSED 127.0.0.1:41233: nothing listens there",
    ),
    target("payment", "http://127.0.0.1:41234/metrics", { instance: "127.0.0.1:41234", provider: "cardlink" }),
    target("node", "http://127.0.0.1:9100/metrics", { instance: "127.0.0.1:9100" }),
  ];
}

function alertmanagerApi(app: FastifyInstance, startMs: number, calm: boolean): void {
  const silences: Array<
    Record<string, unknown> & {
      id: string;
      matchers: Array<{ name: string; value: string; isRegex: boolean; isEqual: boolean }>;
      status: { state: string };
    }
  > = calm
    ? []
    : [
        {
          id: "5a1c",
          matchers: [
            { name: "alertname", value: "DiskSpaceLow", isRegex: false, isEqual: true },
            { name: "mountpoint", value: "/data", isRegex: false, isEqual: true },
          ],
          startsAt: new Date(startMs - 300 * MINUTE).toISOString(),
          endsAt: new Date(startMs + 140 * MINUTE).toISOString(),
          createdBy: "linh",
          comment: "New disk is ordered, ticket 4711",
          status: { state: "active" },
        },
      ];
  const matches = (
    labels: Record<string, string>,
    matcher: { name: string; value: string; isRegex: boolean; isEqual: boolean },
  ) => {
    const value = labels[matcher.name] ?? "";
    const hit = matcher.isRegex ? matcher.value.split("|").includes(value) : value === matcher.value;
    return hit === matcher.isEqual;
  };
  app.get("/api/v2/alerts", async (request) => {
    const filters = new URLSearchParams(request.url.split("?")[1] ?? "").getAll("filter").map((text) => {
      const part = /^([^=!~]+)(=~|!~|!=|=)(.*)$/.exec(text) ?? ["", "", "=", '""'];
      return {
        name: part[1],
        value: JSON.parse(part[3]) as string,
        isRegex: part[2].includes("~"),
        isEqual: !part[2].includes("!"),
      };
    });
    const firing = calm ? [] : ALERTS.filter((alert) => alert.firingAfterMinutes <= alert.sinceMinutes);
    return firing
      .filter((alert) => filters.every((filter) => matches(alert.labels, filter)))
      .map((alert, i) => {
        const by = silences.filter(
          (silence) =>
            silence.status.state === "active" && silence.matchers.every((matcher) => matches(alert.labels, matcher)),
        );
        return {
          labels: alert.labels,
          annotations: { summary: alert.summary, description: alert.description },
          startsAt: new Date(startMs - alert.sinceMinutes * MINUTE).toISOString(),
          endsAt: new Date(startMs + 4 * MINUTE).toISOString(),
          fingerprint: `f${i}`,
          receivers: [{ name: alert.labels.severity === "critical" ? "critical" : "warning" }],
          status: {
            state: by.length > 0 ? "suppressed" : "active",
            silencedBy: by.map((silence) => silence.id),
            inhibitedBy: [],
          },
        };
      });
  });
  app.get("/api/v2/silences", async () => silences);
  app.post("/api/v2/silences", async (request) => {
    const id = `s${silences.length + 1}`;
    silences.push({ ...(request.body as object), id, status: { state: "active" } } as never);
    return { silenceID: id };
  });
  app.delete<{ Params: { id: string } }>("/api/v2/silence/:id", async (request) => {
    const silence = silences.find((one) => one.id === request.params.id);
    if (silence) silence.status.state = "expired";
    return "";
  });
}

function dashboardsApi(app: FastifyInstance, content: string, extra: string | undefined, startMs: number): void {
  const files = [
    ...["system-overview", "business-metrics", "tenant-overview"].map((name) => join(content, `${name}.json`)),
    ...(extra
      ? ["node-exporter-full", "redis-exporter", "k8s-views-global"].map((name) => join(extra, `${name}.json`))
      : []),
  ].filter(existsSync);
  const all = files.map((file) => {
    const json = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    return { ...json, ...(json.dashboard as object | undefined) } as Record<string, unknown> & {
      uid: string;
      title: string;
      tags?: string[];
    };
  });
  app.get("/api/search", async () =>
    all.map((one) => ({
      uid: one.uid,
      title: one.title,
      tags: one.tags ?? [],
      type: "dash-db",
      folderTitle: "Built in",
    })),
  );
  app.get<{ Params: { uid: string } }>("/api/dashboards/uid/:uid", async (request, reply) => {
    const dashboard = all.find((one) => one.uid === request.params.uid);
    return dashboard
      ? { dashboard, meta: { canEdit: true } }
      : reply.code(404).send({ message: "Dashboard not found" });
  });
  app.get("/api/annotations", async (request) => {
    const p = new URLSearchParams(request.url.split("?")[1] ?? "");
    const time = startMs - 31 * MINUTE;
    const deploy = { id: 1, time, timeEnd: time, text: "shop 1.8.2", tags: ["deploy", "shop"] };
    return time >= Number(p.get("from")) && time <= Number(p.get("to")) ? [deploy] : [];
  });
  app.get("/api/storewatch/v1/deploys", async () => {
    const link = "https://ci.example.com/shop/4711";
    const deploy = { service: "shop", version: "1.8.2", environment: "production", commit: "4be1f00d", link };
    return { deploys: [{ id: 1, time: startMs - 31 * MINUTE, text: "shop 1.8.2", related: true, ...deploy }] };
  });
}

function notificationsAt(startMs: number): NotificationView[] {
  return ALERTS.filter((alert) => alert.firingAfterMinutes <= alert.sinceMinutes && alert.labels.tenant_id)
    .flatMap((alert, i) => {
      const atMs = startMs - (alert.sinceMinutes - alert.firingAfterMinutes) * MINUTE + 640 + i * 130;
      const base = {
        atMs,
        status: "firing" as const,
        outcome: "delivered" as const,
        attempts: 1,
        groupKey: `{}:{alertname="${alert.labels.alertname}"}`,
        groupLabels: { alertname: alert.labels.alertname },
        alerts: [{ status: "firing" as const, fingerprint: `f${i}`, labels: alert.labels }],
        tenants: [alert.labels.tenant_id],
        latencyMs: 590 + i * 140,
      };
      const receiver = alert.labels.severity;
      return [
        {
          ...base,
          id: `m${i}`,
          receiver,
          integration: "email",
          durationMs: 84,
          target: "mail to oncall@shop.example",
          subject: `[FIRING:1] ${alert.summary}`,
          body: `${alert.summary}\n\n${alert.description}\n\nLabels:\n${Object.entries(alert.labels)
            .map(([name, value]) => ` - ${name} = ${value}`)
            .join("\n")}`,
          answer: "250 2.0.0 OK: queued",
        },
        {
          ...base,
          id: `w${i}`,
          atMs: atMs + 40,
          receiver,
          integration: "webhook",
          durationMs: 12,
          outcome: i === 2 ? ("failed" as const) : ("delivered" as const),
          attempts: i === 2 ? 4 : 1,
          target: "POST http://127.0.0.1:41877/hook",
          subject: "",
          body: JSON.stringify({
            version: "4",
            status: "firing",
            receiver,
            alerts: [{ status: "firing", labels: alert.labels, annotations: { summary: alert.summary } }],
          }),
          answer: i === 2 ? "503 Service Unavailable" : "200 OK",
          latencyMs: i === 2 ? null : 410 + i * 90,
        },
      ];
    })
    .sort((a, b) => b.atMs - a.atMs);
}

function inboxAt(startMs: number): InboxMessage[] {
  return notificationsAt(startMs)
    .filter((one) => one.outcome === "delivered")
    .map((one) => ({
      id: one.id,
      atMs: one.atMs,
      kind: one.integration === "email" ? "email" : "webhook",
      from: one.integration === "email" ? "storewatch@shop.example" : "Storewatch/0.1.0",
      to: one.integration === "email" ? ["oncall@shop.example"] : ["/hook"],
      subject: one.subject || `POST /hook ${one.groupLabels.alertname}`,
      text: one.body,
      html:
        one.integration === "email"
          ? `<div style="font-family:sans-serif;padding:24px"><h2 style="color:#c2313a;margin:0 0 8px">${one.subject}</h2><p>${one.body.split("\n\n")[1] ?? ""}</p><table cellpadding="6" style="border-collapse:collapse">${Object.entries(
              one.alerts[0].labels,
            )
              .map(([name, value]) => `<tr><td style="color:#666">${name}</td><td><b>${value}</b></td></tr>`)
              .join("")}</table></div>`
          : null,
    }));
}

function accessApi(app: FastifyInstance, startMs: number): void {
  const tokens = [
    {
      id: "t1",
      name: "admin",
      role: "admin",
      tenants: null as string[] | null,
      createdAtMs: startMs - 9e7,
      createdBy: "storewatch",
      lastUsedAtMs: (startMs - 4000) as number | null,
    },
    {
      id: "t2",
      name: "acme dashboard",
      role: "viewer",
      tenants: ["acme"],
      createdAtMs: startMs - 4e7,
      createdBy: "an",
      lastUsedAtMs: null,
    },
  ];
  app.get("/api/storewatch/v1/tokens", async () => ({ tokens }));
  app.post("/api/storewatch/v1/tokens", async (request, reply) => {
    const made = {
      id: `t${tokens.length + 1}`,
      createdAtMs: Date.now(),
      createdBy: "an",
      lastUsedAtMs: null,
      ...(request.body as { name: string; role: string; tenants: string[] | null }),
    };
    tokens.push(made);
    return reply.code(201).send({ ...made, token: "sw_7Qm2vXk9tLr4bNc8yHd3" });
  });
  app.delete<{ Params: { id: string } }>("/api/storewatch/v1/tokens/:id", async (request, reply) => {
    tokens.splice(
      tokens.findIndex((one) => one.id === request.params.id),
      1,
    );
    return reply.code(204).send();
  });
  app.get("/api/storewatch/v1/users", async () => ({
    users: [{ id: "u1", name: "linh", role: "editor", tenants: null, createdAtMs: startMs - 8e7 }],
  }));
}

const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".html": "text/html",
};

function staticFiles(app: FastifyInstance, uiDir: string): void {
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0];
    if (path.startsWith("/api/"))
      return reply.code(404).send({ error: { code: "NOT_FOUND", message: `there is no ${path}` } });
    const file = resolve(uiDir, `.${path}`);
    const found =
      file.startsWith(resolve(uiDir)) && extname(file) !== "" && existsSync(file) ? file : join(uiDir, "index.html");
    return reply.type(TYPES[extname(found)] ?? "application/octet-stream").send(readFileSync(found));
  });
}
