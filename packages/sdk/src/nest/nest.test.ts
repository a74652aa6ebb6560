import "reflect-metadata";
import { once } from "node:events";
import type { INestApplication, Provider } from "@nestjs/common";
import {
  Controller,
  Get,
  HttpException,
  Inject,
  Injectable,
  Module,
  NotFoundException,
  Param,
  UseGuards,
} from "@nestjs/common";
import { APP_FILTER, ExternalContextCreator, NestFactory } from "@nestjs/core";
import { ExecutionContextHost } from "@nestjs/core/helpers/execution-context-host.js";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import type { Registry } from "prom-client";
import { Observable } from "rxjs";
import { afterEach, describe, expect, test } from "vitest";
import { currentContext, storewatch } from "../index.ts";
import { requestLogger } from "../logs/request-logger.ts";
import {
  BusinessMetricsService,
  HealthService,
  MetricsAuthGuard,
  PerformanceService,
  PROMETHEUS_REGISTRY,
  STOREWATCH,
  StorewatchExceptionFilter,
  StorewatchModule,
  TenantGuard,
} from "./index.ts";

const apps: INestApplication[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

/** The document's service: the registry by its token, and the SDK's service beside it. */
class Shop {
  constructor(
    readonly registry: Registry,
    readonly business: BusinessMetricsService,
    readonly performance: PerformanceService,
    readonly health: HealthService,
  ) {}
}
decorate(Shop, [PROMETHEUS_REGISTRY, BusinessMetricsService, PerformanceService, HealthService]);
Injectable()(Shop);

class Orders {
  constructor(private readonly shop: Shop) {}
  async create(id: string) {
    if (id === "missing") throw new NotFoundException();
    if (id === "broken") throw new Error("database is away");
    if (id === "teapot") throw new HttpException("teapot", 418);
    this.shop.business.trackOrderCreated({ status: "paid", currency: "VND", total: 50_000 });
    await this.shop.performance.timeQuery("SELECT 1", () => Promise.resolve());
    return { tenant: currentContext()?.tenantId };
  }
  own() {
    return "secret";
  }
  guarded() {
    return "never";
  }
}
decorate(Orders, [Shop]);
Controller("shops/:shop/orders")(Orders);
method(Orders, "create", Get(":id"), UseGuards(TenantGuard));
Param("id")(Orders.prototype, "create", 0);
method(Orders, "own", Get("own/metrics"), UseGuards(new MetricsAuthGuard({ bearer: "s3cret" })));
const brokenGuard = {
  canActivate() {
    throw new Error("the session store is away");
  },
};
method(Orders, "guarded", Get("guarded/door"), UseGuards(brokenGuard));

/** Decorators as functions: what a compiler makes of `@Inject(token)` on constructor parameters. */
function decorate(target: abstract new (...args: never[]) => object, tokens: readonly unknown[]): void {
  tokens.forEach((token, i) => {
    Inject(token as never)(target, undefined, i);
  });
}
function method(target: { prototype: object }, name: string, ...decorators: MethodDecorator[]): void {
  const descriptor = Object.getOwnPropertyDescriptor(target.prototype, name)!;
  for (const apply of decorators) apply(target.prototype, name, descriptor);
}

const sw = () =>
  storewatch({ service: "shop", metrics: { defaults: false }, tenant: { from: [{ path: "/api/shops/:tenant" }] } });

async function start(imports: unknown[], fastify: boolean, providers: Provider[] = []) {
  class App {}
  Module({ imports: imports as never[], controllers: [Orders], providers: [Shop, ...providers] })(App);
  const app = fastify
    ? await NestFactory.create(App, new FastifyAdapter(), { logger: false })
    : await NestFactory.create(App, { logger: false });
  apps.push(app);
  app.setGlobalPrefix("api");
  await app.listen(0, "127.0.0.1");
  return { app, url: await app.getUrl() };
}

describe.each([
  ["NestJS 11 on Express", false],
  ["NestJS 11 on Fastify", true],
])("%s", (_name, fastify) => {
  test("the request logger writes its two lines and returns the request's id", async () => {
    const monitoring = sw();
    const lines: unknown[][] = [];
    const say = (level: string) => (message: string, fields?: object) => lines.push([level, message, fields]);
    requestLogger(monitoring, { info: say("info"), warn: say("warn"), error: say("error") });
    const { url } = await start([StorewatchModule.forRoot(monitoring)], fastify);
    const response = await fetch(`${url}/api/shops/acme/orders/missing?pin=1`, { headers: { "x-request-id": "r1" } });
    await response.text();
    expect(response.headers.get("x-request-id")).toBe("r1");
    const own = { requestId: "r1", tenantId: "acme", url: "/api/shops/acme/orders/missing?pin=[redacted]" };
    const answer = { ...own, statusCode: 404, route: "/api/shops/:shop/orders/:id" };
    await expect
      .poll(() => lines)
      .toEqual([
        ["info", "HTTP Request", expect.objectContaining(own)],
        ["warn", "HTTP Response", expect.objectContaining(answer)],
      ]);
  });

  test("module, services, guards: requests, orders and errors are told under the route's template", async () => {
    const monitoring = sw();
    const failed: unknown[] = [];
    monitoring.hooks.on("requestFailed", ({ error }) => failed.push((error as Error).message));
    const { url } = await start([StorewatchModule.forRoot(monitoring)], fastify);
    expect(await (await fetch(`${url}/api/shops/acme/orders/7`)).json()).toEqual({ tenant: "acme" });
    for (const [id, status] of [
      ["missing", 404],
      ["broken", 500],
      ["teapot", 418],
    ] as const)
      expect((await fetch(`${url}/api/shops/acme/orders/${id}`)).status).toBe(status);
    // The path source takes no such id, so the guard refuses.
    expect((await fetch(`${url}/api/shops/--/orders/1`)).status).toBe(400);
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
    const text = await monitoring.metrics.text();
    const route = 'method="GET",route="/api/shops/:shop/orders/:id"';
    for (const status of [200, 404, 500, 418])
      expect(text).toContain(`http_requests_total{${route},status_code="${status}",tenant_id="acme"} 1\n`);
    expect(text).toContain('route="unmatched",status_code="404",tenant_id="unknown"} 1');
    expect(text).toContain('orders_total{tenant_id="acme",status="paid"} 1');
    expect(text).toContain('revenue_total{tenant_id="acme",currency="VND"} 50000');
    // Answers below 500 are answers.
    expect(failed).toEqual(["database is away"]);
  });

  test("with the filter, what guards throw is told as well; what a handler throws is told once", async () => {
    const monitoring = sw();
    const failed: unknown[] = [];
    monitoring.hooks.on("requestFailed", ({ error }) => failed.push((error as Error).message));
    const filter = { provide: APP_FILTER, useClass: StorewatchExceptionFilter };
    const { url } = await start([StorewatchModule.forRoot(monitoring)], fastify, [filter]);
    const statuses: number[] = [];
    for (const path of ["acme/orders/broken", "acme/orders/guarded/door", "acme/orders/missing"])
      statuses.push((await fetch(`${url}/api/shops/${path}`)).status);
    expect(statuses).toEqual([500, 500, 404]);
    expect(failed).toEqual(["database is away", "the session store is away"]);
  });

  test("the exception filter leaves what is no HTTP request to Nest's own handling", () => {
    const monitoring = sw();
    const failed: unknown[] = [];
    monitoring.hooks.on("requestFailed", ({ error }) => failed.push(error));
    const host = new ExecutionContextHost([{ order: 7 }, {}]);
    host.setType("rpc");
    const error = new Error("the broker is away");
    expect(new StorewatchExceptionFilter(monitoring).catch(error, host)).toBeUndefined();
    expect(failed).toEqual([error]);
  });

  test("health and the guard for metrics", async () => {
    const { url } = await start([StorewatchModule.forRoot(sw())], fastify);
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    const own = `${url}/api/shops/acme/orders/own/metrics`;
    expect((await fetch(own)).status).toBe(401);
    expect(await (await fetch(own, { headers: { authorization: "Bearer s3cret" } })).text()).toBe("secret");
  });

  test("options may come from other providers; the module works without an HTTP server too", async () => {
    class Config {
      service = "from-config";
    }
    class ConfigModule {}
    Module({ providers: [Config], exports: [Config] })(ConfigModule);
    const asyncModule = StorewatchModule.forRootAsync({
      imports: [ConfigModule],
      inject: [Config],
      useFactory: async (config: Config) => ({ service: config.service, metrics: { defaults: false } }),
    });
    const { app } = await start([asyncModule], fastify);
    expect(app.get(STOREWATCH).service).toBe("from-config");
    class Worker {}
    Module({ imports: [StorewatchModule.forRoot(sw())] })(Worker);
    const worker = await NestFactory.createApplicationContext(Worker, { logger: false });
    expect(worker.get(BusinessMetricsService)).toBe(worker.get(STOREWATCH).business);
    await worker.close();
  });

  test("closing turns readiness off first", async () => {
    const monitoring = sw();
    const { app } = await start([StorewatchModule.forRoot(monitoring)], fastify);
    const closed = once(app.getHttpServer(), "close");
    await app.close();
    await closed;
    expect((await monitoring.health.ready()).body).toEqual({ status: "stopping" });
    apps.length = 0;
  });
});

describe("message handlers", () => {
  /** Handlers as Nest's transports call them: through guards, pipes and the application's interceptors. */
  class Mails {
    async send(message: { shop?: string; fail?: boolean }) {
      currentContext()!.tenantId = message.shop;
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (message.fail) throw new Error("mail server is away");
      return currentContext()?.tenantId;
    }
    stream() {
      return new Observable<number>((subscriber) => {
        for (const value of [1, 2, 3]) subscriber.next(value);
        subscriber.complete();
      });
    }
  }
  Controller()(Mails);

  async function handlers(monitoring: ReturnType<typeof sw>) {
    class Worker {}
    Module({ imports: [StorewatchModule.forRoot(monitoring)], controllers: [Mails] })(Worker);
    const app = await NestFactory.create(Worker, { logger: false });
    apps.push(app);
    await app.init();
    const mails = app.get(Mails);
    const creator = app.get(ExternalContextCreator);
    const handler = (name: "send" | "stream") =>
      creator.create(mails, mails[name] as never, name, undefined, undefined, undefined, undefined, undefined, "rpc");
    return { send: handler("send"), stream: handler("stream") };
  }

  test("count as requests by their name, with the tenant that they set; failures reach the listeners", async () => {
    const monitoring = sw();
    const failed: unknown[] = [];
    monitoring.hooks.on("requestFailed", ({ error, context }) =>
      failed.push([(error as Error).message, context?.tenantId]),
    );
    const { send, stream } = await handlers(monitoring);
    // Side by side, so that one message's tenant could leak into another's.
    expect(await Promise.all([send({ shop: "acme" }), send({ shop: "globex" }), send({})])).toEqual([
      "acme",
      "globex",
      undefined,
    ]);
    await expect(send({ shop: "acme", fail: true })).rejects.toThrow("mail server is away");
    expect(await stream()).toBe(3);
    const text = await monitoring.metrics.text();
    const line = (handler: string, status: number, tenant: string) =>
      `http_requests_total{method="MESSAGE",route="Mails.${handler}",status_code="${status}",tenant_id="${tenant}"} 1\n`;
    for (const tenant of ["acme", "globex", "unknown"]) expect(text).toContain(line("send", 200, tenant));
    expect(text).toContain(line("send", 500, "acme"));
    expect(text).toContain(line("stream", 200, "unknown"));
    expect(failed).toEqual([["mail server is away", "acme"]]);
  });

  test("keep the context that a transport made, and measure how long they take", async () => {
    const monitoring = sw();
    const { send } = await handlers(monitoring);
    const context = await monitoring.context.run({ tenantId: "acme", requestId: "message-7" }, async () => {
      await send({ shop: "acme" });
      return currentContext();
    });
    expect(context).toMatchObject({ requestId: "message-7", tenantId: "acme" });
    const text = await monitoring.metrics.text();
    const labels = 'method="MESSAGE",route="Mails.send",tenant_id="acme"';
    expect(text).toContain(`http_request_duration_seconds_count{${labels}} 1\n`);
    const sum = /http_request_duration_seconds_sum\{method="MESSAGE"[^}]*\} (\S+)/.exec(text)?.[1];
    expect(Number(sum)).toBeGreaterThan(0.001);
  });
});
