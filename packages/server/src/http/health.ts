// Probes and own metrics.
import type { FastifyPluginAsync, FastifyReply } from "fastify";
import { collectDefaultMetrics, Gauge } from "prom-client";
import { StorewatchError } from "../kernel/errors.ts";
import type { SelfMetrics } from "../kernel/self-metrics.ts";

/** The state of the process, asked at the time of the probe. */
export interface HealthState {
  /** The stores are open and replayed. */
  readonly started: boolean;
  /** Takes requests; false while starting and while stopping. */
  readonly ready: boolean;
  /** Something that it needs fails, for example the disk. */
  readonly degraded: boolean;
}

export function healthRoutes(state: () => HealthState): FastifyPluginAsync {
  const probe = (reply: FastifyReply, isGood: boolean, word: string) => {
    reply.code(isGood ? 200 : 503).header("cache-control", "no-store");
    return { status: word };
  };
  const word = ({ started, ready, degraded }: HealthState) =>
    !started ? "starting" : !ready ? "stopping" : degraded ? "degraded" : "ok";
  return async (app) => {
    const open = { config: { access: "open" } } as const;
    app.get("/health", open, async (_, reply) => {
      const now = state();
      return probe(reply, now.started && now.ready, word(now));
    });
    app.get("/health/live", open, async (_, reply) => probe(reply, true, "ok"));
    app.get("/health/ready", open, async (_, reply) =>
      probe(reply, state().ready, state().ready ? "ok" : word(state())),
    );
    app.get("/health/startup", open, async (_, reply) =>
      probe(reply, state().started, state().started ? "ok" : "starting"),
    );
    // The texts are Prometheus' own: scripts look for them.
    app.get("/-/healthy", open, async (_, reply) =>
      reply.type("text/plain; charset=utf-8").send("Prometheus Server is Healthy.\n"),
    );
    app.get("/-/ready", open, async (_, reply) => {
      reply.type("text/plain; charset=utf-8").code(state().ready ? 200 : 503);
      return state().ready ? "Prometheus Server is Ready.\n" : "Service Unavailable";
    });
  };
}

export interface OperationRouteOptions {
  readonly metrics: SelfMetrics;
  readonly version: string;
  /** Throws with the reason when the new configuration is not used. */
  readonly reload: () => Promise<void>;
}

/** /metrics and /-/reload */
export function operationRoutes({ metrics, version, reload }: OperationRouteOptions): FastifyPluginAsync {
  addProcessMetrics(metrics, version);
  return async (app) => {
    app.get("/metrics", { config: { access: "scrape" } }, async (request, reply) => {
      // Own metrics speak of all shops.
      if (request.principal.scope.kind !== "all") throw new StorewatchError("TENANT_FORBIDDEN", { tenant: "all" });
      return reply.header("content-type", metrics.contentType).send(await metrics.metrics());
    });
    app.route({
      method: ["POST", "PUT"],
      url: "/-/reload",
      config: { access: "admin" },
      handler: async (_, reply) => {
        await reload().catch((error: unknown) => {
          const reason = error instanceof Error ? error.message : String(error);
          throw new StorewatchError("RELOAD_FAILED", { reason }, { cause: error });
        });
        return reply.code(200).send();
      },
    });
  };
}

function addProcessMetrics(metrics: SelfMetrics, version: string): void {
  if (metrics.getSingleMetric("storewatch_build_info")) return;
  const build = new Gauge({
    name: "storewatch_build_info",
    help: "Always 1; the labels tell the version.",
    labelNames: ["version", "node"],
    registers: [metrics],
  });
  build.set({ version, node: process.versions.node }, 1);
  // The default precision of 10 ms wakes an idle process a hundred times a second.
  collectDefaultMetrics({ register: metrics, eventLoopMonitoringPrecision: 100 });
}
