// Answers in the form of Prometheus' HTTP API.
import { Readable } from "node:stream";
import { QueryError } from "@storewatch/promql/engine";
import { ParseError } from "@storewatch/promql/parser";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { JsonBytes } from "./json-bytes.ts";
import { BadParameter, type Params } from "./params.ts";

const FORM_LIMIT_BYTES = 1 << 20;
/** Upstream's words when `limit` cut a list. */
export const TRUNCATED = "results truncated due to limit";
/** A piece of a long list: about 0.5 ms of work. */
const PIECE_LENGTH = 32_768;

/** Forms are a body that this API reads beside the query string; errors are sent in its own form. */
export function speakPrometheus(app: FastifyInstance): void {
  app.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string", bodyLimit: FORM_LIMIT_BYTES },
    (_request, body, done) => done(null, new URLSearchParams(body as string)),
  );
  app.setErrorHandler((error, _request, reply) => sendError(reply, error));
}

/** Query string and form body together, as Prometheus reads them: the body's values come first. */
export function paramsOf(request: FastifyRequest): Params {
  const query = new URLSearchParams(request.url.split("?").slice(1).join("?"));
  if (!(request.body instanceof URLSearchParams)) return query;
  const merged = new URLSearchParams(request.body);
  for (const [name, value] of query) merged.append(name, value);
  return merged;
}

/** A signal that the client has gone; `done` stops watching for that. */
export function watchClient(request: FastifyRequest): { signal: AbortSignal; done: () => void } {
  const abort = new AbortController();
  const gone = () => abort.abort();
  const { socket } = request.raw;
  if (socket.destroyed) gone();
  socket.once("close", gone);
  return { signal: abort.signal, done: () => socket.removeListener("close", gone) };
}

export function sendJson(reply: FastifyReply, text: string | Buffer): unknown {
  return reply.header("content-type", "application/json").send(text);
}

export function sendData(reply: FastifyReply, dataJson: string, warnings: readonly string[] = []): unknown {
  return sendJson(reply, `{"status":"success","data":${dataJson}${warningsJson(warnings)}}`);
}

/** A large answer is streamed, with turns of the event loop in between; a client that reads slowly holds it back. */
export function sendPieces(
  reply: FastifyReply,
  pieces: Iterable<Buffer>,
  nextTurn: () => Promise<void>,
  contentType = "application/json",
): unknown {
  const inTurns = async function* () {
    for (const piece of pieces) {
      yield piece;
      await nextTurn();
    }
  };
  return reply.header("content-type", contentType).send(Readable.from(inTurns(), { objectMode: false }));
}

/** A list as `data`, cut at the limit. */
export function sendList<T>(
  reply: FastifyReply,
  items: readonly T[],
  limit: number,
  format: (item: T) => string,
  nextTurn: () => Promise<void>,
): unknown {
  const isCut = limit > 0 && items.length > limit;
  const shown = isCut ? items.slice(0, limit) : items;
  const warnings = warningsJson(isCut ? [TRUNCATED] : []);
  const pieces = function* (): Generator<Buffer> {
    const out = new JsonBytes();
    out.text('{"status":"success","data":[');
    for (let i = 0; i < shown.length; i++) {
      out.text(`${i > 0 ? "," : ""}${format(shown[i])}`);
      if (out.length >= PIECE_LENGTH) yield out.take();
    }
    out.text(`]${warnings}}`);
    yield out.take();
  };
  if (shown.length > 500) return sendPieces(reply, pieces(), nextTurn);
  return sendJson(reply, Buffer.concat([...pieces()]));
}

function warningsJson(warnings: readonly string[]): string {
  return warnings.length > 0 ? `,"warnings":${JSON.stringify(warnings)}` : "";
}

const STATUS: Readonly<Record<QueryError["kind"], readonly [number, string]>> = {
  parse: [400, "bad_data"],
  execution: [422, "execution"],
  limit: [422, "execution"],
  timeout: [503, "timeout"],
  // What upstream answers to nobody: the client has gone.
  canceled: [499, "canceled"],
};

export function errorJson(errorType: string, message: string): string {
  return JSON.stringify({ status: "error", errorType, error: message });
}

function sendError(reply: FastifyReply, error: unknown): unknown {
  if (error instanceof BadParameter) return sendJson(reply.code(400), errorJson("bad_data", error.message));
  if (error instanceof ParseError)
    return sendJson(reply.code(400), errorJson("bad_data", `invalid parameter "query": ${error.message}`));
  if (error instanceof QueryError) {
    // The range limit is a matter of the request's parameters, so Prometheus answers 400 for it.
    if (error.message.startsWith("exceeded maximum resolution"))
      return sendJson(reply.code(400), errorJson("bad_data", error.message));
    const [status, type] = STATUS[error.kind];
    const message = error.kind === "parse" ? `invalid parameter "query": ${error.message}` : error.message;
    return sendJson(reply.code(status), errorJson(type, message));
  }
  throw error;
}
