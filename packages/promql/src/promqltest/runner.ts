// Runs scripts against the engine and an in-memory store.
import { createEngine } from "../engine/engine.ts";
import { type Engine, QueryError, type QueryResult } from "../engine/queryable.ts";
import type { Expr } from "../parser/ast.ts";
import { parseExpression } from "../parser/parse.ts";
import { printExpression } from "../parser/print.ts";
import { collectSelectors, visit, withTime } from "../parser/walk.ts";
import { compareAnnotations, compareValue, matchesText } from "./compare.ts";
import { MemoryStore } from "./memory-store.ts";
import { type EvalCommand, parseScript } from "./script.ts";

export interface CaseResult {
  /** Of the `eval` in the script, from 1. */
  readonly line: number;
  readonly expression: string;
  /** Why it failed; undefined when it passed. */
  readonly failure: string | undefined;
  /** The data it reads or the result it expects holds native histograms. */
  readonly needsHistograms: boolean;
}

export interface ScriptOptions {
  readonly engine?: Engine;
  /** Also evaluates each instant query pinned with `@` and as a range query. Default true. */
  readonly reruns?: boolean;
}

/** Time stands still: scripts are never sliced and never time out. */
const STILL_CLOCK = { monotonicMs: () => 0 };

/** Functions whose result depends on the evaluation time itself, so that `@` does not pin it. */
const TIME_DEPENDENT: ReadonlySet<string> = new Set([
  "days_in_month",
  "day_of_month",
  "day_of_week",
  "day_of_year",
  "hour",
  "minute",
  "month",
  "year",
  "predict_linear",
  "time",
  "timestamp",
  "start_timestamp",
  "info",
]);
/** Functions that answer with the query's own times. */
const QUERY_TIMES: ReadonlySet<string> = new Set(["start", "end", "step", "range"]);

/** Runs all commands of a script. Throws ScriptError when it cannot be read. */
export async function runScript(text: string, options: ScriptOptions = {}): Promise<CaseResult[]> {
  const engine = options.engine ?? createEngine({ clock: STILL_CLOCK, experimental: true });
  const store = new MemoryStore();
  const results: CaseResult[] = [];
  for (const command of parseScript(text)) {
    if (command.kind === "clear") store.clear();
    else if (command.kind === "load") {
      store.load(command.series, command.stepMs, command.starts);
      if (command.customBuckets) store.loadCustomBuckets(command.series, command.stepMs);
    } else {
      const { line, expression } = command;
      const failure = await runEval(command, engine, store, options.reruns ?? true);
      results.push({ line, expression, failure, needsHistograms: needsHistograms(command, store) });
    }
  }
  return results;
}

function needsHistograms(command: EvalCommand, store: MemoryStore): boolean {
  if (command.series.some(({ items }) => items.some((item) => item.kind === "histogram"))) return true;
  const expr = tryParse(command.expression);
  return expr !== undefined && collectSelectors(expr).some(({ matchers }) => store.matchesHistograms(matchers));
}

function tryParse(expression: string): Expr | undefined {
  try {
    return parseExpression(expression, { experimental: true });
  } catch {
    return undefined;
  }
}

async function runEval(
  command: EvalCommand,
  engine: Engine,
  store: MemoryStore,
  reruns: boolean,
): Promise<string | undefined> {
  if (!command.instant) {
    const { expression, startMs, endMs, stepMs } = command;
    return check(command, () => engine.range(store, { expression }, startMs, endMs, stepMs));
  }
  const atMs = command.rangeVector?.toMs ?? command.startMs;
  const queries = [{ expression: command.expression, timeMs: atMs }, ...(reruns ? pinned(command, atMs) : [])];
  for (const { expression, timeMs } of queries) {
    const place = expression === command.expression ? "" : ` (as ${expression} at ${timeMs})`;
    const failure =
      (await check(command, () => engine.instant(store, { expression }, timeMs))) ??
      (reruns && comparableAsRange(command)
        ? await checkAsRange(command, engine, store, expression, timeMs)
        : undefined);
    if (failure !== undefined) return failure + place;
  }
  return undefined;
}

/** The query with `@` on all selectors, at other times: the result must be the same. */
function pinned(command: EvalCommand, atMs: number): { expression: string; timeMs: number }[] {
  const expr = tryParse(command.expression);
  if (!expr || callsAny(expr, TIME_DEPENDENT) || callsAny(expr, QUERY_TIMES)) return [];
  const expression = printExpression(withTime(expr, { type: "time", ms: atMs }));
  const times = [-10 * atMs, 0, Math.trunc(atMs / 5), atMs, 10 * atMs];
  return times.map((timeMs) => ({ expression, timeMs }));
}

function callsAny(expr: Expr, functions: ReadonlySet<string>): boolean {
  let found = false;
  visit(expr, (node) => {
    if (node.kind === "call" && functions.has(node.func)) found = true;
    const at = node.kind === "selector" || node.kind === "subquery" ? node.at : undefined;
    const inner = node.kind === "matrix" ? node.selector.at : at;
    if (functions === QUERY_TIMES && ((inner && inner.type !== "time") || hasOpenDuration(node))) found = true;
  });
  return found;
}

/** True when a range, step or offset is written with step() or range(). */
function hasOpenDuration(node: Expr): boolean {
  if (node.kind === "matrix") return node.range.ms === undefined || hasOpenDuration(node.selector);
  if (node.kind !== "selector" && node.kind !== "subquery") return false;
  const durations = node.kind === "subquery" ? [node.offset, node.range, node.step] : [node.offset];
  return durations.some((duration) => duration !== undefined && duration.ms === undefined);
}

function comparableAsRange(command: EvalCommand): boolean {
  if (command.rangeVector || command.string !== undefined) return false;
  if (command.expects.some(({ type }) => type === "fail" || type === "ordered")) return false;
  const expr = tryParse(command.expression);
  return expr !== undefined && !callsAny(expr, QUERY_TIMES);
}

const MINUTE_MS = 60_000;

/** The query as the middle step of a range query. Annotations are not compared, as upstream. */
async function checkAsRange(
  command: EvalCommand,
  engine: Engine,
  store: MemoryStore,
  expression: string,
  timeMs: number,
): Promise<string | undefined> {
  let result: QueryResult;
  try {
    result = await engine.range(store, { expression }, timeMs - MINUTE_MS, timeMs + MINUTE_MS, MINUTE_MS);
  } catch (error) {
    return `as a range query: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (result.value.type !== "matrix") return "a range query gave no matrix";
  const samples = result.value.series.flatMap(({ labels, timesMs, values, histograms }) => {
    const i = timesMs.indexOf(timeMs);
    return i < 0 ? [] : [{ labels, timeMs, value: values[i], histogram: histograms?.[i] }];
  });
  const failure =
    command.scalar !== undefined
      ? compareValue(command, { type: "scalar", timeMs, value: samples[0]?.value ?? Number.NaN })
      : compareValue(command, { type: "vector", samples });
  return failure && `as a range query: ${failure}`;
}

async function check(command: EvalCommand, query: () => Promise<QueryResult>): Promise<string | undefined> {
  const failExpected = command.expects.filter(({ type }) => type === "fail");
  let result: QueryResult;
  try {
    result = await query();
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    if (failExpected.length === 0) return `failed: ${error.message}`;
    const other = failExpected.find((expect) => !matchesText(expect, error.message));
    return other && `expected the failure "${other.match?.text}", got "${error.message}"`;
  }
  if (failExpected.length > 0) return "expected a failure";
  return compareAnnotations(command, result) ?? compareValue(command, result.value);
}
