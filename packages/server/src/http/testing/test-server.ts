// A server with real auth on a throw-away database, for tests of routes.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Clock } from "@storewatch/model";
import type { FastifyPluginAsync } from "fastify";
import { type Auth, authRoutes, createAuth, storeToken } from "../../auth/index.ts";
import type { Anonymous } from "../../config/storewatch-config.ts";
import { systemClock } from "../../kernel/clock.ts";
import { silentLogger } from "../../kernel/logger.ts";
import { createSelfMetrics, type SelfMetrics } from "../../kernel/self-metrics.ts";
import type { MetadataStore } from "../../store/meta/interface.ts";
import type { Role } from "../../tenant/principal.ts";
import { type HealthState, healthRoutes, operationRoutes } from "../health.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "../server.ts";
import { createStreamHub, type StreamHub, streamRoutes } from "../stream.ts";

export interface TestServer {
  readonly server: HttpServer;
  readonly auth: Auth;
  readonly store: MetadataStore;
  readonly hub: StreamHub;
  readonly metrics: SelfMetrics;
  readonly health: { state: HealthState };
  /** An Authorization header of a new token. */
  bearer(role: Role, tenants?: readonly string[] | null): Promise<{ authorization: string }>;
  close(): Promise<void>;
}

export interface TestServerOptions extends Partial<Omit<HttpServerOptions, "routes" | "auth" | "hub" | "metrics">> {
  readonly routes?: readonly FastifyPluginAsync[];
  readonly anonymous?: Anonymous;
  readonly clock?: Clock;
  readonly reload?: () => Promise<void>;
}

/** `openStore` is the engine's own: only tests may know which one it is. */
export async function startTestServer(
  openStore: (file: string) => Promise<MetadataStore>,
  options: TestServerOptions = {},
): Promise<TestServer> {
  const { clock = systemClock, routes = [], anonymous = "none", reload = async () => {}, ...rest } = options;
  const dir = mkdtempSync(path.join(tmpdir(), "storewatch-http-"));
  const store = await openStore(path.join(dir, "meta.db"));
  const metrics = createSelfMetrics();
  const hub = createStreamHub(clock, metrics);
  const auth = createAuth({
    store,
    clock,
    logger: silentLogger,
    metrics,
    anonymous,
    secureCookies: rest.tls !== undefined,
  });
  const health = { state: { started: true, ready: true, degraded: false } };
  const own = [
    healthRoutes(() => health.state),
    operationRoutes({ metrics, version: "0.0.0", reload }),
    authRoutes({ auth, demo: false, version: "0.0.0" }),
    streamRoutes(hub),
  ];
  const server = await createHttpServer({
    listen: { host: "127.0.0.1", port: 0 },
    allowedHosts: [],
    logger: silentLogger,
    version: "0.0.0",
    ...rest,
    auth,
    hub,
    metrics,
    clock,
    routes: [...own, ...routes],
  });
  return {
    server,
    auth,
    store,
    hub,
    metrics,
    health,
    async bearer(role, tenants = null) {
      const { token } = await storeToken(store, clock, { name: role, role, tenants: tenants && [...tenants] }, "test");
      return { authorization: `Bearer ${token}` };
    },
    async close() {
      auth.close();
      await server.stop();
      await store.close();
    },
  };
}
