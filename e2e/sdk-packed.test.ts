// The package as npm packs it, in a folder of its own beside each framework that it supports: types are checked by the
// compiler, and the compiled application runs, once as an ES module and once as CommonJS.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { temporaryDir } from "@storewatch/testkit";
import { beforeAll, describe, expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "..");
const ROOT_MODULES = path.join(ROOT, "node_modules");
const NEST_12 = path.join(ROOT, "examples/shop-nest/node_modules");
const dir = temporaryDir("storewatch-packed-");

/** What each application does once its server listens, and what it prints. The same in all of them. */
const ASK = `
async function ask(url: string) {
  const headers = { "x-tenant-id": "acme" };
  const answer = await (await fetch(url + "/products/7", { headers })).json();
  const statuses = [];
  for (const path of ["/broken", "/nothing", "/health/ready", "/health"])
    statuses.push((await fetch(url + path, { headers })).status);
  const text = await sw.metrics.text();
  console.log("RESULT " + JSON.stringify({ answer, statuses, failed, text }));
}
`;
const SETUP = `
import { Registry } from "prom-client";
import { currentContext, memoryCheck, storewatch, type Storewatch, type StorewatchOptions } from "@storewatch/sdk";
const options: StorewatchOptions = {
  service: "shop", version: "1.2.3", metrics: { defaults: false, registry: new Registry() }, shutdown: { noticeMs: 0 },
};
const sw: Storewatch = storewatch(options);
sw.health.check("memory", memoryCheck(), { critical: false });
const failed: string[] = [];
sw.hooks.on("requestFailed", ({ error }) => failed.push((error as Error).message));
`;
const EXPRESS = `${SETUP}${ASK}
import express from "express";
import { storewatchErrors, storewatchExpress } from "@storewatch/sdk/express";
import type { AddressInfo } from "node:net";
const app = express();
app.use(storewatchExpress(sw));
app.get("/products/:id", (request, response) => {
  sw.business.trackOrderCreated({ status: "paid", currency: "VND", total: 5 });
  response.json({ tenant: currentContext()?.tenantId, id: request.params.id });
});
app.get("/broken", () => { throw new Error("broken"); });
app.use(storewatchErrors(sw));
const answers: express.ErrorRequestHandler = (_error, _request, response, _next) => { response.status(500).json({}); };
app.use(answers);
const server = app.listen(0, "127.0.0.1", () => {
  void ask("http://127.0.0.1:" + (server.address() as AddressInfo).port).then(() => sw.shutdown());
});
sw.stopping.server(server);
`;
const FASTIFY = `${SETUP}${ASK}
import Fastify from "fastify";
import { storewatchFastify } from "@storewatch/sdk/fastify";
async function main() {
  const app = Fastify();
  await app.register(storewatchFastify(sw));
  app.get<{ Params: { id: string } }>("/products/:id", async (request) => {
    sw.business.trackOrderCreated({ status: "paid", currency: "VND", total: 5 });
    return { tenant: currentContext()?.tenantId, id: request.params.id };
  });
  app.get("/broken", async () => { throw new Error("broken"); });
  await ask(await app.listen({ port: 0, host: "127.0.0.1" }));
  await app.close();
}
void main();
`;
const nest = (adapter: boolean) => `import "reflect-metadata";${SETUP}${ASK}
import { Controller, Get, Inject, Module, Param, UseGuards } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
${adapter ? 'import { FastifyAdapter } from "@nestjs/platform-fastify";' : ""}
import { BusinessMetricsService, PROMETHEUS_REGISTRY, StorewatchModule, TenantGuard } from "@storewatch/sdk/nest";
@Controller()
class Products {
  constructor(
    private readonly business: BusinessMetricsService,
    @Inject(PROMETHEUS_REGISTRY) private readonly registry: Registry,
  ) {}
  @Get("products/:id")
  @UseGuards(TenantGuard)
  one(@Param("id") id: string) {
    if (this.registry !== sw.metrics.registry) throw new Error("another registry");
    this.business.trackOrderCreated({ status: "paid", currency: "VND", total: 5 });
    return { tenant: currentContext()?.tenantId, id };
  }
  @Get("broken")
  broken() { throw new Error("broken"); }
}
@Module({ imports: [StorewatchModule.forRoot(sw)], controllers: [Products] })
class App {}
async function main() {
  const app = await NestFactory.create(App, ${adapter ? "new FastifyAdapter(), " : ""}{ logger: false });
  await app.listen(0, "127.0.0.1");
  await ask(await app.getUrl());
  await app.close();
}
void main();
`;

/** The entries that are no framework, against a receiver that says which paths it was asked. */
const ENTRIES = `${SETUP}
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import { pino } from "pino";
import { Tracked, trackPerformance } from "@storewatch/sdk";
import { startBrowser } from "@storewatch/sdk/browser";
import { connectTracing, startTracing } from "@storewatch/sdk/otel";
import { createPino } from "@storewatch/sdk/pino";
import { connectSentry, initSentry } from "@storewatch/sdk/sentry";
import * as compat from "@storewatch/sdk/sentry-compat";
import { createLogger } from "@storewatch/sdk/winston";

const asked = new Set<string>();
const receiver = createServer((request, response) => {
  asked.add(request.url!.split("?")[0]!);
  request.resume().on("end", () => response.end("{}"));
});
const lines: string[] = [];
const stream = new Writable({ write(chunk, _encoding, done) { lines.push(String(chunk)); done(); } });
class Payments {
  @Tracked("pay") async pay() { return "paid"; }
}
async function main() {
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const { port } = receiver.address() as AddressInfo;
  const endpoint = "http://127.0.0.1:" + port;
  const tracing = startTracing({ endpoint, service: "shop", sampleRate: 1 });
  const sentry = initSentry({ dsn: "http://key@127.0.0.1:" + port + "/1", service: "shop", tracesSampleRate: false });
  connectSentry(sw);
  connectTracing(sw);
  const logger = createLogger(sw, { console: "json", stream });
  const other = createPino(sw, pino, {}, stream);
  const paid = await sw.context.run({ tenantId: "acme" }, async () => {
    logger.info("by winston", { password: "hunter2" });
    other.info({ password: "hunter2" }, "by pino");
    sw.requestFailed(new Error("broken"), undefined);
    return trackPerformance("checkout", () => new Payments().pay());
  });
  await sw.shutdown();
  await sentry?.close(2000);
  receiver.close();
  receiver.closeAllConnections();
  const kinds = [typeof startBrowser, typeof compat.init, typeof compat.Handlers.requestHandler, typeof tracing, typeof sentry];
  console.log("RESULT " + JSON.stringify({ paid, failed, lines, kinds, asked: [...asked].sort() }));
  process.exit(0);
}
void main();
`;

interface Framework {
  readonly source: string;
  /** Name in the application's node_modules → where it is linked from. */
  readonly links: Readonly<Record<string, string>>;
  /** The package whose version is the one that this row is about. */
  readonly about: string;
  readonly version: RegExp;
}

const root = (name: string) => path.join(ROOT_MODULES, name);
const rooted = (...names: string[]) => Object.fromEntries(names.map((name) => [name, root(name)]));
const nest12 = (...names: string[]) => Object.fromEntries(names.map((name) => [name, path.join(NEST_12, name)]));
const FRAMEWORKS: Readonly<Record<string, Framework>> = {
  "Express 4": {
    source: EXPRESS,
    links: { express: root("express4"), ...rooted("@types/express") },
    about: "express",
    version: /^4\./,
  },
  "Express 5": { source: EXPRESS, links: rooted("express", "@types/express"), about: "express", version: /^5\./ },
  "Fastify 5": { source: FASTIFY, links: rooted("fastify"), about: "fastify", version: /^5\./ },
  "NestJS 11 on Express": {
    source: nest(false),
    links: rooted("@nestjs/common", "@nestjs/core", "@nestjs/platform-express", "rxjs", "reflect-metadata"),
    about: "@nestjs/core",
    version: /^11\./,
  },
  "NestJS 11 on Fastify": {
    source: nest(true),
    links: rooted("@nestjs/common", "@nestjs/core", "@nestjs/platform-fastify", "rxjs", "reflect-metadata"),
    about: "@nestjs/core",
    version: /^11\./,
  },
  "NestJS 12 on Express": {
    source: nest(false),
    links: {
      ...nest12("@nestjs/common", "@nestjs/core", "@nestjs/platform-express"),
      ...rooted("rxjs", "reflect-metadata"),
    },
    about: "@nestjs/core",
    version: /^12\./,
  },
};

let unpacked = "";
beforeAll(() => {
  const packed = execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", dir], {
    cwd: path.join(ROOT, "packages/sdk"),
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  expect(packed).toContain("storewatch-sdk");
  const tarball = readdirSync(dir).find((name) => name.endsWith(".tgz"))!;
  execFileSync("tar", ["-xzf", tarball], { cwd: dir });
  unpacked = path.join(dir, "package");
}, 60_000);

function link(modules: string, name: string, target: string): void {
  const at = path.join(modules, name);
  mkdirSync(path.dirname(at), { recursive: true });
  symlinkSync(target, at);
}

/** An application's folder: the package itself, not a link to it, so that it finds its peers where the application's are. */
function layout(name: string, { source, links }: Pick<Framework, "source" | "links">): string {
  const app = path.join(dir, name.replaceAll(" ", "-"));
  const modules = path.join(app, "node_modules");
  cpSync(unpacked, path.join(modules, "@storewatch/sdk"), { recursive: true });
  for (const [to, from] of Object.entries({ ...links, ...rooted("prom-client", "@types/node") }))
    link(modules, to, from);
  writeFileSync(path.join(app, "esm.mts"), source);
  writeFileSync(path.join(app, "commonjs.cts"), source);
  writeFileSync(path.join(app, "package.json"), '{ "name": "app", "private": true }');
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023"],
    module: "nodenext",
    moduleResolution: "nodenext",
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
  };
  writeFileSync(path.join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.mts", "*.cts"] }));
  return app;
}

/** What an application printed when it was done. */
function resultOf<T>(app: string, file: string): T {
  const line = run([file], app)
    .split("\n")
    .find((text) => text.startsWith("RESULT "));
  return JSON.parse(line!.slice("RESULT ".length)) as T;
}

function run(command: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd, encoding: "utf8", timeout: 60_000 });
  if (status !== 0) throw new Error(`${command.join(" ")} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

describe.each(Object.entries(FRAMEWORKS))("%s", (name, framework) => {
  let app = "";
  test("types are right for an ES module and for CommonJS (moduleResolution nodenext)", () => {
    app = layout(name, framework);
    const about = path.join(app, "node_modules", framework.about, "package.json");
    expect((JSON.parse(readFileSync(about, "utf8")) as { version: string }).version).toMatch(framework.version);
    run([root("typescript/bin/tsc"), "-p", "."], app);
    expect(readFileSync(path.join(app, "commonjs.cjs"), "utf8")).toContain('require("@storewatch/sdk")');
    expect(readFileSync(path.join(app, "esm.mjs"), "utf8")).toContain('from "@storewatch/sdk"');
  });

  test.each(["esm.mjs", "commonjs.cjs"])("%s: requests, tenant, orders, errors and health", (file) => {
    const result = resultOf<Record<string, unknown> & { text: string }>(app, file);
    expect(result.answer).toEqual({ tenant: "acme", id: "7" });
    expect(result.statuses).toEqual([500, 404, 200, 200]);
    expect(result.failed).toEqual(["broken"]);
    const lines = result.text.split("\n");
    const counted = (route: string, status: number) =>
      `http_requests_total{method="GET",route="${route}",status_code="${status}",tenant_id="acme"} 1`;
    expect(lines).toContain(counted("/products/:id", 200));
    expect(lines).toContain(counted("/broken", 500));
    expect(lines).toContain(counted("unmatched", 404));
    expect(lines).toContain('orders_total{tenant_id="acme",status="paid"} 1');
    expect(lines).toContain('service_build_info{service="shop",version="1.2.3",environment="development"} 1');
  });
});

describe("loggers, error tracker, tracer and browser", () => {
  let app = "";
  test("types are right for an ES module and for CommonJS", () => {
    const links = rooted(
      "@opentelemetry",
      "@sentry",
      "pino",
      "winston",
      "winston-daily-rotate-file",
      "winston-transport",
    );
    app = layout("entries", { source: ENTRIES, links });
    run([root("typescript/bin/tsc"), "-p", "."], app);
  });

  test.each(["esm.mjs", "commonjs.cjs"])("%s: lines without secrets, an error and a trace are sent", (file) => {
    const result = resultOf<{ lines: string[]; asked: string[]; kinds: string[]; failed: string[]; paid: string }>(
      app,
      file,
    );
    expect(result.paid).toBe("paid");
    expect(result.failed).toEqual(["broken"]);
    expect(result.kinds).toEqual(["function", "function", "function", "object", "object"]);
    expect(result.asked).toEqual(["/api/1/envelope/", "/v1/traces"]);
    const logged = result.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const fields = logged.map((line) => [line.message ?? line.msg, line.tenantId ?? line.tenant_id]);
    expect(fields).toEqual(
      expect.arrayContaining([
        ["by winston", "acme"],
        ["by pino", "acme"],
      ]),
    );
    expect(result.lines.join("")).not.toContain("hunter2");
  });
});
