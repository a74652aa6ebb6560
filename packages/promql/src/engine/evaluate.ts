// From expressions to values: one case for each kind of node.
import { Labels } from "@storewatch/model";
import { type CallExpr, type Expr, type Subquery, unwrapParens } from "../parser/ast.ts";
import { typeOf } from "../parser/check.ts";
import { evaluateAggregate } from "./aggregate.ts";
import { evaluateBinary } from "./binary.ts";
import { type EvalContext, eachRow, mapCells } from "./context.ts";
import { checkExtension } from "./extended.ts";
import { multiplied } from "./histogram/sum.ts";
import { histogramFraction, histogramQuantile, histogramQuantiles, numberOfHistogram } from "./histogram-functions.ts";
import { evaluateInfo } from "./info.ts";
import { isInvariant } from "./invariance.ts";
import { absentLabels, labelJoin, labelReplace, sortByLabel, stringArgs } from "./label-functions.ts";
import { CALENDAR_FUNCTIONS, NUMBER_FUNCTIONS, SCALAR_ARGUMENT_FUNCTIONS, SCALAR_FUNCTIONS } from "./math-functions.ts";
import { absentOverTime, evaluateRangeCall } from "./range-call.ts";
import {
  rangeOfSubquery,
  selectInstant,
  selectRange,
  selectStartTimes,
  selectTimestamps,
  subqueryGrid,
} from "./select.ts";
import { presentPerStep, sortByValue } from "./sorting.ts";
import {
  broadcast,
  emptyVector,
  floatsOnly,
  type RangeVector,
  type Scalar,
  type Value,
  type Vector,
  withoutNames,
} from "./vector.ts";

/** Evaluates an expression of any type but range vector at every step of the context. */
export async function evaluate(expr: Expr, context: EvalContext): Promise<Value> {
  const { grid, query } = context;
  const before = query.budget.heldNow;
  const once = grid.steps > 1 && isInvariant(expr, query) ? { query, grid: { ...grid, steps: 1 } } : context;
  // Before anything is made: whatever it is, it has a cell for each step.
  query.budget.hold(grid.steps);
  const made = await evaluateNode(expr, once);
  if (once !== context && made.kind === "vector") query.budget.hold(made.labels.length * grid.steps);
  const value = broadcast(made, grid.steps);
  query.budget.settle(before, value.kind === "string" ? 0 : value.values.length);
  return value;
}

async function evaluateNode(expr: Expr, context: EvalContext): Promise<Value> {
  switch (expr.kind) {
    case "number":
      return { kind: "scalar", values: new Float64Array(context.grid.steps).fill(expr.value) };
    case "string":
      return { kind: "string", value: expr.value };
    case "paren":
      return evaluate(expr.expr, context);
    case "unary":
      return negate(expr.operator, await evaluate(expr.expr, context), context);
    case "selector":
      if (expr.extension === "anchored") context.query.fail("anchored modifier needs a range");
      return selectInstant(expr, context);
    case "binary": {
      const left = await evaluate(expr.left, context);
      return evaluateBinary(expr, left, await evaluate(expr.right, context), context);
    }
    case "aggregate": {
      const { query, grid } = context;
      const shared = query.sharedAt(grid);
      const known = shared?.find(expr, grid.startMs);
      if (known) return known;
      const param = expr.param && (await evaluate(expr.param, context));
      const vector = await evaluateAggregate(expr, await evaluateVector(expr.expr, context), param, context);
      shared?.keep(expr, grid.startMs, vector);
      return vector;
    }
    case "call":
      return evaluateCall(expr, context);
    case "matrix":
    case "subquery":
      return context.query.fail("a range vector must be the argument of a function");
  }
}

async function evaluateVector(expr: Expr, context: EvalContext): Promise<Vector> {
  const value = await evaluate(expr, context);
  return value.kind === "vector" ? value : context.query.fail(`expected an instant vector, got ${value.kind}`);
}

async function evaluateScalar(expr: Expr, context: EvalContext): Promise<Scalar> {
  const value = await evaluate(expr, context);
  return value.kind === "scalar" ? value : context.query.fail(`expected a scalar, got ${value.kind}`);
}

/** Evaluates an expression of type range vector. */
export async function evaluateRange(expr: Expr, context: EvalContext): Promise<RangeVector> {
  const inner = unwrapParens(expr);
  if (inner.kind === "matrix") return selectRange(inner, context);
  if (inner.kind === "subquery") return evaluateSubquery(inner, context);
  return context.query.fail("expected a range vector");
}

async function evaluateSubquery(expr: Subquery, context: EvalContext): Promise<RangeVector> {
  const grid = subqueryGrid(expr, context.query, context.grid);
  if (grid.steps < 1) return rangeOfSubquery(expr, context, emptyVector([], [], 1), { ...grid, steps: 1 });
  const inner = await evaluateVector(expr.expr, { ...context, grid });
  context.query.budget.hold(inner.values.length);
  return rangeOfSubquery(expr, context, inner, grid);
}

async function negate(operator: "-" | "+", value: Value, context: EvalContext): Promise<Value> {
  if (operator === "+" || value.kind === "string") return value;
  context.query.budget.hold(value.values.length);
  const values = await mapCells(context.query.budget, value.values, (one) => -one);
  if (value.kind === "scalar") return { kind: "scalar", values };
  const histograms = value.histograms?.map((one) => one && multiplied(one, -1));
  return withoutNames({ ...value, values, histograms }, context.query.delayedNameRemoval);
}

async function evaluateCall(expr: CallExpr, context: EvalContext): Promise<Value> {
  const { func, args } = expr;
  const { query } = context;
  const delayed = query.delayedNameRemoval;
  const ranged = args.findIndex((arg) => typeOf(arg) === "matrix");
  if (ranged >= 0) return evaluateRanged(expr, ranged, context);
  const number = NUMBER_FUNCTIONS.get(func);
  if (number) {
    const vector = floatsOnly(await evaluateVector(args[0], context));
    return withoutNames({ ...vector, values: await mapped(vector, number, context) }, delayed);
  }
  const calendar = CALENDAR_FUNCTIONS.get(func);
  if (calendar) {
    const vector = args.length > 0 ? floatsOnly(await evaluateVector(args[0], context)) : vectorOf(stepTimes(context));
    return withoutNames({ ...vector, values: await mapped(vector, calendar, context) }, delayed);
  }
  const withParams = SCALAR_ARGUMENT_FUNCTIONS.get(func);
  if (withParams) return applyWithParams(expr, withParams, context);
  const scalar = SCALAR_FUNCTIONS.get(func);
  if (scalar) {
    const [a, b] = [await evaluateScalar(args[0], context), await evaluateScalar(args[1], context)];
    return { kind: "scalar", values: a.values.map((value, s) => scalar(value, b.values[s])) };
  }
  return evaluateSpecial(expr, context);
}

function mapped(vector: Vector, call: (value: number) => number, { query }: EvalContext): Promise<Float64Array> {
  query.budget.hold(vector.values.length);
  return mapCells(query.budget, vector.values, (value) => call(value));
}

async function evaluateRanged(expr: CallExpr, ranged: number, context: EvalContext): Promise<Vector> {
  const range = await evaluateRange(expr.args[ranged], context);
  if (range.extension) checkExtension(range.extension, expr.func, context);
  if (expr.func === "absent_over_time") {
    const labels = absentLabels(expr.args[ranged]);
    return absentOverTime(range, context, emptyVector([labels], [false], context.grid.steps));
  }
  const params: Scalar[] = [];
  for (const arg of expr.args) if (typeOf(arg) === "scalar") params.push(await evaluateScalar(arg, context));
  return evaluateRangeCall(expr, range, params, context);
}

async function applyWithParams(
  expr: CallExpr,
  call: (value: number, params: readonly number[]) => number | undefined,
  context: EvalContext,
): Promise<Vector> {
  const vector = floatsOnly(await evaluateVector(expr.args[0], context));
  const params: Scalar[] = [];
  for (const arg of expr.args.slice(1)) params.push(await evaluateScalar(arg, context));
  const { steps } = vector;
  context.query.budget.hold(vector.values.length);
  const out = emptyVector(vector.labels, vector.dropName, steps);
  await eachRow(context.query.budget, steps, vector.labels.length, (s) => {
    const stepParams = params.map(({ values }) => values[s]);
    for (let cell = s; cell < out.values.length; cell += steps) {
      const value = vector.present[cell] === 1 ? call(vector.values[cell], stepParams) : undefined;
      if (value === undefined) continue;
      out.values[cell] = value;
      out.present[cell] = 1;
    }
  });
  return withoutNames(out, context.query.delayedNameRemoval);
}

async function evaluateSpecial(expr: CallExpr, context: EvalContext): Promise<Value> {
  const { func, args } = expr;
  const { query, grid } = context;
  const constant = (value: number): Scalar => ({ kind: "scalar", values: new Float64Array(grid.steps).fill(value) });
  switch (func) {
    case "pi":
      return constant(Math.PI);
    case "time":
      return stepTimes(context);
    case "start":
      return constant(query.startMs / 1000);
    case "end":
      return constant(query.endMs / 1000);
    case "range":
      return constant((query.endMs - query.startMs) / 1000);
    case "step":
      return constant(query.grid.stepMs / 1000);
    case "vector":
      return vectorOf(await evaluateScalar(args[0], context));
    case "scalar":
      return scalarOf(floatsOnly(await evaluateVector(args[0], context)));
    case "timestamp":
      return timestamps(args[0], context);
    case "start_timestamp":
      return startTimestamps(args[0], context);
    case "info":
      return evaluateInfo(expr, await evaluateVector(args[0], context), context);
    case "absent":
      return absent(args[0], await evaluateVector(args[0], context));
    case "label_replace":
      return labelReplace(await evaluateVector(args[0], context), stringArgs(expr, 1), context);
    case "label_join":
      return labelJoin(await evaluateVector(args[0], context), stringArgs(expr, 1), context);
    case "sort":
    case "sort_desc":
    case "sort_by_label":
    case "sort_by_label_desc":
      return sorted(expr, await evaluateVector(args[0], context), context);
    case "histogram_quantile":
    case "histogram_quantiles":
    case "histogram_fraction":
      return evaluateHistogram(expr, context);
    case "histogram_avg":
    case "histogram_count":
    case "histogram_stddev":
    case "histogram_stdvar":
    case "histogram_sum":
      return numberOfHistogram(func, await evaluateVector(args[0], context), context);
    default:
      return query.fail(`function "${func}" is not in this version`);
  }
}

async function evaluateHistogram(expr: CallExpr, context: EvalContext): Promise<Vector> {
  const { args } = expr;
  if (expr.func === "histogram_quantile") {
    const q = await evaluateScalar(args[0], context);
    return histogramQuantile(expr, q, await evaluateVector(args[1], context), context);
  }
  if (expr.func === "histogram_fraction") {
    const lower = await evaluateScalar(args[0], context);
    const upper = await evaluateScalar(args[1], context);
    return histogramFraction(expr, lower, upper, await evaluateVector(args[2], context), context);
  }
  const quantiles: Scalar[] = [];
  for (const arg of args.slice(2)) quantiles.push(await evaluateScalar(arg, context));
  const vector = await evaluateVector(args[0], context);
  return histogramQuantiles(expr, vector, stringArgs(expr, 1)[0], quantiles, context);
}

function stepTimes({ grid }: EvalContext): Scalar {
  const values = new Float64Array(grid.steps);
  for (let s = 0; s < grid.steps; s++) values[s] = (grid.startMs + s * grid.stepMs) / 1000;
  return { kind: "scalar", values };
}

function vectorOf(scalar: Scalar): Vector {
  const steps = scalar.values.length;
  return {
    kind: "vector",
    steps,
    labels: [Labels.empty],
    dropName: [false],
    values: scalar.values,
    present: new Uint8Array(steps).fill(1),
  };
}

/** The value of the only series; NaN when there is none or more than one. */
function scalarOf(vector: Vector): Scalar {
  const { steps } = vector;
  const counts = presentPerStep(vector);
  const values = new Float64Array(steps).fill(Number.NaN);
  for (let cell = 0; cell < vector.values.length; cell++) {
    if (vector.present[cell] === 1 && counts[cell % steps] === 1) values[cell % steps] = vector.values[cell];
  }
  return { kind: "scalar", values };
}

/** The samples' own times for a plain selector, the steps' times for everything else. */
async function timestamps(arg: Expr, context: EvalContext): Promise<Vector> {
  const delayed = context.query.delayedNameRemoval;
  const inner = unwrapParens(arg);
  if (inner.kind === "selector") return withoutNames(await selectTimestamps(inner, context), delayed);
  const vector = await evaluateVector(arg, context);
  const times = stepTimes(context).values;
  const values = await mapCells(context.query.budget, vector.values, (_, cell) => times[cell % vector.steps]);
  return withoutNames({ ...vector, values, histograms: undefined }, delayed);
}

/** Only samples themselves have a start. */
async function startTimestamps(arg: Expr, context: EvalContext): Promise<Vector> {
  const inner = unwrapParens(arg);
  if (inner.kind !== "selector") return emptyVector([], [], context.grid.steps);
  return withoutNames(await selectStartTimes(inner, context), context.query.delayedNameRemoval);
}

function absent(arg: Expr, vector: Vector): Vector {
  const counts = presentPerStep(vector);
  const out = emptyVector([absentLabels(arg)], [false], vector.steps);
  for (let s = 0; s < vector.steps; s++) {
    out.values[s] = 1;
    out.present[s] = counts[s] === 0 ? 1 : 0;
  }
  return out;
}

function sorted(expr: CallExpr, vector: Vector, context: EvalContext): Vector {
  if (context.grid.steps > 1) {
    const message = "sort is ineffective for range queries since results are always ordered by labels";
    context.query.annotations.warn(message, expr);
    return vector;
  }
  if (expr.func === "sort") return sortByValue(floatsOnly(vector), false);
  if (expr.func === "sort_desc") return sortByValue(floatsOnly(vector), true);
  return sortByLabel(vector, stringArgs(expr, 1), expr.func === "sort_by_label_desc");
}
