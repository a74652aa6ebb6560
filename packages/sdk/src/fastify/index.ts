// Fastify 5. `await app.register(storewatchFastify(sw))` before the routes.
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from "fastify";
import type { Storewatch } from "../storewatch.ts";
import type { SeenRequest } from "../tenant/sources.ts";

// Fastify's own way to say that hooks are for the whole server and not for the plugin's children alone.
const SKIP_OVERRIDE = Symbol.for("skip-override");
const DISPLAY_NAME = Symbol.for("fastify.display-name");
const FASTIFY_REQUEST = Symbol("storewatch.fastify");

type WatchedRequest = SeenRequest & { [FASTIFY_REQUEST]?: FastifyRequest };

/** Watches every request of the server, and answers the health endpoints by itself. */
export function storewatchFastify(sw: Storewatch): FastifyPluginCallback {
  const plugin: FastifyPluginCallback = (server, _options, done) => {
    server.addHook("onRequest", (request, reply, next) => onRequest(sw, request, reply, next));
    server.addHook("onError", (request, _reply, error, next) => {
      sw.requestFailed(error, request.raw);
      next();
    });
    sw.guard.run("context", () => sw.metrics.watchServer(server.server), undefined);
    done();
  };
  return Object.assign(plugin, { [SKIP_OVERRIDE]: true, [DISPLAY_NAME]: "storewatch" });
}

function onRequest(sw: Storewatch, request: FastifyRequest, reply: FastifyReply, next: () => void): void {
  const raw: WatchedRequest = request.raw;
  if (sw.health.handle(raw, reply.raw)) {
    reply.hijack();
    return;
  }
  raw[FASTIFY_REQUEST] = request;
  // Whoever signs a user in does so on Fastify's request; sources of tenant and user read Node's.
  for (const field of ["user", "auth"] as const) forward(raw, field, request);
  sw.requests.handle(raw, reply.raw, routeTemplate, next);
}

function routeTemplate(raw: SeenRequest): string | undefined {
  const request = (raw as WatchedRequest)[FASTIFY_REQUEST];
  return request?.is404 ? undefined : request?.routeOptions.url;
}

function forward(raw: SeenRequest, field: "user" | "auth", request: FastifyRequest): void {
  if (field in raw) return;
  Object.defineProperty(raw, field, {
    configurable: true,
    get: () => (request as { user?: unknown; auth?: unknown })[field],
    set(value: unknown) {
      Object.defineProperty(raw, field, { configurable: true, writable: true, value });
    },
  });
}
