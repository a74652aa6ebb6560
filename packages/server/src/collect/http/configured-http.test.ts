// Proxies and OAuth, as scrapes use them, against servers in this process.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http, { type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../kernel/clock.ts";
import { silentLogger } from "../../kernel/logger.ts";
import { type Collector, createCollector } from "../collector.ts";
import { fileSources, loadPrometheusConfig } from "../prometheus-config.ts";
import { FakeStore } from "../testing/fake-store.ts";
import { TargetServer } from "../testing/target-server.ts";

const TESTDATA = path.join(import.meta.dirname, "..", "testdata");
const tls = {
  cert: readFileSync(path.join(TESTDATA, "localhost.crt")),
  key: readFileSync(path.join(TESTDATA, "localhost.key")),
};

/** A forward proxy: tunnels and absolute requests, both noted. */
class ForwardProxy {
  readonly seen: string[] = [];
  readonly tunnelHeaders: http.IncomingHttpHeaders[] = [];
  private readonly sockets = new Set<Socket>();
  private server!: Server;

  static async start(): Promise<ForwardProxy> {
    const proxy = new ForwardProxy();
    proxy.server = http.createServer((request, response) => {
      proxy.seen.push(`${request.method} ${request.url}`);
      const onward = http.request(request.url ?? "", { headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on("error", () => response.writeHead(502).end());
      onward.end();
    });
    proxy.server.on("connect", (request: http.IncomingMessage, socket: Socket) => {
      proxy.seen.push(`CONNECT ${request.url}`);
      proxy.tunnelHeaders.push(request.headers);
      const [host, port] = (request.url ?? "").split(":");
      const onward = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        onward.pipe(socket).pipe(onward);
      });
      for (const one of [socket, onward]) {
        proxy.sockets.add(one);
        one.on("error", () => one.destroy());
      }
    });
    await new Promise<void>((resolve) => proxy.server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

let dir: string;
let target: TargetServer;
let store: FakeStore;
let collector: Collector | undefined;

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), "collect-http-"));
  target = await TargetServer.start();
  target.page = "a 1\n";
  store = new FakeStore();
});

afterEach(async () => {
  await collector?.stop();
  collector = undefined;
  await target.stop();
  rmSync(dir, { recursive: true });
});

function start(lines: string, environment: Record<string, string> = {}, address = target.address): void {
  const file = path.join(dir, "prometheus.yml");
  const job = `static_configs: [{ targets: ['${address}'] }]\n${lines}`.replace(/^/gm, "    ");
  writeFileSync(file, `global: { scrape_interval: 100ms }\nscrape_configs:\n  - job_name: j\n${job}\n`);
  collector = createCollector({
    store,
    config: loadPrometheusConfig(file, fileSources(environment)),
    clock: systemClock,
    logger: silentLogger,
    metrics: new Registry(),
  });
  collector.start();
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 10 });
const health = () => collector!.board.active()[0]?.health;

describe("proxies", () => {
  let proxy: ForwardProxy;
  beforeEach(async () => {
    proxy = await ForwardProxy.start();
  });
  afterEach(() => proxy.stop());

  test("a page goes by the proxy, gzip and limits as ever", async () => {
    start(`proxy_url: ${proxy.url}\nbody_size_limit: 1KB`);
    await until(() => expect(health()).toBe("up"));
    expect(proxy.seen[0]).toBe(`GET http://${target.address}/metrics`);
    expect(target.requests[0].headers["x-prometheus-scrape-timeout-seconds"]).toBe("0.1");
    expect(store.find("")[0].last(`a{instance="${target.address}", job="j"}`)).toBe(1);
    target.page = `${"# x\n".repeat(1000)}a 1\n`;
    await until(() => expect(collector!.board.active()[0].lastError).toContain("body size limit exceeded"));
    target.answer = (_, response) => response.writeHead(404).end();
    await until(() => expect(collector!.board.active()[0].lastError).toContain("HTTP status 404"));
  });

  test("https goes through a tunnel, with the headers that are for the proxy only", async () => {
    const secure = await TargetServer.start(tls);
    const address = `127.0.0.1:${secure.port}`;
    start(
      `scheme: https\ntls_config: { ca_file: ${path.join(TESTDATA, "localhost.crt")}, server_name: localhost }\n` +
        `proxy_url: ${proxy.url}\nproxy_connect_header: { X-Tenant: [acme] }`,
      {},
      address,
    );
    await until(() => expect(health()).toBe("up"));
    expect(proxy.seen[0]).toBe(`CONNECT ${address}`);
    expect(proxy.tunnelHeaders[0]["x-tenant"]).toBe("acme");
    expect(secure.requests[0].headers["x-tenant"]).toBeUndefined();
    await collector?.stop();
    collector = undefined;
    await secure.stop();
  });

  test("no_proxy and NO_PROXY exempt, the environment's proxy is used where the job says so", async () => {
    start(`proxy_url: ${proxy.url}\nno_proxy: 127.0.0.0/8`);
    await until(() => expect(health()).toBe("up"));
    expect(proxy.seen).toEqual([]);
    await collector?.stop();
    start("proxy_from_environment: true", { HTTP_PROXY: proxy.url, NO_PROXY: "other.example" });
    await until(() => expect(health()).toBe("up"));
    expect(proxy.seen.length).toBeGreaterThan(0);
    await collector?.stop();
    proxy.seen.length = 0;
    start("", { HTTP_PROXY: proxy.url });
    await until(() => expect(health()).toBe("up"));
    expect(proxy.seen).toEqual([]);
  });
});

describe("OAuth client credentials", () => {
  let tokens: TargetServer;
  let asked: Array<{ readonly authorization: string | undefined; readonly body: string }>;
  let lifeSeconds: number;

  beforeEach(async () => {
    asked = [];
    lifeSeconds = 3600;
    tokens = await TargetServer.start();
    tokens.answer = (request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        asked.push({ authorization: request.headers.authorization, body: Buffer.concat(parts).toString() });
        response.setHeader("content-type", "application/json");
        const token = { access_token: `t${asked.length}`, token_type: "bearer", expires_in: lifeSeconds };
        response.end(JSON.stringify(token));
      });
    };
    writeFileSync(path.join(dir, "secret"), "s3cret\n");
  });
  afterEach(() => tokens.stop());

  const section = () =>
    `oauth2:\n  client_id: shop\n  client_secret_file: secret\n  token_url: http://${tokens.address}/token\n` +
    `  scopes: [metrics, read]\n  endpoint_params: { audience: prod }`;
  const bearer = () => target.requests.at(-1)?.headers.authorization;

  test("one token for many scrapes, asked for with scopes, parameters and the secret of a file", async () => {
    start(section());
    await until(() => expect(target.requests.length).toBeGreaterThan(3));
    expect(bearer()).toBe("Bearer t1");
    expect(asked).toHaveLength(1);
    expect(asked[0].authorization).toBe(`Basic ${Buffer.from("shop:s3cret").toString("base64")}`);
    expect(Object.fromEntries(new URLSearchParams(asked[0].body))).toEqual({
      grant_type: "client_credentials",
      scope: "metrics read",
      audience: "prod",
    });
  });

  test("renewed before its end, and at once when the target refuses it", async () => {
    lifeSeconds = 0.3;
    start(section());
    await until(() => expect(asked.length).toBeGreaterThan(2));
    lifeSeconds = 3600;
    await until(() => expect(bearer()).toBe(`Bearer t${asked.length}`));
    await new Promise((resolve) => setTimeout(resolve, 400));
    const before = asked.length;
    const refused = bearer();
    target.answer = (request, response) => {
      if (request.headers.authorization === refused) response.writeHead(401).end();
      else response.end("a 2\n");
    };
    await until(() => expect(store.find("")[0].last(`a{instance="${target.address}", job="j"}`)).toBe(2));
    expect(asked.length).toBe(before + 1);
  });

  test("without a token there is no scrape, and the reason is shown", async () => {
    tokens.answer = (_, response) => response.writeHead(500).end("no");
    start(section());
    await until(() => expect(collector!.board.active()[0].lastError).toContain("the token server answered 500"));
    expect(target.requests).toHaveLength(0);
  });

  test("a token server that hangs costs no more than the scrape's own time", async () => {
    tokens.answer = () => {};
    start(section());
    await until(() => expect(collector!.board.active()[0].lastError).toContain("scrape timeout of 0.1 s"));
  });
});
