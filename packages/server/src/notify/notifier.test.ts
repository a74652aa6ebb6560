// Real receivers in this process: an HTTP server that behaves and misbehaves, and an SMTP server.
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TenantId } from "@storewatch/model";
import { ALL_TENANTS, tenantScope } from "@storewatch/model";
import PostalMime from "postal-mime";
import { Registry } from "prom-client";
import { SMTPServer } from "smtp-server";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createMemoryPersistence } from "../alerts/interface.ts";
import { systemClock } from "../kernel/clock.ts";
import { silentLogger } from "../kernel/logger.ts";
import { createSafeHttp } from "../kernel/safe-http.ts";
import { createNotifier, loadTemplates } from "./index.ts";
import { integrationsOf, notification, START_MS } from "./testing/notification.ts";

interface Received {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

let server: Server;
let base: string;
const received: Received[] = [];
/** What to answer next; the last one stays. */
let answers: { status: number; body?: string; headers?: Record<string, string>; hang?: boolean }[] = [];
const http = createSafeHttp({ allow: ["127.0.0.0/8"] });

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      received.push({ path: request.url ?? "", headers: request.headers, body });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer?.hang) return;
      response.writeHead(answer?.status ?? 200, answer?.headers).end(answer?.body ?? "ok");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await http.close();
  server.closeAllConnections();
  server.close();
});
afterEach(() => {
  received.length = 0;
  answers = [];
});

async function notifier(body: string) {
  const metrics = new Registry();
  const persistence = createMemoryPersistence();
  const made = createNotifier({
    clock: systemClock,
    rng: () => 0,
    logger: silentLogger,
    metrics,
    http: http.request,
    persistence,
  });
  const templates = await loadTemplates([], { nowMs: () => START_MS });
  const deliveries = made.deliveries({ name: "ops", labels: {}, integrations: integrationsOf(body) }, templates);
  const deliver = (data = notification(), signal = AbortSignal.timeout(8000)) =>
    deliveries[0].deliver({ data, arrivedAtMs: systemClock.nowMs() - 50 }, signal);
  return { ...made, deliver, metrics, persistence };
}

describe("webhook", () => {
  const hook = (more = "") => `webhook_configs:\n- url: ${base}/hook/s3cret-path\n${more.replaceAll(/^/gm, "  ")}`;

  it("posts version 4 of Alertmanager's form", async () => {
    const { deliver } = await notifier(hook());
    expect(await deliver()).toEqual({ delivered: true });
    expect(received[0].headers["content-type"]).toBe("application/json");
    expect(JSON.parse(received[0].body)).toEqual({
      receiver: "ops",
      status: "firing",
      alerts: [
        {
          status: "firing",
          labels: { alertname: "HighErrorRate", severity: "critical", tenant_id: "acme" },
          annotations: { summary: "Tỷ lệ lỗi cao <acme>" },
          startsAt: "2026-11-22T14:30:05Z",
          endsAt: "0001-01-01T00:00:00Z",
          generatorURL: "http://watch.example/graph",
          fingerprint: "0123456789abcdef",
        },
      ],
      groupLabels: { alertname: "HighErrorRate" },
      commonLabels: { alertname: "HighErrorRate", severity: "critical", tenant_id: "acme" },
      commonAnnotations: { summary: "Tỷ lệ lỗi cao <acme>" },
      externalURL: "http://watch.example",
      version: "4",
      groupKey: '{}:{alertname="HighErrorRate"}',
      truncatedAlerts: 0,
      notification_reason: "first notification",
      routeLabels: {},
    });
  });

  it("signs in as http_config says, and cuts to max_alerts", async () => {
    const { deliver } = await notifier(
      hook("max_alerts: 1\nhttp_config: { basic_auth: { username: u, password: p-secret } }"),
    );
    const [one] = notification().alerts;
    await deliver(notification({ alerts: [one, { ...one, fingerprint: "2" }, { ...one, fingerprint: "3" }] }));
    expect(received[0].headers.authorization).toBe(`Basic ${Buffer.from("u:p-secret").toString("base64")}`);
    expect(JSON.parse(received[0].body)).toMatchObject({
      truncatedAlerts: 2,
      alerts: [{ fingerprint: one.fingerprint }],
    });
  });

  it("tries again after 500 and garbage, and logs one delivery with its attempts", async () => {
    answers = [{ status: 500, body: "\u0000garbage s3cret-path" }, { status: 200 }];
    const { deliver, log, metrics } = await notifier(hook());
    expect(await deliver()).toEqual({ delivered: true });
    const [entry] = log.list(ALL_TENANTS, { limit: 10 });
    expect(log.list(ALL_TENANTS, { limit: 10 })).toHaveLength(1);
    expect(entry).toMatchObject({ outcome: "delivered", attempts: 2, integration: "webhook[0]", tenants: ["acme"] });
    expect(entry.latencyMs).toBeGreaterThanOrEqual(50);
    expect(JSON.stringify(entry)).not.toContain("s3cret");
    const text = await metrics.metrics();
    expect(text).toContain('storewatch_notifications_total{receiver="ops",outcome="delivered"} 1');
    expect(text).toContain("storewatch_alert_latency_seconds_count 1");
  });

  it("takes a 4xx as final", async () => {
    answers = [{ status: 404, body: "no such hook s3cret-path" }];
    const { deliver, log } = await notifier(hook());
    const outcome = await deliver();
    expect(outcome).toMatchObject({ delivered: false, reason: expect.stringContaining("404") });
    expect(JSON.stringify([outcome, log.list(ALL_TENANTS, { limit: 1 })])).not.toContain("s3cret");
    expect(received).toHaveLength(1);
  });

  it("gives up a slow attempt after its own timeout and tries again", async () => {
    answers = [{ status: 200, hang: true }, { status: 200 }];
    const { deliver } = await notifier(hook("timeout: 200ms"));
    const startMs = performance.now();
    expect(await deliver()).toEqual({ delivered: true });
    expect(performance.now() - startMs).toBeLessThan(3000);
    expect(received).toHaveLength(2);
  });
});

describe("slack", () => {
  it("posts an attachment, and does not show the webhook's address", async () => {
    const { deliver, log } = await notifier(
      `slack_configs:\n- api_url: ${base}/services/T0/B0/xyzzy\n  channel: '#alerts'\n  title: 'Cảnh báo: {{ .GroupLabels.alertname }}'\n  fields: [{ title: Shop, value: "{{ .CommonLabels.tenant_id }}" }]`,
    );
    expect(await deliver()).toEqual({ delivered: true });
    const message = JSON.parse(received[0].body);
    expect(message).toMatchObject({
      channel: "#alerts",
      attachments: [
        { title: "Cảnh báo: HighErrorRate", color: "danger", fields: [{ title: "Shop", value: "acme", short: false }] },
      ],
    });
    expect(message.attachments[0].mrkdwn_in).toEqual(["fallback", "pretext", "text"]);
    const [entry] = log.list(ALL_TENANTS, { limit: 1 });
    expect(entry).toMatchObject({ subject: "Cảnh báo: HighErrorRate" });
    expect(JSON.stringify(entry)).not.toContain("xyzzy");
  });

  it("waits as long as Slack asks", async () => {
    answers = [
      { status: 429, headers: { "retry-after": "1" }, body: "rate_limited" },
      { status: 200, body: "ok" },
    ];
    const { deliver } = await notifier(`slack_configs:\n- api_url: ${base}/x\n  channel: c`);
    const startMs = performance.now();
    expect(await deliver()).toEqual({ delivered: true });
    expect(performance.now() - startMs).toBeGreaterThan(950);
  });
});

describe("e-mail", () => {
  let smtp: SMTPServer;
  let port: number;
  const mails: { raw: string; user: string | undefined; to: string[] }[] = [];
  let refuse: { code: number; times: number } | undefined;

  beforeAll(async () => {
    smtp = new SMTPServer({
      authOptional: true,
      allowInsecureAuth: true,
      logger: false,
      onAuth: ({ username, password }, _session, done) =>
        password === "right-pw" ? done(null, { user: username }) : done(new Error("Invalid username or password")),
      onData(stream, session, done) {
        let raw = "";
        stream.on("data", (chunk) => {
          raw += chunk;
        });
        stream.on("end", () => {
          if (refuse && refuse.times-- > 0)
            return done(Object.assign(new Error("not now"), { responseCode: refuse.code }));
          const { rcptTo } = session.envelope;
          mails.push({ raw, user: session.user as string | undefined, to: rcptTo.map((to) => to.address) });
          done();
        });
      },
    });
    await new Promise<void>((resolve) => smtp.listen(0, "127.0.0.1", resolve));
    port = (smtp.server.address() as AddressInfo).port;
  });
  afterAll(() => new Promise<void>((resolve) => smtp.close(() => resolve())));
  afterEach(() => {
    mails.length = 0;
    refuse = undefined;
  });

  const email = (more = "") =>
    `email_configs:\n- to: 'Ops <ops@shop.example>, oncall@shop.example'\n  from: watch@shop.example\n  smarthost: 127.0.0.1:${port}\n${more.replaceAll(/^/gm, "  ")}`;
  const plain = "require_tls: false\n";

  it("sends text and HTML with a Vietnamese subject, threaded by group", async () => {
    const { deliver } = await notifier(
      email(`${plain}headers: { subject: "Sự cố: {{ .CommonAnnotations.summary }}" }`),
    );
    expect(await deliver()).toEqual({ delivered: true });
    await deliver(notification({ status: "resolved" }));
    const [first, second] = await Promise.all(mails.map(({ raw }) => PostalMime.parse(raw)));
    expect(first.subject).toBe("Sự cố: Tỷ lệ lỗi cao <acme>");
    expect(first.to?.map((to) => to.address)).toEqual(["ops@shop.example", "oncall@shop.example"]);
    expect(first.html).toContain("Tỷ lệ lỗi cao &lt;acme&gt;");
    expect(first.text).toContain("Tỷ lệ lỗi cao <acme>");
    expect(first.messageId).not.toBe(second.messageId);
    expect(first.references).toBe(second.references);
    expect(first.references).toMatch(/^<alert-.*@shop\.example>$/);
    expect(mails[0].to).toEqual(["ops@shop.example", "oncall@shop.example"]);
  });

  it("does not let an alert's text start a header", async () => {
    const { deliver } = await notifier(
      email(`${plain}headers: { Subject: "{{ .CommonLabels.evil }}", X-Shop: "{{ .CommonLabels.evil }}" }`),
    );
    await deliver(notification({ commonLabels: { evil: "x\r\nBcc: thief@example.org\r\n\r\nbody" } }));
    const parsed = await PostalMime.parse(mails[0].raw);
    expect(parsed.bcc).toBeUndefined();
    expect(parsed.subject).toBe("x Bcc: thief@example.org body");
    expect(mails[0].to).toEqual(["ops@shop.example", "oncall@shop.example"]);
  });

  it("signs in; a wrong password is tried again and never shown", async () => {
    const right = await notifier(email(`${plain}auth_username: watch\nauth_password: right-pw`));
    expect(await right.deliver()).toEqual({ delivered: true });
    expect(mails[0].user).toBe("watch");
    const wrong = await notifier(email(`${plain}auth_username: watch\nauth_password: wrong-pw-123`));
    const outcome = await wrong.deliver(notification(), AbortSignal.timeout(900));
    expect(outcome).toMatchObject({ delivered: false, reason: expect.stringContaining("Invalid") });
    const [entry] = wrong.log.list(ALL_TENANTS, { limit: 1 });
    expect(entry.attempts).toBeGreaterThan(1);
    expect(JSON.stringify(entry)).not.toContain("wrong-pw-123");
  });

  it("uses STARTTLS when it is required, and does not send without", async () => {
    const skip = await notifier(email("tls_config: { insecure_skip_verify: true }"));
    expect(await skip.deliver()).toEqual({ delivered: true });
    const strict = await notifier(email());
    expect(await strict.deliver(notification(), AbortSignal.timeout(700))).toMatchObject({ delivered: false });
    expect(mails).toHaveLength(1);
  });

  it("tries again after a temporary refusal, not after a permanent one", async () => {
    const { deliver } = await notifier(email(plain));
    refuse = { code: 451, times: 1 };
    expect(await deliver()).toEqual({ delivered: true });
    refuse = { code: 554, times: 9 };
    expect(await deliver()).toMatchObject({ delivered: false });
    expect(refuse.times).toBe(8);
  });
});

describe("the log of notifications", () => {
  it("shows a shop only what is wholly its own, pages, and survives a restart", async () => {
    const { deliver, log, persistence } = await notifier(`webhook_configs:\n- url: ${base}/`);
    const [one] = notification().alerts;
    await deliver();
    await deliver(notification({ alerts: [one, { ...one, labels: { alertname: "X", tenant_id: "umbra" } }] }));
    const acme = tenantScope(["acme" as TenantId]);
    expect(log.list(ALL_TENANTS, { limit: 10 })).toHaveLength(2);
    const own = log.list(acme, { limit: 10 });
    expect(own.map((entry) => entry.tenants)).toEqual([["acme"]]);
    const [newest, oldest] = log.list(ALL_TENANTS, { limit: 10 });
    expect(log.list(ALL_TENANTS, { limit: 10, before: newest.id })).toEqual([oldest]);
    const again = createNotifier({
      clock: systemClock,
      rng: () => 0,
      logger: silentLogger,
      metrics: new Registry(),
      http: http.request,
      persistence,
    });
    await again.start();
    expect(again.log.list(ALL_TENANTS, { limit: 10 })).toHaveLength(2);
  });

  it("counts what goes to a receiver that is not in this version as failed, with the reason", async () => {
    const { deliver, log } = await notifier(
      "webex_configs:\n- room_id: abcdef\n  http_config: { authorization: { credentials: abc } }",
    );
    expect(await deliver()).toEqual({ delivered: false, reason: "webex_configs is not in this version" });
    expect(log.list(ALL_TENANTS, { limit: 1 })).toMatchObject([{ outcome: "failed", integration: "webex[0]" }]);
  });
});
