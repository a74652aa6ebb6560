import type { NativeHistogram } from "@storewatch/model";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ParseError, parseExpression, printExpression, visit } from "../parser/index.ts";
import { MemoryStore } from "../promqltest/memory-store.ts";
import { parseScript } from "../promqltest/script.ts";
import { expressions, SCRIPT } from "../testing/expressions.ts";
import { createEngine, QueryError, type QueryResult } from "./index.ts";

/** `FUZZ_SEED=… FUZZ_RUNS=… npx vitest run engine.fuzz` for another or a longer run. */
const seed = Number(process.env.FUZZ_SEED ?? 20261122);
const numRuns = Number(process.env.FUZZ_RUNS ?? 600);

const START_MS = 60_000;
const STEP_MS = 47_000;
const STEPS = 12;
const END_MS = START_MS + (STEPS - 1) * STEP_MS;

const store = new MemoryStore();
for (const command of parseScript(SCRIPT)) if (command.kind === "load") store.load(command.series, command.stepMs);
const engine = createEngine({ clock: { monotonicMs: () => 0 }, experimental: true, maxSamples: 2_000_000 });

/** The result, or the refusal in words. Anything but a QueryError passes through and fails the test. */
async function ask(query: () => Promise<QueryResult>): Promise<QueryResult | string> {
  try {
    return await query();
  } catch (error) {
    if (error instanceof QueryError) return error.message;
    throw error;
  }
}

/** Label set → value or native histogram at one time. */
function pointsAt(result: QueryResult, timeMs: number): Map<string, number | NativeHistogram> {
  const points = new Map<string, number | NativeHistogram>();
  const { value } = result;
  if (value.type === "vector") {
    for (const { labels, histogram, value: number } of value.samples)
      points.set(labels.toString(), histogram ?? number);
  }
  if (value.type === "scalar") points.set("{}", value.value);
  if (value.type === "matrix") {
    for (const { labels, timesMs, values, histograms } of value.series) {
      const i = timesMs.indexOf(timeMs);
      if (i >= 0) points.set(labels.toString(), histograms?.[i] ?? values[i]);
    }
  }
  return points;
}

/** What looks at the query's own times and not only at the step's, or sorts, which only instant queries do. */
function dependsOnQuery(text: string): boolean {
  return /\b(?:start|end|step|range)\(\)|\bsort/.test(text);
}

function parse(text: string) {
  try {
    return parseExpression(text, { experimental: true });
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}

it("most random expressions are valid, and print to what prints the same", () => {
  let valid = 0;
  fc.assert(
    fc.property(expressions, (text) => {
      const expr = parse(text);
      if (!expr) return;
      valid++;
      const printed = printExpression(expr);
      expect(printExpression(parseExpression(printed, { experimental: true }))).toBe(printed);
    }),
    { seed, numRuns },
  );
  expect(valid).toBeGreaterThan(numRuns * 0.6);
});

it("an instant query is the step of a range query, and nothing but a QueryError is thrown", async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(expressions, fc.integer({ min: 0, max: STEPS - 1 }), async (expression, step) => {
      const timeMs = START_MS + step * STEP_MS;
      const range = await ask(() => engine.range(store, { expression }, START_MS, END_MS, STEP_MS));
      const instant = await ask(() => engine.instant(store, { expression }, timeMs));
      // A range query is refused for any of its steps.
      if (typeof range === "string" || dependsOnQuery(expression)) return;
      if (typeof instant === "string") throw new Error(`the range query works, the instant one: ${instant}`);
      const points = pointsAt(instant, timeMs);
      if (points.size > 0) compared++;
      expect(points).toEqual(pointsAt(range, timeMs));
    }),
    { seed, numRuns },
  );
  expect(compared).toBeGreaterThan(numRuns * 0.3);
});

it("every function and aggregation is among them", () => {
  const seen = new Set<string>();
  for (const text of fc.sample(expressions, { seed, numRuns: 3000 })) {
    const expr = parse(text);
    if (!expr) continue;
    visit(expr, (node) => {
      if (node.kind === "call") seen.add(node.func);
      if (node.kind === "aggregate") seen.add(node.operator);
    });
  }
  expect(seen.size).toBeGreaterThan(90);
});
