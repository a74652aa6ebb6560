// What series there are: /api/v1/series, labels, label/NAME/values.
import { compareStrings, Labels, type Matcher, RegexError, type TenantScope } from "@storewatch/model";
import { ParseError, parseMetricSelector } from "@storewatch/promql/parser";
import type { Slices } from "@storewatch/tsdb";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { MetricStore } from "../store/interface.ts";
import type { QueryService } from "./interface.ts";
import { labelsJson } from "./json.ts";
import { BadParameter, limitParam, type Params, timeParam } from "./params.ts";
import { paramsOf, sendList, watchClient } from "./reply.ts";
import { runSlices, sortInTurns, type Turns } from "./slices.ts";

export interface SeriesHandlerDependencies {
  readonly query: Pick<QueryService, "read">;
  readonly store: Pick<MetricStore, "seriesSlices" | "labelNamesSlices" | "labelValuesSlices">;
  readonly nextTurn: () => Promise<void>;
}

/** A millisecond count that Date and the store can hold: the far ends of time of Prometheus' own defaults. */
const FAR_MS = 8.64e15;

export interface SeriesQuestion {
  readonly scope: TenantScope;
  /** Selectors, of which any may match; empty = everything. */
  readonly selectors: readonly (readonly Matcher[])[];
  readonly fromMs: number;
  readonly toMs: number;
}

export function seriesQuestion(scope: TenantScope, params: Params): SeriesQuestion {
  const selectors = params.getAll("match[]").map((text) => selectorOf(text));
  const fromMs = timeParam(params, "start", -FAR_MS);
  const toMs = timeParam(params, "end", FAR_MS);
  if (toMs < fromMs) throw new BadParameter(`invalid parameter "end": end timestamp must not be before start time`);
  return { scope, selectors, fromMs, toMs };
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

/** Runs a read in its place of the queue; it ends when the client goes. */
export async function reading<T>(
  { query, nextTurn }: Pick<SeriesHandlerDependencies, "query" | "nextTurn">,
  request: FastifyRequest,
  read: (turns: Turns) => Promise<T>,
): Promise<T> {
  const client = watchClient(request);
  const options = { signal: client.signal, who: request.principal.name };
  try {
    return await query.read(request.principal.scope, options, (signal) => read({ next: nextTurn, signal }));
  } finally {
    client.done();
  }
}

export async function series(
  deps: SeriesHandlerDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const params = paramsOf(request);
  const question = seriesQuestion(request.principal.scope, params);
  const limit = limitParam(params);
  if (question.selectors.length === 0) throw new BadParameter("no match[] parameter provided");
  const found = await reading(deps, request, (turns) => findSeries(deps.store, question, turns));
  return sendList(reply, found, limit, labelsJson, deps.nextTurn);
}

/** Sorted, each once. */
async function findSeries(
  store: SeriesHandlerDependencies["store"],
  { scope, selectors, fromMs, toMs }: SeriesQuestion,
  turns: Turns,
): Promise<Labels[]> {
  if (selectors.length === 1) {
    const found = await runSlices(store.seriesSlices(scope, selectors[0], fromMs, toMs), turns);
    return sortInTurns(found, Labels.compare, turns);
  }
  const found = new Map<string, Labels>();
  for (const matchers of selectors) {
    for (const labels of await runSlices(store.seriesSlices(scope, matchers, fromMs, toMs), turns))
      found.set(labels.key, labels);
  }
  return sortInTurns([...found.values()], Labels.compare, turns);
}

export async function labelNames(
  deps: SeriesHandlerDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const params = paramsOf(request);
  const question = seriesQuestion(request.principal.scope, params);
  const limit = limitParam(params);
  const names = await reading(deps, request, (turns) => findLabelNames(deps.store, question, turns));
  return sendList(reply, names, limit, JSON.stringify, deps.nextTurn);
}

function findLabelNames(
  store: SeriesHandlerDependencies["store"],
  { scope, selectors, fromMs, toMs }: SeriesQuestion,
  turns: Turns,
): Promise<string[]> {
  return union(selectors, (matchers) => store.labelNamesSlices(scope, matchers, fromMs, toMs), turns);
}

export async function labelValues(
  deps: SeriesHandlerDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const { name } = request.params as { name: string };
  const params = paramsOf(request);
  const question = seriesQuestion(request.principal.scope, params);
  const limit = limitParam(params);
  const label = unescapeName(name);
  if (label === "") throw new BadParameter(`invalid label name: ""`);
  const values = await reading(deps, request, (turns) => findLabelValues(deps.store, label, question, turns));
  return sendList(reply, values, limit, JSON.stringify, deps.nextTurn);
}

function findLabelValues(
  store: SeriesHandlerDependencies["store"],
  name: string,
  { scope, selectors, fromMs, toMs }: SeriesQuestion,
  turns: Turns,
): Promise<string[]> {
  return union(selectors, (matchers) => store.labelValuesSlices(scope, name, matchers, fromMs, toMs), turns);
}

/** Names beyond the classic ones come escaped in a path: `U__` and hexadecimal code points between underscores. */
function unescapeName(name: string): string {
  if (!name.startsWith("U__")) return name;
  let isGood = true;
  const text = name.slice(3).replace(/__|_([0-9A-Fa-f]{1,6})_|_/g, (part, hex: string | undefined) => {
    if (part === "__") return "_";
    const point = Number.parseInt(hex ?? "", 16);
    if (Number.isNaN(point) || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
      isGood = false;
      return part;
    }
    return String.fromCodePoint(point);
  });
  return isGood ? text : name;
}

async function union(
  selectors: SeriesQuestion["selectors"],
  read: (matchers: readonly Matcher[]) => Slices<string[]>,
  turns: Turns,
): Promise<string[]> {
  if (selectors.length === 0) return runSlices(read([]), turns);
  if (selectors.length === 1) return runSlices(read(selectors[0]), turns);
  const found = new Set<string>();
  for (const matchers of selectors) for (const text of await runSlices(read(matchers), turns)) found.add(text);
  return [...found].sort(compareStrings);
}
