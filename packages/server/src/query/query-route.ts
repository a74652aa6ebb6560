// Queries in PromQL: /api/v1/query, query_range, query_exemplars, format_query, parse_query.
import { type Clock, Labels, type Matcher, type SeriesExemplars, type TenantScope } from "@storewatch/model";
import type { QueryResult } from "@storewatch/promql/engine";
import { collectSelectors, parseExpression, prettyExpression } from "@storewatch/promql/parser";
import type { FastifyReply, FastifyRequest } from "fastify";
import { expressionJson } from "./expression-json.ts";
import type { QueryOptions, QueryService } from "./interface.ts";
import { formatTimeSeconds, isLargeResult, labelsJson, queryResultJson, queryResultPieces } from "./json.ts";
import { formatValue } from "./json-bytes.ts";
import { BadParameter, limitParam, type Params, parseSpanMs, parseTimeMs, required, timeParam } from "./params.ts";
import { paramsOf, sendData, sendJson, sendList, sendPieces, TRUNCATED, watchClient } from "./reply.ts";

export interface QueryHandlerDependencies {
  readonly query: QueryService;
  readonly exemplars: (
    scope: TenantScope,
    matchers: readonly Matcher[],
    fromMs: number,
    toMs: number,
  ) => readonly SeriesExemplars[];
  readonly clock: Clock;
  /** Lets others have their turn while a large reply is made. */
  readonly nextTurn: () => Promise<void>;
  /** Experimental functions and syntax are on. */
  readonly isExperimental: boolean;
}

export async function instant(
  deps: QueryHandlerDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const params = paramsOf(request);
  const timeMs = timeParam(params, "time", deps.clock.nowMs());
  const limit = limitParam(params);
  const client = watchClient(request);
  try {
    const options = optionsOf(params, request, client.signal);
    const startedMs = deps.clock.monotonicMs();
    const result = await deps.query.instant(request.principal.scope, required(params, "query"), timeMs, options);
    return sendResult(deps, reply, truncate(result, limit), params, startedMs);
  } finally {
    client.done();
  }
}

export async function range(
  deps: QueryHandlerDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
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
  const expression = required(params, "query");
  const client = watchClient(request);
  try {
    const options = optionsOf(params, request, client.signal);
    const startedMs = deps.clock.monotonicMs();
    const result = await deps.query.range(request.principal.scope, expression, startMs, endMs, stepMs, options);
    return sendResult(deps, reply, truncate(result, limit), params, startedMs);
  } finally {
    client.done();
  }
}

function sendResult(
  { nextTurn, clock }: QueryHandlerDependencies,
  reply: FastifyReply,
  result: QueryResult,
  params: Params,
  startedMs: number,
): unknown {
  const parts = params.get("stats") ? { dataTail: statsJson(result, clock.monotonicMs() - startedMs) } : {};
  if (!isLargeResult(result)) return sendJson(reply, queryResultJson(result, parts));
  return sendPieces(reply, queryResultPieces(result, parts), nextTurn);
}

/** Upstream's fields. What is not told apart here is 0; times in seconds. */
function statsJson({ stats }: QueryResult, tookMs: number): string {
  const busy = stats.busyMs / 1000;
  const timings = {
    evalTotalTime: busy,
    resultSortTime: 0,
    queryPreparationTime: 0,
    innerEvalTime: busy,
    execQueueTime: Math.max(0, tookMs / 1000 - busy),
    execTotalTime: tookMs / 1000,
  };
  const samples = { totalQueryableSamples: stats.samplesRead, peakSamples: stats.peakSamples };
  return `,"stats":${JSON.stringify({ timings, samples })}`;
}

function truncate(result: QueryResult, limit: number): QueryResult {
  const { value } = result;
  if (limit === 0) return result;
  const warnings = [...result.warnings, TRUNCATED];
  if (value.type === "vector" && value.samples.length > limit)
    return { ...result, value: { ...value, samples: value.samples.slice(0, limit) }, warnings };
  if (value.type === "matrix" && value.series.length > limit)
    return { ...result, value: { ...value, series: value.series.slice(0, limit) }, warnings };
  return result;
}

/** `cache=0` and `Cache-Control: no-store` ask for an evaluation of all steps, and so does a wish for its figures. */
function optionsOf(params: Params, request: FastifyRequest, signal: AbortSignal): QueryOptions {
  const timeout = params.get("timeout");
  const lookback = params.get("lookback_delta");
  const cacheControl = request.headers["cache-control"] ?? "";
  return {
    signal,
    who: request.principal.name,
    isFresh: params.get("cache") === "0" || cacheControl.includes("no-store") || Boolean(params.get("stats")),
    ...(timeout ? { timeoutMs: positive("timeout", parseSpanMs("timeout", timeout)) } : {}),
    ...(lookback ? { lookbackMs: positive("lookback_delta", parseSpanMs("lookback_delta", lookback)) } : {}),
  };
}

function positive(name: string, ms: number): number {
  if (ms > 0) return ms;
  throw new BadParameter(`invalid parameter "${name}": it must be more than 0`);
}

/** A millisecond count that Date and the store can hold: the far ends of time of Prometheus' own defaults. */
const FAR_MS = 8.64e15;

export async function exemplars(
  deps: QueryHandlerDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const params = paramsOf(request);
  const startMs = timeParam(params, "start", -FAR_MS);
  const endMs = timeParam(params, "end", FAR_MS);
  if (endMs < startMs) throw new BadParameter(`invalid parameter "end": end timestamp must not be before start time`);
  const found = exemplarsOf(deps, request.principal.scope, required(params, "query"), startMs, endMs);
  return sendList(reply, found, limitParam(params), exemplarJson, deps.nextTurn);
}

/** Of every series that a selector of the expression picks, by labels. */
function exemplarsOf(
  { exemplars, isExperimental }: QueryHandlerDependencies,
  scope: TenantScope,
  expression: string,
  startMs: number,
  endMs: number,
): SeriesExemplars[] {
  const found = new Map<string, SeriesExemplars>();
  for (const { matchers } of collectSelectors(parseExpression(expression, { experimental: isExperimental })))
    for (const one of exemplars(scope, matchers, startMs, endMs)) found.set(one.series.key, one);
  return [...found.values()].sort((a, b) => Labels.compare(a.series, b.series));
}

function exemplarJson({ series, exemplars }: SeriesExemplars): string {
  const items = exemplars.map(
    ({ labels, value, timeMs }) =>
      `{"labels":${labelsJson(labels)},"value":"${formatValue(value)}","timestamp":${formatTimeSeconds(timeMs)}}`,
  );
  return `{"seriesLabels":${labelsJson(series)},"exemplars":[${items.join(",")}]}`;
}

/** Nothing of the store is looked at: what was sent comes back in another form. */
export async function format(
  { isExperimental }: QueryHandlerDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const text = required(paramsOf(request), "query");
  return sendData(reply, JSON.stringify(prettyExpression(parseExpression(text, { experimental: isExperimental }))));
}

export async function parse(
  { isExperimental }: QueryHandlerDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const text = required(paramsOf(request), "query");
  return sendData(reply, JSON.stringify(expressionJson(parseExpression(text, { experimental: isExperimental }))));
}
