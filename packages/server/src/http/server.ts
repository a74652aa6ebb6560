// The one HTTP port: listener, access, errors, the features' routes, the web app.
import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Server as TlsServer } from "node:tls";
import { type Clock, sleep } from "@storewatch/model";
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { type Auth, defaultAccess } from "../auth/index.ts";
import { formatListenAddress, isLoopbackHost, type ListenAddress } from "../config/listen-address.ts";
import { StorewatchError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";
import { randomSecret } from "../kernel/rng.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";
import type { Access } from "../tenant/principal.ts";
import { guardAccess } from "./access.ts";
import { createHostCheck, SECURITY_HEADERS } from "./browser-guard.ts";
import { createErrorHandler } from "./errors.ts";
import { addOpenApi } from "./openapi.ts";
import { measureRequests } from "./request-metrics.ts";
import { createStaticUi } from "./static-ui.ts";
import type { StreamHub } from "./stream.ts";
import { readTlsPair, type TlsFiles, type TlsPair, watchTls } from "./tls.ts";
import { serveUi } from "./ui-route.ts";

export interface HttpServerOptions {
  readonly listen: ListenAddress;
  /** Further ports that answer in the same way. */
  readonly alsoListen?: readonly ListenAddress[];
  readonly tls?: TlsFiles;
  readonly allowedHosts: readonly string[];
  readonly externalUrl?: string;
  readonly auth: Auth;
  /** Routes of people and their tools: JSON, zod schemas, security headers. */
  readonly routes: readonly FastifyPluginAsync[];
  /** Routes of machines that send much: no hooks but access; they bring their own body parsers and limits. */
  readonly ingestRoutes?: readonly FastifyPluginAsync[];
  /** The built web app. */
  readonly uiDir?: string;
  readonly hub: StreamHub;
  readonly metrics: SelfMetrics;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly version: string;
}

/** A path and who may ask it: what docs/reference/http-api.md is made from. */
export interface ServedRoute {
  readonly method: string;
  readonly path: string;
  readonly access: Access;
}

export interface HttpServer {
  /** For inject() in tests. */
  readonly app: FastifyInstance;
  /** In the order of their registration; HEAD, which follows from GET, is left out. */
  readonly routes: readonly ServedRoute[];
  /** Throws PORT_TAKEN, LISTEN_FAILED. */
  start(): Promise<HttpAddress>;
  /** Stops listening, ends live connections, lets running requests end for at most 4 s. */
  stop(): Promise<void>;
}

export interface HttpAddress {
  readonly host: string;
  /** The real one, when 0 was asked for. */
  readonly port: number;
  /** How to reach it from this machine, without a slash at the end. */
  readonly url: string;
}

const BODY_LIMIT_BYTES = 1024 * 1024;
const HEADERS_LIMIT_BYTES = 16 * 1024;
const REQUEST_TIMEOUT_MS = 120_000;
/** Who sends a header bit by bit to hold connections is cut off after this. */
const HEADERS_TIMEOUT_MS = 15_000;
const CHECK_EVERY_MS = 5000;
const CONNECTIONS_MAX = 10_000;
const DRAIN_MS = 4000;
const SERVER = {
  maxHeaderSize: HEADERS_LIMIT_BYTES,
  headersTimeout: HEADERS_TIMEOUT_MS,
  connectionsCheckingInterval: CHECK_EVERY_MS,
};

/** Throws TLS_FILES. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const pair = options.tls && readTlsPair(options.tls);
  const app = createFastify(pair, options.logger);
  const routes = collectRoutes(app);
  app.setErrorHandler(createErrorHandler(options.logger));
  measureRequests(app, options.metrics, options.clock, options.logger);
  guardAccess(app, {
    auth: options.auth,
    isOwnHost: createHostCheck({ ...options, externalUrl: options.externalUrl }),
  });
  for (const routes of options.ingestRoutes ?? []) app.register(routes);
  app.register((scope) => addPeopleScope(scope, options));
  await app.ready();
  return new Listener(app, routes, options, pair);
}

function collectRoutes(app: FastifyInstance): readonly ServedRoute[] {
  const routes: ServedRoute[] = [];
  app.addHook("onRoute", ({ method, url, config }) => {
    for (const name of [method].flat()) {
      if (name !== "HEAD") routes.push({ method: name, path: url, access: config?.access ?? defaultAccess(name) });
    }
  });
  return routes;
}

/**
 * For every scope. Fastify's own compilers would be loaded and set up for nothing: 50 ms and 3 MB of a start. Its types
 * know JSON schemas only.
 */
const COMPILERS = {
  buildValidator: () => validatorCompiler,
  buildSerializer: () => serializerCompiler,
} as unknown as NonNullable<FastifyServerOptions["schemaController"]>["compilersFactory"];

function createFastify(pair: TlsPair | undefined, logger: Logger): FastifyInstance {
  const sendError = createErrorHandler(logger);
  const shared = {
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: "idle",
    genReqId: requestId,
    routerOptions: { maxParamLength: 500 },
    schemaController: { compilersFactory: COMPILERS },
    // A path that cannot be decoded comes before any hook.
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      reply.headers(SECURITY_HEADERS);
      sendError(error, request, reply);
    },
  } as const;
  // Typed alike: what differs is below the routes.
  return pair
    ? (Fastify({ ...shared, https: { ...SERVER, ...pair, minVersion: "TLSv1.2" } }) as unknown as FastifyInstance)
    : Fastify({ ...shared, http: SERVER });
}

/** The client's own id where it has a harmless one, so that its log and ours can be joined. */
function requestId(request: { readonly headers: Readonly<Record<string, string | string[] | undefined>> }): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && /^[\w.-]{1,64}$/.test(given) ? given : randomSecret(9);
}

async function addPeopleScope(scope: FastifyInstance, options: HttpServerOptions): Promise<void> {
  acceptEmptyJson(scope);
  scope.addHook("onSend", (request, reply, payload, done) => {
    reply.headers(SECURITY_HEADERS).header("x-request-id", request.id);
    // What an API answers is some shops' data: no cache may keep it.
    if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
    done(null, payload);
  });
  await addOpenApi(scope, options.version);
  for (const routes of options.routes) await scope.register(routes);
  serveUi(scope, createStaticUi(options.uiDir), options.auth);
}

/** Some clients send a JSON content type with a DELETE or POST that has no body. */
function acceptEmptyJson(scope: FastifyInstance): void {
  const parse = scope.getDefaultJsonParser("error", "error");
  scope.removeContentTypeParser("application/json");
  scope.addContentTypeParser<string>("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body === "") done(null, undefined);
    else parse(request, body, done);
  });
}

class Listener implements HttpServer {
  private stopWatching: Array<() => void> = [];
  private readonly others: Server[] = [];

  constructor(
    readonly app: FastifyInstance,
    readonly routes: readonly ServedRoute[],
    private readonly options: HttpServerOptions,
    private readonly pair: TlsPair | undefined,
  ) {}

  async start(): Promise<HttpAddress> {
    const { listen, alsoListen = [], tls, logger } = this.options;
    const shown = formatListenAddress(listen);
    await orListenError(listen, () => this.app.listen({ host: listen.host, port: listen.port }));
    this.guard(this.app.server);
    for (const address of alsoListen) await this.listenAlso(address);
    if (!tls && !isLoopbackHost(listen.host)) {
      logger.warn(
        { listen: shown },
        "listening on a network address without TLS: credentials travel readable; set `tls` in storewatch.yml",
      );
    }
    return this.address();
  }

  private async listenAlso(address: ListenAddress): Promise<void> {
    const answer = (request: IncomingMessage, response: ServerResponse) => this.app.routing(request, response);
    const server = this.pair
      ? createTlsServer({ ...SERVER, ...this.pair, minVersion: "TLSv1.2" }, answer)
      : createPlainServer(SERVER, answer);
    server.requestTimeout = REQUEST_TIMEOUT_MS;
    const opening = () =>
      new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(address.port, address.host, () => {
          server.off("error", reject);
          resolve();
        });
      });
    await orListenError(address, opening);
    this.others.push(server);
    this.guard(server);
  }

  private guard(server: Server): void {
    const { tls, clock, logger } = this.options;
    server.maxConnections = CONNECTIONS_MAX;
    if (tls && this.pair)
      this.stopWatching.push(watchTls(server as unknown as TlsServer, tls, this.pair, clock, logger));
  }

  private address(): HttpAddress {
    const { listen, tls } = this.options;
    const bound = this.app.server.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : listen.port;
    const isAny = listen.host === "0.0.0.0" || listen.host === "::";
    const host = isAny ? "127.0.0.1" : listen.host;
    return { host: listen.host, port, url: `${tls ? "https" : "http"}://${formatListenAddress({ host, port })}` };
  }

  async stop(): Promise<void> {
    for (const stop of this.stopWatching) stop();
    this.options.hub.close();
    const drained = new AbortController();
    const closeOthers = this.others.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const server of this.others) server.closeIdleConnections();
    const closed = Promise.all([this.app.close(), ...closeOthers]).finally(() => drained.abort());
    const overdue = sleep(this.options.clock, DRAIN_MS, drained.signal).then(
      () => {
        for (const server of [this.app.server, ...this.others]) server.closeAllConnections();
      },
      () => {},
    );
    await Promise.all([closed, overdue]);
  }
}

/** Throws PORT_TAKEN, LISTEN_FAILED. */
async function orListenError(listen: ListenAddress, open: () => Promise<unknown>): Promise<void> {
  const address = formatListenAddress(listen);
  try {
    await open();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EADDRINUSE") throw new StorewatchError("PORT_TAKEN", { address }, { cause: error });
    const reason = error instanceof Error ? error.message : String(error);
    throw new StorewatchError("LISTEN_FAILED", { address, reason }, { cause: error });
  }
}
