// OTLP/HTTP for metrics: POST /v1/metrics, protobuf or JSON. Errors come as google.rpc.Status, as the protocol wants it.
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { StorewatchError } from "../../../kernel/errors.ts";
import type { Intake } from "../../intake/interface.ts";
import { chooseTenant } from "../../intake/tenant-choice.ts";
import { ProtobufError } from "../../protobuf/reader.ts";
import { ProtoWriter } from "../../protobuf/writer.ts";
import { parseJson, readBody, takeRawBodies } from "../body.ts";
import type { DeltaState } from "./deltas.ts";
import { OtlpJsonError, readJson } from "./read-json.ts";
import { readProtobuf } from "./read-protobuf.ts";
import type { OtlpSettings } from "./settings.ts";
import { OtlpTranslation } from "./translate.ts";

export interface OtlpRouteDependencies {
  readonly intake: Intake;
  readonly deltas: DeltaState;
  /** Asked at each request: a reload may change them. */
  readonly settings: () => OtlpSettings;
  readonly clock: { nowMs(): number };
}

const DECOMPRESSED_LIMIT_BYTES = 16 * 2 ** 20;
const JSON_TYPE = "application/json";
const PROTOBUF_TYPE = "application/x-protobuf";

export function otlpRoutes(deps: OtlpRouteDependencies): FastifyPluginAsync {
  return async (app) => {
    takeRawBodies(app, DECOMPRESSED_LIMIT_BYTES);
    answerWithStatus(app);
    // The Prometheus server has OTLP at a path of its own.
    for (const path of ["/v1/metrics", "/api/v1/otlp/v1/metrics"]) {
      app.post(path, { config: { access: "ingest" } }, (request, reply) => take(deps, request, reply));
    }
  };
}

async function take(deps: OtlpRouteDependencies, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const asked = request.headers["x-scope-orgid"];
  const scope = chooseTenant(request.principal.scope, typeof asked === "string" ? asked : undefined);
  const body = await readBody(request, DECOMPRESSED_LIMIT_BYTES);
  const translation = new OtlpTranslation(scope, deps.settings(), deps.deltas, deps.clock.nowMs());
  translation.take(isJson(request) ? read(() => readJson(parseJson(body))) : read(() => readProtobuf(body)));
  const result = await deps.intake.write(scope, translation.batch);
  const refused = result.refusals.reduce((sum, { count }) => sum + count, 0);
  const [first] = [...translation.refusals, ...result.refusals];
  return answer(request, reply, translation.rejected + refused, first?.example ?? "");
}

function isJson(request: FastifyRequest): boolean {
  const type = (request.headers["content-type"] ?? "").split(";", 1)[0].trim().toLowerCase();
  if (type === JSON_TYPE) return true;
  if (type === PROTOBUF_TYPE) return false;
  throw new StorewatchError("MEDIA_TYPE", {});
}

function read<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof ProtobufError || error instanceof OtlpJsonError)
      throw new StorewatchError("BAD_REQUEST", { reason: error.message }, { cause: error });
    throw error;
  }
}

/** 200 even when points were refused: the sender must not send the others again. */
function answer(request: FastifyRequest, reply: FastifyReply, rejected: number, reason: string): FastifyReply {
  if (isJson(request)) {
    const partialSuccess = { rejectedDataPoints: String(rejected), errorMessage: reason };
    return reply.code(200).send(rejected > 0 ? { partialSuccess } : {});
  }
  reply.code(200).type(PROTOBUF_TYPE);
  if (rejected === 0) return reply.send(Buffer.alloc(0));
  const partial = new ProtoWriter().int(1, rejected).string(2, reason).finish();
  return reply.send(Buffer.from(new ProtoWriter().raw(1, partial).finish()));
}

/** google.rpc codes by HTTP status. */
const CODES: ReadonlyMap<number, number> = new Map([
  [400, 3],
  [401, 16],
  [403, 7],
  [413, 3],
  [415, 3],
  [429, 8],
  [503, 14],
]);

function answerWithStatus(app: FastifyInstance): void {
  const inherited = app.errorHandler;
  app.setErrorHandler((error, request, reply) => {
    const status =
      error instanceof StorewatchError ? error.status : ((error as { statusCode?: number }).statusCode ?? 500);
    if (status >= 500 && status !== 503) return inherited.call(app, error as never, request, reply);
    if (error instanceof StorewatchError && error.retryAfterSeconds)
      reply.header("retry-after", error.retryAfterSeconds);
    const message = error instanceof Error ? error.message : "";
    const code = CODES.get(status) ?? 2;
    const wantsJson = (request.headers["content-type"] ?? "").startsWith(JSON_TYPE);
    if (wantsJson) return reply.code(status).send({ code, message });
    return reply
      .code(status)
      .type(PROTOBUF_TYPE)
      .send(Buffer.from(new ProtoWriter().int(1, code).string(2, message).finish()));
  });
}
