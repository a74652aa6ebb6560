import { request as httpRequest } from "node:http";
import { FakeClock } from "@storewatch/testkit";
import fc from "fast-check";
import type { FastifyPluginAsync } from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { sessionOfCookies, tokenOfAuthorization } from "../auth/credentials.ts";
import { StorewatchError } from "../kernel/errors.ts";
import { openMetadataStore } from "../store/meta/sqlite-store.ts";
import { ROLES } from "../tenant/principal.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "./testing/test-server.ts";

const running: TestServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

async function start(options?: TestServerOptions): Promise<TestServer> {
  const made = await startTestServer(openMetadataStore, options);
  running.push(made);
  return made;
}

/** A route of each kind. */
const sampleRoutes: FastifyPluginAsync = async (app) => {
  app.get("/api/v1/open", { config: { access: "open" } }, async () => "ok");
  app.get("/api/v1/read", async () => "ok");
  app.post("/api/v1/change", async (request) => ({ body: request.body ?? null }));
  app.get("/api/v1/admin", { config: { access: "admin" } }, async () => "ok");
  app.post("/api/v1/write", { config: { access: "ingest" } }, async () => "ok");
  app.get("/federate", { config: { access: "scrape" } }, async (request) => {
    const { scope } = request.principal;
    return scope.kind === "all" ? "all" : [...scope.ids];
  });
  app.get("/api/v1/broken", async () => {
    throw new Error("secret detail");
  });
  app.get("/api/storewatch/v1/limited", async () => {
    throw new StorewatchError("LIMIT", { reason: "too much", seconds: 3 });
  });
  app.get("/api/v2/limited", async () => {
    throw new StorewatchError("LIMIT", { reason: "too much", seconds: 3 });
  });
};

describe("access", () => {
  const kinds = {
    open: "/api/v1/open",
    viewer: "/api/v1/read",
    editor: "/api/v1/change",
    admin: "/api/v1/admin",
  } as const;
  const more = { ingest: "/api/v1/write", scrape: "/federate" } as const;
  const urls = { ...kinds, ...more };
  const may: Readonly<Record<string, readonly (keyof typeof urls)[]>> = {
    nobody: ["open"],
    admin: ["open", "viewer", "editor", "admin", "ingest", "scrape"],
    editor: ["open", "viewer", "editor", "scrape"],
    viewer: ["open", "viewer", "scrape"],
    ingest: ["open", "ingest"],
    scrape: ["open", "scrape"],
    "admin of a shop": ["open", "viewer", "editor", "ingest", "scrape"],
  };

  test("every role gets what it may, and nothing else", async () => {
    const { server, bearer } = await start({ routes: [sampleRoutes] });
    for (const [who, allowed] of Object.entries(may)) {
      const role = ROLES.find((known) => known === who.split(" ")[0]);
      const headers = role ? await bearer(role, who.includes("shop") ? ["acme"] : null) : {};
      for (const [kind, url] of Object.entries(urls) as Array<[keyof typeof urls, string]>) {
        const method = kind === "editor" || kind === "ingest" ? "POST" : "GET";
        const { statusCode } = await server.app.inject({ method, url, headers });
        const expected = allowed.includes(kind) ? 200 : role ? 403 : 401;
        expect(statusCode, `${who} asks for ${kind}`).toBe(expected);
      }
    }
  });

  test("only the paths of the contract are open", async () => {
    const { server } = await start();
    const open = ["/", "/health", "/health/live", "/health/ready", "/health/startup", "/-/healthy", "/-/ready"];
    for (const url of open) expect((await server.app.inject(url)).statusCode, url).toBe(200);
    const closed = ["/metrics", "/api/storewatch/v1/session", "/api/storewatch/v1/users", "/api/storewatch/v1/tokens"];
    for (const url of [...closed, "/api/storewatch/v1/openapi.json", "/api/storewatch/v1/stream"]) {
      expect((await server.app.inject(url)).statusCode, url).toBe(401);
    }
    expect((await server.app.inject({ method: "POST", url: "/-/reload" })).statusCode).toBe(401);
  });

  test("the token may come as Bearer or as the password of Basic; a wrong one is no anonymous request", async () => {
    const { server, bearer } = await start({ routes: [sampleRoutes], anonymous: "viewer" });
    const token = (await bearer("viewer")).authorization.slice(7);
    const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
    const ask = async (authorization?: string) =>
      (await server.app.inject({ url: "/api/v1/read", headers: authorization === undefined ? {} : { authorization } }))
        .statusCode;
    expect(await ask(`Bearer ${token}`)).toBe(200);
    expect(await ask(`bearer ${token}`)).toBe(200);
    expect(await ask(basic(`anyone:${token}`))).toBe(200);
    expect(await ask(basic(`:${token}`))).toBe(200);
    expect(await ask()).toBe(200);
    for (const bad of [
      "Bearer",
      `Bearer ${token}x`,
      basic(token),
      basic(`${token}:`),
      "Digest x",
      `Bearer ${token} x`,
    ]) {
      expect(await ask(bad), bad).toBe(401);
    }
  });

  test("a token bound to shops carries them, and sees no metrics of the platform", async () => {
    const { server, bearer } = await start({ routes: [sampleRoutes] });
    const headers = await bearer("scrape", ["acme", "beta"]);
    expect((await server.app.inject({ url: "/federate", headers })).json()).toEqual(["acme", "beta"]);
    expect((await server.app.inject({ url: "/metrics", headers })).statusCode).toBe(403);
    const metrics = await server.app.inject({ url: "/metrics", headers: await bearer("scrape") });
    expect(metrics.body).toContain('storewatch_build_info{version="0.0.0"');
    expect(metrics.body).toContain("process_cpu_seconds_total");
  });

  test("anonymous viewers read; they change nothing and see nothing of users", async () => {
    const { server } = await start({ routes: [sampleRoutes], anonymous: "viewer" });
    expect((await server.app.inject("/api/v1/read")).statusCode).toBe(200);
    expect((await server.app.inject({ method: "POST", url: "/api/v1/change" })).statusCode).toBe(403);
    expect((await server.app.inject("/api/storewatch/v1/users")).statusCode).toBe(403);
    expect((await server.app.inject("/api/storewatch/v1/session")).json()).toMatchObject({
      name: "anonymous",
      role: "viewer",
    });
  });
});

describe("sign-in", () => {
  const session = "/api/storewatch/v1/session";
  const cookieOf = (header: unknown) => String(header).split(";")[0];

  test("a user signs in with a password, gets a strict cookie, and out again", async () => {
    const { server, bearer } = await start({ routes: [sampleRoutes] });
    const headers = await bearer("admin");
    const payload = { name: "An", password: "correct horse", role: "viewer", tenants: ["acme"] };
    const made = await server.app.inject({ method: "POST", url: "/api/storewatch/v1/users", headers, payload });
    expect(made.statusCode).toBe(201);
    expect(made.body).not.toContain("argon2");
    const wrong = await server.app.inject({ method: "POST", url: session, payload: { user: "An", password: "wrong" } });
    expect([wrong.statusCode, wrong.headers["set-cookie"]]).toEqual([401, undefined]);
    const right = await server.app.inject({
      method: "POST",
      url: session,
      payload: { user: "An", password: "correct horse" },
    });
    expect(right.json()).toEqual({ name: "An", role: "viewer", tenants: ["acme"], demo: false, version: "0.0.0" });
    expect(right.headers["set-cookie"]).toMatch(
      /^storewatch_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800$/,
    );
    const cookie = cookieOf(right.headers["set-cookie"]);
    expect(
      (await server.app.inject({ url: session, headers: { cookie: `a=b; ${cookie}; c=d` } })).json(),
    ).toMatchObject({ name: "An" });
    const out = await server.app.inject({ method: "DELETE", url: session, headers: { cookie } });
    expect([out.statusCode, out.headers["set-cookie"]]).toEqual([204, expect.stringContaining("Max-Age=0")]);
    expect((await server.app.inject({ url: session, headers: { cookie } })).statusCode).toBe(401);
  });

  test("deleting a user or a token ends its sessions at once", async () => {
    const { server, bearer, auth } = await start();
    const admin = await bearer("admin");
    const viewer = await bearer("viewer");
    const signedIn = await server.app.inject({
      method: "POST",
      url: session,
      payload: { token: viewer.authorization.slice(7) },
    });
    const cookie = cookieOf(signedIn.headers["set-cookie"]);
    expect((await server.app.inject({ url: session, headers: { cookie } })).statusCode).toBe(200);
    const id = (await auth.tokens()).find((token) => token.role === "viewer")!.id;
    const url = `/api/storewatch/v1/tokens/${id}`;
    expect((await server.app.inject({ method: "DELETE", url, headers: admin })).statusCode).toBe(204);
    expect((await server.app.inject({ url: session, headers: { cookie } })).statusCode).toBe(401);
    expect((await server.app.inject({ url: session, headers: viewer })).statusCode).toBe(401);
    expect((await server.app.inject({ method: "DELETE", url, headers: admin })).statusCode).toBe(404);
  });

  test("tokens of machines open no session, and a token is shown once", async () => {
    const { server, bearer } = await start();
    const ingest = await bearer("ingest");
    expect(
      (await server.app.inject({ method: "POST", url: session, payload: { token: ingest.authorization.slice(7) } }))
        .statusCode,
    ).toBe(401);
    const headers = await bearer("admin");
    const url = "/api/storewatch/v1/tokens";
    const made = await server.app.inject({
      method: "POST",
      url,
      headers,
      payload: { name: "ci", role: "ingest", tenants: ["acme"] },
    });
    expect(made.json()).toMatchObject({
      name: "ci",
      role: "ingest",
      tenants: ["acme"],
      token: expect.stringMatching(/^swt_[\w-]{43}$/),
    });
    const list = await server.app.inject({ url, headers });
    expect(list.body).not.toContain(made.json().token);
    expect(list.body).not.toContain("hash");
  });

  test("guessing is braked by address, and time opens the brake", async () => {
    const clock = new FakeClock(1e12);
    const { server, bearer } = await start({ clock });
    const guess = () => server.app.inject({ method: "POST", url: session, payload: { token: "nope" } });
    for (let i = 0; i < 10; i++) expect((await guess()).statusCode).toBe(401);
    const stopped = await guess();
    expect([stopped.statusCode, stopped.headers["retry-after"]]).toEqual([429, "6"]);
    const token = (await bearer("viewer")).authorization.slice(7);
    const right = () => server.app.inject({ method: "POST", url: session, payload: { token } });
    expect((await right()).statusCode).toBe(429);
    await clock.advance(6000);
    expect((await right()).statusCode).toBe(200);
  });

  test("a sign-in link works once, for ten minutes, and leaves a clean address", async () => {
    const clock = new FakeClock(1e12);
    const { server, auth } = await start({ clock });
    const token = await auth.createSignInLink();
    expect((await server.app.inject({ method: "HEAD", url: `/?token=${token}` })).statusCode).toBe(200);
    const first = await server.app.inject(`/?token=${token}`);
    expect([first.statusCode, first.headers.location]).toEqual([303, "/"]);
    const cookie = cookieOf(first.headers["set-cookie"]);
    expect((await server.app.inject({ url: session, headers: { cookie } })).json()).toMatchObject({
      role: "admin",
      tenants: null,
    });
    const second = await server.app.inject(`/?token=${token}`);
    expect([second.statusCode, second.headers.location, second.headers["set-cookie"]]).toEqual([
      303,
      "/?link=used",
      undefined,
    ]);
    const late = await auth.createSignInLink();
    await clock.advance(600_000);
    expect((await server.app.inject(`/?token=${late}`)).headers.location).toBe("/?link=used");
  });
});

describe("browser safety", () => {
  test("the Host header must name this server", async () => {
    const { server } = await start({
      listen: { host: "10.1.2.3", port: 0 },
      allowedHosts: ["watch.example"],
      externalUrl: "https://Public.example/x",
    });
    const ask = async (host: string) => (await server.app.inject({ url: "/health", headers: { host } })).statusCode;
    for (const host of [
      "10.1.2.3:9700",
      "localhost",
      "127.0.0.1:1",
      "[::1]:9700",
      "WATCH.example",
      "watch.example.:80",
      "public.example",
    ]) {
      expect(await ask(host), host).toBe(200);
    }
    for (const host of [
      "evil.example",
      "10.1.2.4",
      "watch.example.evil",
      "localhost.evil",
      "a@localhost",
      "localhost:x",
      "[::1",
    ]) {
      expect(await ask(host), host).toBe(403);
    }
  });

  test("on all interfaces the address that the connection came in on is this server", async () => {
    const { server } = await start({ listen: { host: "0.0.0.0", port: 0 } });
    const { port } = await server.start();
    const ask = (host: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        httpRequest({ host: "127.0.0.1", port, path: "/health", headers: { host }, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on("error", reject)
          .end();
      });
    expect(await ask(`127.0.0.1:${port}`)).toBe(200);
    expect(await ask("10.9.8.7")).toBe(403);
    expect(await ask("rebound.example")).toBe(403);
  });

  test("changes by cookie or anonymously need the same origin; tokens do not", async () => {
    const { server, bearer, auth } = await start({ routes: [sampleRoutes], anonymous: "admin" });
    const signedIn = await server.app.inject(`/?token=${await auth.createSignInLink()}`);
    const cookie = String(signedIn.headers["set-cookie"]).split(";")[0];
    const post = async (headers: Record<string, string>) =>
      (
        await server.app.inject({
          method: "POST",
          url: "/api/v1/change",
          headers: { host: "localhost:9700", ...headers },
        })
      ).statusCode;
    for (const who of [{ cookie }, {}] as ReadonlyArray<Record<string, string>>) {
      expect(await post({ ...who, origin: "http://localhost:9700" })).toBe(200);
      expect(await post({ ...who, "sec-fetch-site": "same-origin" })).toBe(200);
      expect(await post({ ...who })).toBe(200);
      for (const origin of ["http://evil.example", "http://localhost:9701", "null", "x"])
        expect(await post({ ...who, origin }), origin).toBe(403);
      expect(await post({ ...who, "sec-fetch-site": "cross-site" })).toBe(403);
      expect(await post({ ...who, "sec-fetch-site": "same-site", origin: "http://localhost:9700" })).toBe(403);
    }
    expect(await post({ ...(await bearer("editor")), origin: "http://evil.example" })).toBe(200);
    const signIn = { method: "POST", url: "/api/storewatch/v1/session", payload: { token: "x" } } as const;
    expect((await server.app.inject({ ...signIn, headers: { origin: "http://evil.example" } })).statusCode).toBe(403);
  });

  test("answers carry a strict policy and are not cached", async () => {
    const { server, bearer } = await start({ routes: [sampleRoutes] });
    const { headers } = await server.app.inject({
      url: "/api/v1/read",
      headers: { ...(await bearer("viewer")), "x-request-id": "abc-1" },
    });
    expect(headers["content-security-policy"]).toMatch(
      /default-src 'none'; script-src 'self';.*frame-ancestors 'none'/,
    );
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      "x-request-id": "abc-1",
    });
    expect(
      (await server.app.inject({ url: "/health", headers: { "x-request-id": "a\tb" } })).headers["x-request-id"],
    ).not.toBe("a\tb");
  });
});

describe("errors", () => {
  test("come in the form of the protocol, with a hint and without inner details", async () => {
    const { server, bearer } = await start({ routes: [sampleRoutes] });
    const headers = await bearer("viewer");
    const prometheus = await server.app.inject("/api/v1/read");
    expect(prometheus.json()).toMatchObject({
      status: "error",
      errorType: "unauthorized",
      error: expect.stringContaining("credential"),
    });
    expect(prometheus.headers["www-authenticate"]).toBe('Bearer realm="storewatch"');
    const broken = await server.app.inject({ url: "/api/v1/broken", headers });
    expect([broken.statusCode, broken.json().errorType]).toEqual([500, "internal"]);
    expect(broken.body).not.toContain("secret detail");
    const own = await server.app.inject({ url: "/api/storewatch/v1/limited", headers });
    expect(own.json()).toEqual({ error: { code: "LIMIT", message: "too much", hint: "try again in 3 s" } });
    expect(own.headers["retry-after"]).toBe("3");
    expect((await server.app.inject({ url: "/api/v2/limited", headers })).json()).toBe("too much: try again in 3 s");
    expect((await server.app.inject("/metrics")).headers["content-type"]).toMatch(/^text\/plain/);
    expect((await server.app.inject("/api/v1/nothing?token=x")).json()).toMatchObject({
      errorType: "not_found",
      error: "there is no GET /api/v1/nothing",
    });
  });

  test("bad bodies are told by field; empty JSON bodies are none", async () => {
    const { server, bearer } = await start({ routes: [sampleRoutes] });
    const headers = await bearer("admin");
    const post = (url: string, payload: string | object, type = "application/json") =>
      server.app.inject({ method: "POST", url, headers: { ...headers, "content-type": type }, payload });
    const bad = await post("/api/storewatch/v1/users", { name: "x", password: "short", role: "king" });
    expect(bad.statusCode).toBe(400);
    expect(bad.json().error.message).toMatch(/password.*at least 8 characters.*role/);
    expect((await post("/api/storewatch/v1/users", "{")).statusCode).toBe(400);
    expect((await post("/api/storewatch/v1/users", "x", "text/csv")).statusCode).toBe(415);
    expect((await post("/api/storewatch/v1/users", `"${"x".repeat(1024 * 1024)}"`)).statusCode).toBe(413);
    const tooLarge = await post("/api/v1/change", `"${"x".repeat(1024 * 1024)}"`);
    expect([tooLarge.statusCode, tooLarge.json().errorType]).toEqual([413, "bad_data"]);
    const undecodable = await server.app.inject({ url: "/api/v1/label/%ff/values", headers });
    expect([undecodable.statusCode, undecodable.json().errorType]).toEqual([400, "bad_data"]);
    expect(undecodable.headers["x-content-type-options"]).toBe("nosniff");
    expect((await post("/api/v1/change", "")).json()).toEqual({ body: null });
    expect((await post("/api/v1/change", '{"__proto__":{"a":1}}')).statusCode).toBe(400);
  });

  test("random Authorization and Cookie headers never break the server (fuzz)", async () => {
    const { server } = await start({ routes: [sampleRoutes] });
    const text = fc.oneof(
      fc.string({ maxLength: 2000 }),
      fc.base64String().map((t) => `Basic ${t}`),
      fc.string().map((t) => `storewatch_session=${t}`),
    );
    await fc.assert(
      fc.asyncProperty(text, text, async (authorization, cookie) => {
        tokenOfAuthorization(authorization);
        sessionOfCookies(cookie);
        const clean = (value: string) => value.replace(/[^ -~]/g, "");
        const withToken = { authorization: clean(authorization), cookie: clean(cookie) };
        const answer = await server.app.inject({ url: "/api/v1/read", headers: withToken });
        expect(answer.statusCode).toBe(401);
        expect((await server.app.inject({ url: "/api/v1/read", headers: { cookie: clean(cookie) } })).statusCode).toBe(
          401,
        );
      }),
      { numRuns: 150 },
    );
  });
});

describe("operations", () => {
  test("probes tell the state by status and word only", async () => {
    const { server, health } = await start();
    const ask = async (url: string) => {
      const { statusCode, body } = await server.app.inject(url);
      return [statusCode, body];
    };
    health.state = { started: false, ready: false, degraded: false };
    expect(await ask("/health")).toEqual([503, '{"status":"starting"}']);
    expect((await ask("/health/live"))[0]).toBe(200);
    expect((await ask("/health/startup"))[0]).toBe(503);
    expect((await ask("/health/ready"))[0]).toBe(503);
    expect(await ask("/-/ready")).toEqual([503, "Service Unavailable"]);
    health.state = { started: true, ready: true, degraded: true };
    expect(await ask("/health")).toEqual([200, '{"status":"degraded"}']);
    expect(await ask("/-/healthy")).toEqual([200, "Prometheus Server is Healthy.\n"]);
  });

  test("a reload that fails says why, in plain text", async () => {
    let fails = true;
    const reload = async () => {
      if (fails) throw new Error("rules.yml:3:1: no");
    };
    const { server, bearer } = await start({ reload });
    const post = async () => server.app.inject({ method: "POST", url: "/-/reload", headers: await bearer("admin") });
    const failed = await post();
    expect([failed.statusCode, failed.body]).toEqual([500, "the configuration was not reloaded: rules.yml:3:1: no\n"]);
    fails = false;
    expect((await post()).statusCode).toBe(200);
  });

  test("OpenAPI describes our own routes, from their schemas", async () => {
    const { server, bearer } = await start({ routes: [sampleRoutes] });
    const document = (
      await server.app.inject({ url: "/api/storewatch/v1/openapi.json", headers: await bearer("viewer") })
    ).json();
    const shape = z.object({ openapi: z.string(), paths: z.record(z.string(), z.record(z.string(), z.unknown())) });
    const { openapi, paths } = shape.parse(document);
    expect(openapi).toMatch(/^3\.1/);
    expect(Object.keys(paths)).toContain("/api/storewatch/v1/users/{id}");
    expect(Object.keys(paths).filter((path) => !path.startsWith("/api/storewatch/v1/"))).toEqual([]);
    expect(JSON.stringify(paths["/api/storewatch/v1/users"])).toContain("minLength");
  });

  test("a taken port is one clear error", async () => {
    const first = await start();
    const { port } = await first.server.start();
    const second = await start({ listen: { host: "127.0.0.1", port } });
    await expect(second.server.start()).rejects.toThrow(`127.0.0.1:${port} is in use by another program`);
  });
});
