// Prometheus' HTTP API v1: queries and series metadata. Rules and targets are served by their own features.

import { Readable } from "node:stream";
import type { Clock } from "@storewatch/model";
import { Labels, type Matcher, RegexError, type TenantScope } from "@storewatch/model";
import { QueryError } from "@storewatch/promql/engine";
import { ParseError, parseMetricSelector } from "@storewatch/promql/parser";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { MetricStore } from "../store/interface.ts";
import type { QueryOptions, QueryService } from "./interface.ts";
import { isLargeResult, labelsJson, queryResultJson, queryResultPieces } from "./json.ts";
import { BadParameter, limitParam, type Params, parseSpanMs, parseTimeMs, required, timeParam } from "./params.ts";

export interface QueryRouteDependencies {
  readonly query: QueryService;
  readonly store: MetricStore;
  readonly clock: Clock;
  /** Lets others have their turn while a large reply is made. */
  readonly nextTurn: () => Promise<void>;
  /** Parts of /api/v1/status/*, by name; each is asked at the time of the request. */
  readonly status: Readonly<Record<string, () => unknown>>;
}

const FORM_LIMIT_BYTES = 1 << 20;
const TRUNCATED = "results truncated due to limit";

export function queryRoutes(deps: QueryRouteDependencies): FastifyPluginAsync {
  return async (app) => {
    readFormBodies(app);
    app.setErrorHandler((error, _request, reply) => sendError(reply, error));
    const both = (url: string, handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>) =>
      app.route({ method: ["GET", "POST"], url, config: { access: "viewer" }, handler });
    both("/api/v1/query", (request, reply) => instant(deps, request, reply));
    both("/api/v1/query_range", (request, reply) => range(deps, request, reply));
    both("/api/v1/series", (request, reply) => series(deps, request, reply));
    both("/api/v1/labels", (request, reply) => labelNames(deps, request, reply));
    app.get("/api/v1/label/:name/values", { config: { access: "viewer" } }, (request, reply) =>
      labelValues(deps, request, reply),
    );
    for (const [name, read] of Object.entries(deps.status)) {
      app.get(`/api/v1/status/${name}`, { config: { access: "viewer" } }, (_request, reply) =>
        sendData(reply, JSON.stringify(read())),
      );
    }
  };
}

function readFormBodies(app: FastifyInstance): void {
  app.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string", bodyLimit: FORM_LIMIT_BYTES },
    (_request, body, done) => done(null, new URLSearchParams(body as string)),
  );
}

/** Query string and form body together, as Prometheus reads them: the body's values come first. */
function paramsOf(request: FastifyRequest): Params {
  const query = new URLSearchParams(request.url.split("?").slice(1).join("?"));
  if (!(request.body instanceof URLSearchParams)) return query;
  const merged = new URLSearchParams(request.body);
  for (const [name, value] of query) merged.append(name, value);
  return merged;
}

async function instant(deps: QueryRouteDependencies, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const params = paramsOf(request);
  const timeMs = timeParam(params, "time", deps.clock.nowMs());
  const limit = limitParam(params);
  const { options, done } = optionsOf(params, request);
  try {
    const result = await deps.query.instant(request.principal.scope, required(params, "query"), timeMs, options);
    return sendResult(deps, reply, truncate(result, limit));
  } finally {
    done();
  }
}

async function range(deps: QueryRouteDependencies, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const params = paramsOf(request);
  const startMs = parseTimeMs("start", required(params, "start"));
  const endMs = parseTimeMs("end", required(params, "end"));
  if (endMs < startMs) throw new BadParameter(`invalid parameter "end": end timestamp must not be before start time`);
  const stepMs = parseSpanMs("step", required(params, "step"));
  if (stepMs <= 0) {
    throw new BadParameter(
      `invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer`,
    );
  }
  const limit = limitParam(params);
  const { options, done } = optionsOf(params, request);
  try {
    const result = await deps.query.range(
      request.principal.scope,
      required(params, "query"),
      startMs,
      endMs,
      stepMs,
      options,
    );
    return sendResult(deps, reply, truncate(result, limit));
  } finally {
    done();
  }
}

/** A large result is streamed, with turns of the event loop in between; a client that reads slowly holds it back. */
function sendResult({ nextTurn }: QueryRouteDependencies, reply: FastifyReply, result: Result): unknown {
  if (!isLargeResult(result)) return sendJson(reply, queryResultJson(result));
  const pieces = async function* () {
    for (const piece of queryResultPieces(result)) {
      yield piece;
      await nextTurn();
    }
  };
  return reply.header("content-type", "application/json").send(Readable.from(pieces()));
}

type Result = Awaited<ReturnType<QueryService["instant"]>>;

function truncate(result: Result, limit: number): Result {
  const { value } = result;
  if (limit === 0) return result;
  if (value.type === "vector" && value.samples.length > limit) {
    return {
      ...result,
      value: { ...value, samples: value.samples.slice(0, limit) },
      warnings: [...result.warnings, TRUNCATED],
    };
  }
  if (value.type === "matrix" && value.series.length > limit) {
    return {
      ...result,
      value: { ...value, series: value.series.slice(0, limit) },
      warnings: [...result.warnings, TRUNCATED],
    };
  }
  return result;
}

/** Options of a query, cancelled when the client goes away; `done` stops watching for that. */
function optionsOf(params: Params, request: FastifyRequest): { options: QueryOptions; done: () => void } {
  const timeout = params.get("timeout");
  const lookback = params.get("lookback_delta");
  const abort = new AbortController();
  const gone = () => abort.abort(new QueryError("canceled", "the client closed the connection"));
  request.raw.socket.once("close", gone);
  return {
    options: {
      signal: abort.signal,
      ...(timeout ? { timeoutMs: parseSpanMs("timeout", timeout) } : {}),
      ...(lookback ? { lookbackMs: parseSpanMs("lookback_delta", lookback) } : {}),
    },
    done: () => request.raw.socket.removeListener("close", gone),
  };
}

interface SeriesQuestion {
  readonly scope: TenantScope;
  /** Selectors, of which any may match; empty = everything. */
  readonly selectors: readonly (readonly Matcher[])[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
}

/** A millisecond count that Date and the store can hold: the far ends of time of Prometheus' own defaults. */
const FAR_MS = 8.64e15;

function seriesQuestion(request: FastifyRequest): SeriesQuestion {
  const params = paramsOf(request);
  const selectors = params.getAll("match[]").map((text) => selectorOf(text));
  const fromMs = timeParam(params, "start", -FAR_MS);
  const toMs = timeParam(params, "end", FAR_MS);
  if (toMs < fromMs) throw new BadParameter(`invalid parameter "end": end timestamp must not be before start time`);
  return { scope: request.principal.scope, selectors, fromMs, toMs, limit: limitParam(params) };
}

function selectorOf(text: string): readonly Matcher[] {
  try {
    return parseMetricSelector(text);
  } catch (error) {
    if (error instanceof ParseError || error instanceof RegexError)
      throw new BadParameter(`invalid parameter "match[]": ${error.message}`);
    throw error;
  }
}

async function series(deps: QueryRouteDependencies, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { scope, selectors, fromMs, toMs, limit } = seriesQuestion(request);
  if (selectors.length === 0) throw new BadParameter("no match[] parameter provided");
  const found = new Map<string, Labels>();
  for (const matchers of selectors)
    for (const labels of deps.store.series(scope, matchers, fromMs, toMs)) found.set(labels.key, labels);
  const sorted = [...found.values()].sort(Labels.compare);
  return sendList(reply, sorted, limit, labelsJson);
}

async function labelNames(
  deps: QueryRouteDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const { scope, selectors, fromMs, toMs, limit } = seriesQuestion(request);
  const names = union(selectors, (matchers) => deps.store.labelNames(scope, matchers, fromMs, toMs));
  return sendList(reply, names, limit, JSON.stringify);
}

async function labelValues(
  deps: QueryRouteDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const { name } = request.params as { name: string };
  const { scope, selectors, fromMs, toMs, limit } = seriesQuestion(request);
  const values = union(selectors, (matchers) => deps.store.labelValues(scope, name, matchers, fromMs, toMs));
  return sendList(reply, values, limit, JSON.stringify);
}

function union(selectors: SeriesQuestion["selectors"], read: (matchers: readonly Matcher[]) => string[]): string[] {
  if (selectors.length === 0) return read([]);
  if (selectors.length === 1) return read(selectors[0]);
  return [...new Set(selectors.flatMap((matchers) => read(matchers)))].sort();
}

function sendList<T>(reply: FastifyReply, items: readonly T[], limit: number, format: (item: T) => string): unknown {
  const cut = limit > 0 && items.length > limit;
  const shown = cut ? items.slice(0, limit) : items;
  return sendData(reply, `[${shown.map((item) => format(item)).join(",")}]`, cut ? [TRUNCATED] : []);
}

function sendData(reply: FastifyReply, dataJson: string, warnings: readonly string[] = []): unknown {
  const notes = warnings.length > 0 ? `,"warnings":${JSON.stringify(warnings)}` : "";
  return sendJson(reply, `{"status":"success","data":${dataJson}${notes}}`);
}

function sendJson(reply: FastifyReply, text: string | Buffer): unknown {
  return reply.header("content-type", "application/json").send(text);
}

const STATUS: Readonly<Record<QueryError["kind"], readonly [number, string]>> = {
  parse: [400, "bad_data"],
  execution: [422, "execution"],
  limit: [422, "execution"],
  timeout: [503, "timeout"],
  canceled: [503, "canceled"],
};

function sendError(reply: FastifyReply, error: unknown): unknown {
  const body = (errorType: string, message: string) => JSON.stringify({ status: "error", errorType, error: message });
  if (error instanceof BadParameter) return sendJson(reply.code(400), body("bad_data", error.message));
  if (error instanceof QueryError) {
    // The range limit is a matter of the request's parameters, so Prometheus answers 400 for it.
    if (error.message.startsWith("exceeded maximum resolution"))
      return sendJson(reply.code(400), body("bad_data", error.message));
    const [status, type] = STATUS[error.kind];
    const message = error.kind === "parse" ? `invalid parameter "query": ${error.message}` : error.message;
    return sendJson(reply.code(status), body(type, message));
  }
  throw error;
}
