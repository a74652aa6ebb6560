import { ALL_TENANTS, parseTenantId, type TenantScope, tenantScope } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import Fastify from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { createMemoryPersistence } from "../alerts/interface.ts";
import { StorewatchError } from "../kernel/errors.ts";
import { silentLogger } from "../kernel/logger.ts";
import type { SafeHttpRequest } from "../kernel/safe-http.ts";
import { createNotifier, loadTemplates, receiverRoutes } from "./index.ts";
import { integrationsOf, START_MS } from "./testing/notification.ts";

const OWN = "/api/storewatch/v1/receivers";

async function setUp(answer: (request: SafeHttpRequest) => number) {
  const clock = new FakeClock(START_MS);
  const asked: SafeHttpRequest[] = [];
  const notifier = createNotifier({
    clock,
    rng: () => 0,
    logger: silentLogger,
    metrics: new Registry(),
    persistence: createMemoryPersistence(),
    async http(request) {
      asked.push(request);
      return { status: answer(request), headers: {}, body: Buffer.from(`echo ${request.url}`), url: request.url };
    },
  });
  const integrations = integrationsOf(`webhook_configs: [{ url: "http://a.example/hook-secret" }]
discord_configs: [{ webhook_url: "http://b.example/discord-secret" }]
webex_configs: [{ room_id: r, http_config: { authorization: { credentials: webex-secret } } }]`);
  const templates = await loadTemplates([], { nowMs: () => clock.nowMs() });
  const [webhook] = notifier.deliveries({ name: "ops", labels: {}, integrations }, templates);
  let scope: TenantScope = ALL_TENANTS;
  const app = Fastify();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.decorateRequest("principal");
  app.addHook("onRequest", async (request) => {
    request.principal = { name: "test", role: "editor", scope, via: "token" };
  });
  app.setErrorHandler((error, _, reply) =>
    error instanceof StorewatchError
      ? reply.code(error.status).send({ code: error.code, retryAfter: error.retryAfterSeconds })
      : reply.code(400).send({ message: String(error) }),
  );
  await app.register(receiverRoutes({ notifier, clock, externalUrl: "http://watch.example" }));
  return {
    app,
    clock,
    notifier,
    asked,
    webhook,
    as: (next: TenantScope) => {
      scope = next;
    },
    test: (body?: object, name = "ops") =>
      app.inject({ method: "POST", url: `${OWN}/${name}/test`, ...(body && { payload: body }) }),
  };
}

describe("receivers", () => {
  it("are listed with where they go and how they fare, without secrets", async () => {
    const { app, clock } = await setUp(() => 200);
    const { receivers } = (await app.inject(OWN)).json();
    expect(receivers).toMatchObject([
      {
        name: "ops",
        integrations: [
          { integration: "webhook[0]", target: "POST http://a.example/<secret>", health: "unknown", lastSuccess: null },
          { integration: "discord[0]", target: "Discord at http://b.example/<secret>" },
          { integration: "webex[0]", health: "unsupported" },
        ],
      },
    ]);
    await clock.advance(0);
  });

  it("are tested by their own integrations; the results and the log show request and answer, masked", async () => {
    const { app, asked, notifier, test } = await setUp(({ url }) => (url.includes("b.example") ? 404 : 200));
    const { results } = (await test()).json();
    expect(results).toMatchObject([
      { integration: "webhook[0]", outcome: "delivered", answer: "200 echo <secret>" },
      { integration: "discord[0]", outcome: "failed", reason: "unexpected status code 404: echo <secret>" },
      { integration: "webex[0]", outcome: "failed", reason: "webex_configs is not in this version" },
    ]);
    expect(asked).toHaveLength(2);
    expect(String(asked[0].body)).toContain("Nothing is wrong");
    const log = notifier.log.list(ALL_TENANTS, { limit: 10 });
    expect(log).toHaveLength(3);
    expect(log.every((entry) => entry.test && entry.tenants.length === 0)).toBe(true);
    const acme = parseTenantId("acme")!;
    expect(notifier.log.list(tenantScope([acme]), { limit: 10 })).toEqual([]);
    expect(JSON.stringify([results, log, (await app.inject(OWN)).json()])).not.toMatch(/(hook|discord|webex)-secret/);
  });

  it("can be tested one integration at a time, and as resolved", async () => {
    const { asked, test } = await setUp(() => 200);
    expect((await test({ integration: "discord[0]", status: "resolved" })).json().results).toHaveLength(1);
    expect(JSON.parse(String(asked[0].body)).embeds[0].title).toContain("RESOLVED");
    expect((await test({ integration: "slack[9]" })).statusCode).toBe(404);
    expect((await test({}, "nobody")).statusCode).toBe(404);
    expect((await test({ integrations: "x" })).statusCode).toBe(400);
  });

  it("are tested a few times in a row only", async () => {
    const { clock, test } = await setUp(() => 200);
    const codes: number[] = [];
    for (let i = 0; i < 4; i++) codes.push((await test()).statusCode);
    expect(codes).toEqual([200, 200, 200, 429]);
    expect((await test()).json()).toMatchObject({ code: "LIMIT" });
    await clock.advance(30_000);
    expect((await test()).statusCode).toBe(200);
  });

  it("are none of a single shop's business", async () => {
    const { app, as, test, asked } = await setUp(() => 200);
    as(tenantScope([parseTenantId("acme")!]));
    expect((await app.inject(OWN)).statusCode).toBe(403);
    expect((await test()).statusCode).toBe(403);
    expect(asked).toEqual([]);
  });

  it("that did not answer are closed again by a test that arrives", async () => {
    let status = 500;
    const { app, clock, webhook, test, notifier } = await setUp(() => status);
    const { notification } = await import("./testing/notification.ts");
    const controller = new AbortController();
    const done = webhook.deliver({ data: notification(), arrivedAtMs: undefined }, controller.signal);
    await clock.advance(9_000);
    const before = (await app.inject(OWN)).json().receivers[0].integrations[0];
    expect(before).toMatchObject({
      health: "failing",
      breaker: { state: "open", failuresInARow: 5 },
      counts: { waiting: 1 },
    });
    status = 200;
    await test({ integration: "webhook[0]" });
    expect(await done).toMatchObject({ delivered: false, again: true });
    expect((await notifier.receivers())[0].integrations[0]).toMatchObject({
      health: "ok",
      breaker: { state: "closed" },
    });
  });
});
