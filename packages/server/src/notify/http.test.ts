// http_config against real servers: OAuth 2, proxies, secrets.
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { FakeClock } from "@storewatch/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../kernel/clock.ts";
import { createSafeHttp } from "../kernel/safe-http.ts";
import { loadTemplates } from "./index.ts";
import { proxyFor } from "./proxy.ts";
import { createIntegration } from "./registry.ts";
import { integrationsOf, notification, START_MS } from "./testing/notification.ts";
import { type FakeServer, startFakeServer } from "./testing/server.ts";

let hook: FakeServer;
let tokens: FakeServer;
const http = createSafeHttp();

beforeAll(async () => {
  hook = await startFakeServer();
  tokens = await startFakeServer();
});
afterAll(async () => {
  await http.close();
  hook.close();
  tokens.close();
});
afterEach(() => {
  for (const server of [hook, tokens]) {
    server.received.length = 0;
    server.answers = [];
  }
});

async function integration(httpConfig: string, url = `${hook.url}/hook`, clock = systemClock) {
  const [config] = integrationsOf(`webhook_configs:\n- url: "${url}"\n  http_config: ${httpConfig}`);
  const templates = await loadTemplates([], { nowMs: () => START_MS });
  const made = createIntegration(config, { clock, http: http.request, templates });
  return { send: () => made.send(notification(), AbortSignal.timeout(5000)) };
}

const oauth = (more = "") =>
  `{ oauth2: { client_id: "me@x", client_secret: client-s3cret, token_url: "${tokens.url}/token", scopes: [a, b], endpoint_params: { audience: x }${more} } }`;
const token = (text: string, seconds = 3600) => ({
  status: 200,
  body: JSON.stringify({ access_token: text, token_type: "bearer", expires_in: seconds }),
});

describe("oauth2", () => {
  it("gets a token once, uses it until shortly before its end, and shows it nowhere", async () => {
    const clock = new FakeClock(0);
    const { send } = await integration(oauth(), undefined, clock);
    tokens.answers = [token("token-number-1"), token("token-number-2")];
    hook.answers = [{ status: 200, body: "you are token-number-1 with client-s3cret" }];
    const [first, second] = [await send(), await send()];
    expect([first.outcome, second.outcome]).toEqual(["delivered", "delivered"]);
    expect(JSON.stringify([first, second])).not.toMatch(/token-number|client-s3cret/);
    expect(tokens.received).toHaveLength(1);
    expect(tokens.received[0].headers.authorization).toBe(`Basic ${btoa("me%40x:client-s3cret")}`);
    expect(Object.fromEntries(new URLSearchParams(tokens.received[0].body))).toEqual({
      grant_type: "client_credentials",
      scope: "a b",
      audience: "x",
    });
    await clock.advance(3_591_000);
    await send();
    expect(hook.received.map((r) => r.headers.authorization)).toEqual([
      "Bearer token-number-1",
      "Bearer token-number-1",
      "Bearer token-number-2",
    ]);
  });

  it("gets another when its token is refused", async () => {
    const { send } = await integration(oauth());
    tokens.answers = [token("first-token"), token("second-token")];
    hook.answers = [{ status: 401 }, { status: 200 }];
    expect((await send()).outcome).toBe("delivered");
    expect(hook.received.map((r) => r.headers.authorization)).toEqual(["Bearer first-token", "Bearer second-token"]);
  });

  it("sends the credentials in the body where the server wants them there", async () => {
    const { send } = await integration(oauth());
    tokens.answers = [{ status: 401, body: '{"error":"invalid_client"}' }, token("body-token")];
    expect((await send()).outcome).toBe("delivered");
    expect(Object.fromEntries(new URLSearchParams(tokens.received[1].body))).toMatchObject({
      client_id: "me@x",
      client_secret: "client-s3cret",
    });
  });

  it.each([
    [{ status: 500, body: "client-s3cret" }],
    [{ status: 200, body: "<html>client-s3cret" }],
    [{ status: 200, body: "{}" }],
  ])("tries again later when there is no token: %o", async (answer) => {
    const { send } = await integration(oauth());
    tokens.answers = [answer];
    const result = await send();
    expect(result).toMatchObject({ outcome: "retry", reason: expect.stringContaining("without a token") });
    expect(JSON.stringify(result)).not.toContain("s3cret");
    expect(hook.received).toHaveLength(0);
  });

  it.each([
    ['{ oauth2: { token_url: "http://x/" } }', "oauth2 client_id must be configured"],
    ["{ oauth2: { client_id: a } }", "oauth2 token_url must be configured"],
    ['{ oauth2: { client_id: a, token_url: "http://x/" }, bearer_token: b }', "at most one of"],
  ])("%s is refused", (config, message) => {
    expect(() => integrationsOf(`webhook_configs: [{ url: "http://x/", http_config: ${config} }]`)).toThrow(message);
  });
});

describe("proxies", () => {
  let proxy: Server;
  let proxyUrl: string;
  const seen: string[] = [];

  beforeAll(async () => {
    proxy = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"] ?? ""}`);
      response.end("by the proxy");
    });
    proxy.on("connect", (request, socket) => {
      seen.push(`CONNECT ${request.url} ${request.headers["x-proxy"] ?? ""}`);
      const { port } = new URL(hook.url);
      const onward = connect(Number(port), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        onward.pipe(socket).pipe(onward);
      });
      onward.on("error", () => socket.destroy());
      socket.on("error", () => onward.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  afterEach(() => {
    seen.length = 0;
  });

  it("asks http by absolute requests, with the proxy's credentials, for names only the proxy knows", async () => {
    const { send } = await integration(
      `{ proxy_url: "${proxyUrl.replace("//", "//user:proxy-s3cret@")}" }`,
      "http://inside.example/hook",
    );
    const result = await send();
    expect(result.outcome).toBe("delivered");
    expect(seen).toEqual([`POST http://inside.example/hook Basic ${btoa("user:proxy-s3cret")}`]);
    expect(JSON.stringify(result)).not.toContain("s3cret");
  });

  it("asks https through a tunnel", async () => {
    const { send } = await integration(
      `{ proxy_url: "${proxyUrl}", proxy_connect_header: { X-Proxy: [hello] } }`,
      "https://inside.example/hook",
    );
    // What is behind the tunnel speaks no TLS, which shows that nothing goes in the clear.
    expect((await send()).outcome).toBe("retry");
    expect(seen).toEqual(["CONNECT inside.example:443 hello"]);
    expect(hook.received).toHaveLength(0);
  });

  it("asks directly what no_proxy names", async () => {
    const { send } = await integration(`{ proxy_url: "${proxyUrl}", no_proxy: "10.0.0.0/8, 127.0.0.0/8" }`);
    expect((await send()).outcome).toBe("delivered");
    expect([seen.length, hook.received.length]).toEqual([0, 1]);
  });

  it("says of a proxy that cannot be used that it cannot", async () => {
    const { send } = await integration('{ proxy_url: "socks5://127.0.0.1:1080" }');
    expect(await send()).toMatchObject({
      outcome: "failed",
      reason: expect.stringContaining("proxy_url cannot be used"),
    });
  });

  it("refuses the metadata service as a proxy", async () => {
    const { send } = await integration('{ proxy_url: "http://169.254.169.254/" }');
    expect(await send()).toMatchObject({ outcome: "failed", reason: expect.stringContaining("metadata") });
  });

  it.each([
    ["example.org", "http://example.org/", true],
    ["example.org", "http://a.example.org/", true],
    ["example.org", "http://badexample.org/", false],
    [".example.org", "http://example.org/", false],
    [".example.org", "http://a.example.org/", true],
    ["example.org:8080", "http://example.org:8080/", true],
    ["example.org:8080", "http://example.org/", false],
    ["10.0.0.0/8", "http://10.2.3.4/", true],
    ["10.0.0.0/8", "http://11.2.3.4/", false],
    ["::1", "http://[::1]/", true],
    ["*", "https://anything/", true],
  ])("no_proxy %s and %s: direct %s", (rule, url, isDirect) => {
    const [config] = integrationsOf(
      `webhook_configs: [{ url: "http://x/", http_config: { proxy_url: "http://p/", no_proxy: "${rule}" } }]`,
    );
    if (config.kind !== "webhook" || !config.http.proxy) throw new Error("no proxy");
    expect(proxyFor(config.http.proxy, url) === undefined).toBe(isDirect);
  });
});
