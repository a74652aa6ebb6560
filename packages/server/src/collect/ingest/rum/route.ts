// POST /rum/KEY, open to the world: beacons of the SDK's browser entry, from the shops' pages.
import type { FastifyPluginAsync, FastifyReply, FastifyRequest, RouteHandlerMethod } from "fastify";
import type { RumKey } from "../../../config/rum.ts";
import { StorewatchError } from "../../../kernel/errors.ts";
import { readBody, takeRawBodies } from "../body.ts";
import type { RumReceiver } from "./receiver.ts";

const BODY_LIMIT_BYTES = 16 * 1024;
/** Of all beacons that are being read, so that slow senders cannot fill the memory. */
const BODIES_BYTES_MAX = 16 * 2 ** 20;
const PREFLIGHT_SECONDS = 86_400;

const CONFIG = { access: "open", anyOrigin: true } as const;

export function rumRoutes({ receiver }: { readonly receiver: RumReceiver }): FastifyPluginAsync {
  return async (app) => {
    takeRawBodies(app, BODY_LIMIT_BYTES, BODIES_BYTES_MAX);
    const keys = new WeakMap<FastifyRequest, RumKey>();
    app.addHook("onError", async (_request, _reply, error) => {
      if (error instanceof StorewatchError && error.code === "BODY_TOO_LARGE") receiver.tally("too_large");
    });
    /** Before the body is read. Answers what is refused, always in the same way: what was wrong is nobody's business. */
    const admit = (isBeacon: boolean) => async (request: FastifyRequest, reply: FastifyReply) => {
      const admission = receiver.admit(senderOf(request), isBeacon);
      reply.headers({ "cross-origin-resource-policy": "cross-origin", vary: "Origin" });
      if (!("refused" in admission)) {
        reply.header("access-control-allow-origin", admission.allowOrigin);
        keys.set(request, admission.key);
        return;
      }
      if (admission.refused === "rate_limited") {
        return reply.code(429).header("retry-after", Math.ceil(admission.seconds)).send();
      }
      return reply.code(403).send();
    };
    const take: RouteHandlerMethod = async (request, reply) => {
      const key = keys.get(request);
      const body = await readBody(request, BODY_LIMIT_BYTES);
      // Taken, not yet on disk: no page sends its beacon again, whatever it is told.
      return reply.code(key && receiver.take(key, body) ? 202 : 403).send();
    };
    app.post("/rum/:key", { config: CONFIG, onRequest: admit(true) }, take);
    app.options("/rum/:key", { config: CONFIG, onRequest: admit(false) }, async (_request, reply) =>
      reply
        .code(204)
        .headers({
          "access-control-allow-methods": "POST",
          "access-control-allow-headers": "content-type",
          "access-control-max-age": PREFLIGHT_SECONDS,
        })
        .send(),
    );
  };
}

function senderOf(request: FastifyRequest) {
  const { origin } = request.headers;
  const forwardedFor = request.headers["x-forwarded-for"];
  return {
    key: (request.params as { readonly key: string }).key,
    origin,
    address: request.ip,
    forwardedFor: Array.isArray(forwardedFor) ? forwardedFor.join(",") : forwardedFor,
  };
}
