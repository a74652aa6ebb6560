// Each service against a server in this process: what is sent, and what is made of every kind of answer.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { NotificationData } from "@storewatch/model";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../kernel/clock.ts";
import { createSafeHttp } from "../kernel/safe-http.ts";
import { groupHash } from "./group-hash.ts";
import { loadTemplates } from "./index.ts";
import type { DeliveryResult } from "./interface.ts";
import { createPushover, pushoverVerdict } from "./pushover/pushover.ts";
import { createIntegration } from "./registry.ts";
import { integrationsOf, notification, START_MS } from "./testing/notification.ts";
import { type FakeServer, startFakeServer } from "./testing/server.ts";

let server: FakeServer;
const http = createSafeHttp();
const HASH = groupHash(notification().groupKey);

beforeAll(async () => {
  server = await startFakeServer();
});
afterAll(async () => {
  await http.close();
  server.close();
});
afterEach(() => {
  server.received.length = 0;
  server.answers = [];
});

async function deps() {
  const templates = await loadTemplates([], { nowMs: () => START_MS });
  // What a service's fixed address is goes to the fake one.
  return { clock: systemClock, http: http.request, templates, pushoverUrl: `${server.url}/1/messages.json` };
}

async function send(body: string, data = notification(), signal = AbortSignal.timeout(5000)): Promise<DeliveryResult> {
  const [config] = integrationsOf(body);
  const own = await deps();
  const integration = config.kind === "pushover" ? createPushover(config, own) : createIntegration(config, own);
  return integration.send(data, signal);
}

const sent = (i = 0) => JSON.parse(server.received[i].body);
const resolved = (): NotificationData => {
  const data = notification({ status: "resolved" });
  return { ...data, alerts: data.alerts.map((a) => ({ ...a, status: "resolved", endsAtMs: START_MS + 60_000 })) };
};

interface ServiceCase {
  readonly name: string;
  readonly body: () => string;
  readonly ok: { readonly status: number; readonly body: string };
  readonly secrets: readonly string[];
}

const KEY = "0123456789abcdef0123456789abcdef";
const SERVICES: readonly ServiceCase[] = [
  {
    name: "pagerduty",
    body: () => `pagerduty_configs: [{ routing_key: ${KEY}, url: "${server.url}/v2/enqueue" }]`,
    ok: { status: 202, body: '{"status":"success","message":"Event processed","dedup_key":"x"}' },
    secrets: [KEY],
  },
  {
    name: "opsgenie",
    body: () => `opsgenie_configs: [{ api_key: genie-secret-key, api_url: "${server.url}" }]`,
    ok: { status: 202, body: '{"result":"Request will be processed","took":0.3,"requestId":"r"}' },
    secrets: ["genie-secret-key"],
  },
  {
    name: "victorops",
    body: () => `victorops_configs: [{ api_key: victor-secret, routing_key: team-a, api_url: "${server.url}/alert" }]`,
    ok: { status: 200, body: '{"result":"success","entity_id":"x"}' },
    secrets: ["victor-secret"],
  },
  {
    name: "pushover",
    body: () => `pushover_configs: [{ user_key: user-secret-key, token: token-secret-key }]`,
    ok: { status: 200, body: '{"status":1,"request":"r"}' },
    secrets: ["user-secret-key", "token-secret-key"],
  },
  {
    name: "telegram",
    body: () =>
      `telegram_configs: [{ bot_token: "123456:AAtelegram-secret", chat_id: -100123, api_url: "${server.url}" }]`,
    ok: { status: 200, body: '{"ok":true,"result":{"message_id":7}}' },
    secrets: ["AAtelegram-secret"],
  },
  {
    name: "discord",
    body: () => `discord_configs: [{ webhook_url: "${server.url}/api/webhooks/42/discord-secret" }]`,
    ok: { status: 204, body: "" },
    secrets: ["discord-secret"],
  },
  {
    name: "msteams",
    body: () => `msteams_configs: [{ webhook_url: "${server.url}/webhookb2/teams-secret" }]`,
    ok: { status: 200, body: "1" },
    secrets: ["teams-secret"],
  },
  {
    name: "msteamsv2",
    body: () => `msteamsv2_configs: [{ webhook_url: "${server.url}/workflows/x?sig=flow-secret" }]`,
    ok: { status: 202, body: "" },
    secrets: ["flow-secret"],
  },
  {
    name: "http",
    body: () => `http_configs: [{ url: "${server.url}/own/http-secret", headers: { X-Api-Key: header-secret } }]`,
    ok: { status: 200, body: "thanks" },
    secrets: ["http-secret", "header-secret"],
  },
];

describe.each(SERVICES)("$name", ({ body, ok, secrets, name }) => {
  const echo = () => `you sent ${secrets.join(" ")} to ${server.url}`;

  it("delivers, firing and resolved, and shows no secret", async () => {
    server.answers = [ok];
    for (const data of [notification(), resolved()]) {
      const result = await send(body(), data);
      expect(result.outcome).toBe("delivered");
      expect(result.record.answer).toContain(String(ok.status));
      for (const secret of secrets) expect(JSON.stringify(result)).not.toContain(secret);
    }
    expect(server.received.length).toBeGreaterThanOrEqual(2);
  });

  it("takes a 4xx as final and masks what it echoes", async () => {
    server.answers = [{ status: 400, body: echo() }];
    const result = await send(body());
    expect(result).toMatchObject({ outcome: "failed", reason: expect.stringContaining("400") });
    for (const secret of secrets) expect(JSON.stringify(result)).not.toContain(secret);
  });

  it.skipIf(name === "pushover")("slows down when it is asked to", async () => {
    server.answers = [{ status: 429, headers: { "retry-after": "7" }, body: "slow down" }];
    expect(await send(body())).toMatchObject({ outcome: "retry", retryAfterMs: 7000, limited: true });
  });

  it("tries again after 5xx and when no answer comes", async () => {
    server.answers = [{ status: 503, body: echo() }];
    const failed = await send(body());
    expect(failed.outcome).toBe("retry");
    for (const secret of secrets) expect(JSON.stringify(failed)).not.toContain(secret);
    server.answers = [{ hang: true }];
    const hung = await send(body(), notification(), AbortSignal.timeout(100));
    expect(hung.outcome).toBe("retry");
    for (const secret of secrets) expect(JSON.stringify(hung)).not.toContain(secret);
  });

  it("is not confused by garbage", async () => {
    server.answers = [{ status: 500, body: "\u0000\ufffd<html>{{{".repeat(50) }];
    expect((await send(body())).outcome).toBe("retry");
    server.answers = [{ status: 200, body: "<html>a login page</html>" }];
    // Only those whose answer says more than its status can tell.
    const expected = name === "telegram" || name === "pushover" ? "retry" : "delivered";
    expect((await send(body())).outcome).toBe(expected);
  });

  it("sends the group of a hundred alerts within the service's limits", async () => {
    server.answers = [ok];
    const [one] = notification().alerts;
    const alerts = Array.from({ length: 300 }, (_, i) => ({
      ...one,
      labels: { ...one.labels, instance: `máy-chủ-${i}.example.internal:9100` },
      annotations: { summary: `Số ${i} <hỏng> & "quá tải"`, description: "ảnh 🖼️ ".repeat(20) },
      fingerprint: i.toString(16).padStart(16, "0"),
    }));
    expect((await send(body(), notification({ alerts }))).outcome).toBe("delivered");
    const raw = server.received[0].body;
    expect(raw).not.toMatch(/\\ud83d(?!\\udd)/i);
    expect(Buffer.byteLength(raw)).toBeLessThan(name === "http" ? 1_048_576 : 512_000);
  });
});

describe("what is sent", () => {
  it("PagerDuty: an event of the group, with details as JSON", async () => {
    server.answers = [{ status: 202, body: "{}" }];
    await send(`pagerduty_configs:
- routing_key: ${KEY}
  url: "${server.url}/v2/enqueue"
  severity: "{{ .CommonLabels.severity }}"
  class: errors
  details: { shop: "{{ .CommonLabels.tenant_id }}", nested: { list: ["{{ .Status }}"] } }
  links: [{ href: "http://a.example/{{ .CommonLabels.tenant_id }}" }, { href: "{{ .CommonLabels.none }}" }]
  images: [{ src: "http://a.example/x.png", alt: chart }]`);
    expect(server.received[0]).toMatchObject({ method: "POST", path: "/v2/enqueue" });
    expect(sent()).toMatchObject({
      routing_key: KEY,
      dedup_key: HASH,
      event_action: "trigger",
      client: "Storewatch",
      links: [{ href: "http://a.example/acme", text: "http://a.example/acme" }],
      images: [{ src: "http://a.example/x.png", alt: "chart", href: "" }],
      payload: {
        summary: expect.stringContaining("HighErrorRate"),
        source: "Storewatch",
        severity: "critical",
        class: "errors",
        custom_details: {
          shop: "acme",
          nested: { list: ["firing"] },
          num_firing: 1,
          num_resolved: 0,
          firing: [expect.objectContaining({ status: "firing", fingerprint: "0123456789abcdef" })],
        },
      },
    });
    await send(`pagerduty_configs: [{ routing_key: ${KEY}, url: "${server.url}/v2/enqueue" }]`, resolved());
    expect(sent(1)).toMatchObject({ event_action: "resolve", dedup_key: HASH, payload: { severity: "error" } });
  });

  it("PagerDuty: texts of alerts are data, never templates", async () => {
    server.answers = [{ status: 202, body: "{}" }];
    const data = notification({ commonAnnotations: { note: '["{{ .ExternalURL }}"]' } });
    await send(
      `pagerduty_configs: [{ routing_key: ${KEY}, url: "${server.url}/", details: { note: "{{ .CommonAnnotations.note }}" } }]`,
      data,
    );
    expect(sent().payload.custom_details.note).toEqual(["{{ .ExternalURL }}"]);
  });

  it("PagerDuty: an event that is too large goes without its details, and says so", async () => {
    server.answers = [{ status: 202, body: "{}" }];
    await send(
      `pagerduty_configs: [{ routing_key: ${KEY}, url: "${server.url}/", details: { big: "{{ .CommonAnnotations.big }}" } }]`,
      notification({ commonAnnotations: { big: "x".repeat(600_000) } }),
    );
    expect(sent().payload.custom_details).toEqual({ error: expect.stringContaining("512 kB") });
  });

  it("Opsgenie: opens by alias with details, closes by alias, updates when asked to", async () => {
    server.answers = [{ status: 202, body: "{}" }];
    const config = (more = "") => `opsgenie_configs:
- api_key: genie-secret-key
  api_url: "${server.url}/og"
  message: "${"m".repeat(200)}"
  tags: "a, b ,,c"
  priority: P1
  details: { shop: "{{ .CommonLabels.tenant_id }}" }
  responders: [{ type: teams, name: "ops,dev" }, { type: user, username: "{{ .CommonLabels.owner }}" }]${more}`;
    await send(config());
    expect(server.received[0]).toMatchObject({
      path: "/og/v2/alerts",
      headers: { authorization: "GenieKey genie-secret-key" },
    });
    expect(sent()).toMatchObject({
      alias: HASH,
      message: `${"m".repeat(129)}…`,
      tags: ["a", "b", "c"],
      priority: "P1",
      details: { alertname: "HighErrorRate", severity: "critical", tenant_id: "acme", shop: "acme" },
      responders: [
        { type: "team", name: "ops" },
        { type: "team", name: "dev" },
      ],
    });
    await send(config(), resolved());
    expect(server.received[1].path).toBe(`/og/v2/alerts/${HASH}/close?identifierType=alias`);
    expect(Object.keys(sent(1))).toEqual(["source"]);
    await send(config("\n  update_alerts: true"));
    expect(server.received.slice(2).map(({ method, path }) => `${method} ${path}`)).toEqual([
      "POST /og/v2/alerts",
      `PUT /og/v2/alerts/${HASH}/message?identifierType=alias`,
      `PUT /og/v2/alerts/${HASH}/description?identifierType=alias`,
    ]);
  });

  it("VictorOps: key and routing key in the path, recovery at the end, custom fields", async () => {
    const config = `victorops_configs: [{ api_key: victor-secret, routing_key: "{{ .CommonLabels.tenant_id }}/a", message_type: warning, api_url: "${server.url}/alert", custom_fields: { shop: "{{ .CommonLabels.tenant_id }}" } }]`;
    await send(config);
    await send(config, resolved());
    expect(server.received[0].path).toBe("/alert/victor-secret/acme%2Fa");
    expect(sent()).toMatchObject({
      message_type: "WARNING",
      entity_id: HASH,
      monitoring_tool: "Storewatch",
      shop: "acme",
    });
    expect(sent(1).message_type).toBe("RECOVERY");
  });

  it("Pushover: a form, within its bounds, never empty; long HTML loses its markup, not its end tags", async () => {
    server.answers = [{ status: 200, body: '{"status":1}' }];
    await send(
      'pushover_configs: [{ user_key: user-secret, token: token-secret, message: " ", retry: 1s, expire: 10h, ttl: 1h }]',
    );
    const form = new URLSearchParams(server.received[0].body);
    expect(Object.fromEntries(form)).toMatchObject({
      token: "token-secret",
      user: "user-secret",
      message: "(no details)",
      priority: "2",
      retry: "30",
      expire: "10800",
      ttl: "3600",
    });
    expect(server.received[0].path).toBe("/1/messages.json");
    await send(
      `pushover_configs: [{ user_key: user-secret, token: token-secret, html: true, message: "<b>${"x".repeat(1100)}</b>" }]`,
    );
    const long = new URLSearchParams(server.received[1].body);
    expect([long.get("html"), long.get("message")]).toEqual([null, `${"x".repeat(1023)}…`]);
  });

  it("Pushover: a used-up month is final, an error tells the pause it wants", async () => {
    const answer = (status: number, body: string) =>
      pushoverVerdict({ status, headers: {}, body: Buffer.from(body), url: "" });
    expect(answer(429, '{"status":0,"errors":["over limit"]}')).toMatchObject({
      kind: "refused",
      reason: /over limit/,
    });
    expect(answer(500, "")).toMatchObject({ kind: "retry", retryAfterMs: 5000 });
    expect(answer(200, '{"status":0,"errors":["user is invalid"]}')).toMatchObject({ kind: "refused" });
  });

  it("Telegram: escapes what alerts say, keeps the thread, waits as its JSON says", async () => {
    server.answers = [{ status: 200, body: '{"ok":true,"result":{}}' }];
    const config = (more: string) =>
      `telegram_configs: [{ bot_token: "1:AAtoken-secret", chat_id: -1001234567890, api_url: "${server.url}/", ${more} }]`;
    await send(
      config('message_thread_id: 5, disable_notifications: true, message: "<b>{{ .CommonAnnotations.summary }}</b>"'),
    );
    expect(server.received[0].path).toBe("/bot1:AAtoken-secret/sendMessage");
    expect(sent()).toEqual({
      chat_id: -1001234567890,
      text: "<b>Tỷ lệ lỗi cao &lt;acme&gt;</b>",
      parse_mode: "HTML",
      disable_web_page_preview: true,
      disable_notification: true,
      message_thread_id: 5,
    });
    server.answers = [
      {
        status: 429,
        body: '{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":13}}',
      },
    ];
    expect(await send(config("message: x"))).toMatchObject({ outcome: "retry", retryAfterMs: 13_000, limited: true });
  });

  it("Telegram: a text that is too long loses markup and end; markup that it refuses is sent as plain text", async () => {
    server.answers = [{ status: 200, body: '{"ok":true,"result":{}}' }];
    const config = (message: string) =>
      `telegram_configs: [{ bot_token: "1:AAtoken-secret", chat_id: 7, api_url: "${server.url}", message: "${message}" }]`;
    await send(config(`<b>${"&amp;x".repeat(3000)}</b>`));
    expect(sent().text.endsWith("…")).toBe(true);
    expect(sent().text.replaceAll("&amp;", "&")).toHaveLength(4096);
    server.answers = [
      { status: 400, body: `{"ok":false,"description":"Bad Request: can't parse entities: unsupported start tag"}` },
      { status: 200, body: '{"ok":true,"result":{}}' },
    ];
    expect((await send(config("<table>a &lt; b</table>"))).outcome).toBe("delivered");
    expect(sent(2)).toMatchObject({ text: "a < b" });
    expect(sent(2).parse_mode).toBeUndefined();
  });

  it("Discord: one embed in the state's colour; waits for fractions of a second", async () => {
    server.answers = [{ status: 204 }];
    const config = `discord_configs: [{ webhook_url: "${server.url}/api/webhooks/1/s3cret", title: "${"t".repeat(300)}", username: Watch }]`;
    await send(config);
    await send(config, resolved());
    expect(sent()).toMatchObject({
      content: "",
      username: "Watch",
      embeds: [{ title: `${"t".repeat(255)}…`, color: 10038562 }],
    });
    expect(sent(1).embeds[0].color).toBe(0x2ecc71);
    server.answers = [
      { status: 429, body: '{"message":"You are being rate limited.","retry_after":0.645,"global":false}' },
    ];
    expect(await send(config)).toMatchObject({ outcome: "retry", retryAfterMs: 645, limited: true });
  });

  it("Teams: a card of a connector, which answers 200 for what it did not take", async () => {
    server.answers = [{ status: 200, body: "1" }];
    const config = `msteams_configs: [{ webhook_url: "${server.url}/x" }]`;
    await send(config);
    expect(sent()).toMatchObject({
      "@type": "MessageCard",
      themeColor: "8C1A1A",
      title: expect.stringContaining("FIRING"),
    });
    server.answers = [
      {
        status: 200,
        body: "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId",
      },
    ];
    expect(await send(config)).toMatchObject({ outcome: "retry", limited: true });
  });

  it("Teams: an adaptive card of a workflow, at most 28 kB", async () => {
    server.answers = [{ status: 202 }];
    const config = `msteamsv2_configs: [{ webhook_url: "${server.url}/x", text: "{{ .CommonAnnotations.long }}" }]`;
    await send(config, notification({ commonAnnotations: { long: "đ".repeat(40_000) } }));
    expect(Buffer.byteLength(server.received[0].body)).toBeLessThanOrEqual(28 * 1024);
    expect(Buffer.byteLength(server.received[0].body)).toBeGreaterThan(27 * 1024);
    const [{ contentType, contentUrl, content }] = sent().attachments;
    expect([contentType, contentUrl, content.type]).toEqual([
      "application/vnd.microsoft.card.adaptive",
      null,
      "AdaptiveCard",
    ]);
    expect(content.body[0]).toMatchObject({ type: "TextBlock", color: "Attention", weight: "Bolder" });
    expect(content.body[1].text.endsWith("…")).toBe(true);
  });
});

describe("http_configs", () => {
  it("makes any request of templates", async () => {
    await send(`http_configs:
- url: "${server.url}/notify/{{ .CommonLabels.tenant_id | urlquery }}"
  method: put
  headers: { X-Status: "{{ .Status }}", Authorization: "Token abcdefgh" }
  content_type: text/plain
  body: "{{ .Alerts.Firing | len }} firing: {{ .CommonAnnotations.summary }}"`);
    expect(server.received[0]).toMatchObject({
      method: "PUT",
      path: "/notify/acme",
      body: "1 firing: Tỷ lệ lỗi cao <acme>",
      headers: { "x-status": "firing", authorization: "Token abcdefgh", "content-type": "text/plain" },
    });
  });

  it("sends the whole notification as JSON by default", async () => {
    await send(`http_configs: [{ url: "${server.url}/x" }]`);
    expect(sent()).toMatchObject({ receiver: "ops", status: "firing", commonLabels: { tenant_id: "acme" } });
  });

  it("refuses a body that is no JSON before it is sent, and keeps alerts out of headers", async () => {
    const bad = await send(
      `http_configs: [{ url: "${server.url}/x", body: '{"text": "{{ .CommonAnnotations.quote }}"}' }]`,
      notification({ commonAnnotations: { quote: 'say "hi"' } }),
    );
    expect(bad).toMatchObject({ outcome: "failed", reason: expect.stringContaining("toJson") });
    expect(server.received).toHaveLength(0);
    await send(
      `http_configs: [{ url: "${server.url}/x", headers: { X-Text: "{{ .CommonAnnotations.text }}" } }]`,
      notification({ commonAnnotations: { text: "a\r\nX-Evil: 1" } }),
    );
    expect(server.received[0].headers["x-evil"]).toBeUndefined();
    expect(server.received[0].headers["x-text"]).toBe("a X-Evil: 1");
  });

  it("sends no body with GET", async () => {
    await send(`http_configs: [{ url: "${server.url}/ping?s={{ .Status }}", method: GET }]`);
    expect(server.received[0]).toMatchObject({ method: "GET", path: "/ping?s=firing", body: "" });
  });

  it.each([
    ["{}", "one of url or url_file must be configured"],
    ['{ url: "ftp://x/" }', "unsupported scheme"],
    ['{ url: "http://x/{{ .A" }', "unclosed action"],
    ['{ url: "http://x/", method: BREW }', 'unknown method "BREW"'],
    ['{ url: "http://x/", headers: { Host: y } }', "header Host cannot be set here"],
    ['{ url: "http://x/", headers: { "a b": y } }', "is no name of a header"],
    ['{ url: "http://x/", body_template: y }', "unknown key `body_template`"],
  ])("%s is refused: %s", (item, message) => {
    expect(() => integrationsOf(`http_configs: [${item}]`)).toThrow(message);
  });
});

describe("secrets in files", () => {
  const dir = mkdtempSync(path.join(tmpdir(), "storewatch-secrets-"));
  const file = (name: string, text: string) => {
    writeFileSync(path.join(dir, name), `${text}\n`);
    return path.join(dir, name);
  };

  it.each([
    ["pagerduty", () => `pagerduty_configs: [{ routing_key_file: ${file("pd", KEY)}, url: "${server.url}/" }]`, KEY],
    [
      "opsgenie",
      () => `opsgenie_configs: [{ api_key_file: ${file("og", "genie-in-file")}, api_url: "${server.url}" }]`,
      "genie-in-file",
    ],
    [
      "victorops",
      () =>
        `victorops_configs: [{ api_key_file: ${file("vo", "victor-in-file")}, routing_key: a, api_url: "${server.url}/" }]`,
      "victor-in-file",
    ],
    [
      "pushover",
      () =>
        `pushover_configs: [{ user_key_file: ${file("pu", "user-in-file")}, token_file: ${file("pt", "token-in-file")} }]`,
      "token-in-file",
    ],
    [
      "telegram",
      () =>
        `telegram_configs: [{ bot_token_file: ${file("tg", "9:AAin-file")}, chat_id_file: ${file("tc", "-77")}, api_url: "${server.url}" }]`,
      "9:AAin-file",
    ],
    [
      "discord",
      () => `discord_configs: [{ webhook_url_file: ${file("dc", `${server.url}/in-file-url`)} }]`,
      "in-file-url",
    ],
    [
      "msteams",
      () => `msteams_configs: [{ webhook_url_file: ${file("mt", `${server.url}/in-file-url`)} }]`,
      "in-file-url",
    ],
    [
      "msteamsv2",
      () => `msteamsv2_configs: [{ webhook_url_file: ${file("m2", `${server.url}/in-file-url`)} }]`,
      "in-file-url",
    ],
    ["http", () => `http_configs: [{ url_file: ${file("ht", `${server.url}/in-file-url`)} }]`, "in-file-url"],
  ])("%s", async (_, body, secret) => {
    server.answers = [{ status: 200, body: '{"ok":true,"status":1}' }];
    const result = await send(body());
    expect(result.outcome).toBe("delivered");
    const { path: at, headers, body: text } = server.received[0];
    expect(at + JSON.stringify(headers) + text).toContain(secret);
    expect(JSON.stringify(result)).not.toContain(secret);
  });

  it("a file that is missing now may be there at the next try", async () => {
    const result = await send(`discord_configs: [{ webhook_url_file: ${path.join(dir, "none")} }]`);
    expect(result).toMatchObject({ outcome: "retry", reason: expect.stringContaining("could not read") });
  });

  it("a wrong template within a secret is told without the secret", async () => {
    const result = await send(`pagerduty_configs: [{ routing_key: "s3cretkey{{ .Nope", url: "${server.url}/" }]`);
    expect(result).toMatchObject({ outcome: "failed", reason: "failed to template routing_key" });
  });
});
