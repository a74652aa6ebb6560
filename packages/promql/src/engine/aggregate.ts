// Aggregations that make one value of many: sum, avg, count, min, max, group, stddev, stdvar, quantile.
import type { AggregateExpr } from "../parser/ast.ts";
import type { EvalContext } from "./context.ts";
import { aggregateCountValues } from "./count-values.ts";
import { groupSeries, membersOf } from "./grouping.ts";
import { aggregateMixed, withoutHistograms } from "./histogram/aggregate.ts";
import { KahanSum } from "./kahan.ts";
import { quantile } from "./over-time.ts";
import { warnQuantile } from "./range-call.ts";
import { aggregateLimit, aggregateTopK } from "./top.ts";
import { emptyVector, floatsOnly, type Scalar, type Value, type Vector } from "./vector.ts";

export async function evaluateAggregate(
  expr: AggregateExpr,
  vector: Vector,
  param: Value | undefined,
  context: EvalContext,
): Promise<Vector> {
  switch (expr.operator) {
    case "count_values":
      return aggregateCountValues(expr, vector, param?.kind === "string" ? param.value : "", context);
    case "topk":
    case "bottomk":
      return aggregateTopK(expr, vector, scalarOf(param, context), context);
    case "limitk":
    case "limit_ratio":
      return aggregateLimit(expr, vector, scalarOf(param, context), context);
    case "quantile":
      return aggregateQuantile(expr, withoutHistograms(expr, vector, context), scalarOf(param, context), context);
    case "count":
    case "group":
      return aggregateNumbers(expr, vector, context);
    case "sum":
    case "avg":
      return aggregateMixed(expr, vector, await aggregateNumbers(expr, floatsOnly(vector), context), context);
    default:
      return aggregateNumbers(expr, withoutHistograms(expr, vector, context), context);
  }
}

function scalarOf(param: Value | undefined, context: EvalContext): Scalar {
  return param?.kind === "scalar" ? param : context.query.fail("aggregation parameter must be a scalar");
}

/** Adds the row of cells at `from` (a series) to the row at `to` (its group). */
type RowAdder = (vector: Vector, from: number, out: Vector, to: number) => void;

async function aggregateNumbers(expr: AggregateExpr, vector: Vector, context: EvalContext): Promise<Vector> {
  const grouping = groupSeries(expr, vector);
  const { steps } = vector;
  context.query.budget.hold(grouping.labels.length * steps * 2);
  const out = emptyVector(grouping.labels, grouping.dropName, steps);
  const state = makeState(expr.operator, out);
  for (let i = 0; i < vector.labels.length; i++) {
    state.add(vector, i * steps, out, grouping.groupOf[i] * steps);
    if (context.query.budget.due(steps)) await context.query.budget.pause();
  }
  state.finish?.();
  return out;
}

interface State {
  readonly add: RowAdder;
  readonly finish?: () => void;
}

function makeState(operator: AggregateExpr["operator"], out: Vector): State {
  switch (operator) {
    case "sum":
      return sumState(out);
    case "avg":
      return avgState(out);
    case "count":
      return { add: addCount };
    case "group":
      return { add: addGroup };
    case "min":
      return { add: addMin };
    case "max":
      return { add: addMax };
    case "stddev":
    case "stdvar":
      return varianceState(out, operator === "stddev");
    default:
      throw new Error(`aggregation ${operator} is handled elsewhere`);
  }
}

const addCount: RowAdder = (vector, from, out, to) => {
  for (let s = 0; s < vector.steps; s++) {
    if (vector.present[from + s] === 0) continue;
    out.present[to + s] = 1;
    out.values[to + s]++;
  }
};

const addGroup: RowAdder = (vector, from, out, to) => {
  for (let s = 0; s < vector.steps; s++) {
    if (vector.present[from + s] === 0) continue;
    out.present[to + s] = 1;
    out.values[to + s] = 1;
  }
};

const addMin: RowAdder = (vector, from, out, to) => {
  for (let s = 0; s < vector.steps; s++) {
    if (vector.present[from + s] === 0) continue;
    const value = vector.values[from + s];
    const least = out.values[to + s];
    if (out.present[to + s] === 0 || value < least || Number.isNaN(least)) out.values[to + s] = value;
    out.present[to + s] = 1;
  }
};

const addMax: RowAdder = (vector, from, out, to) => {
  for (let s = 0; s < vector.steps; s++) {
    if (vector.present[from + s] === 0) continue;
    const value = vector.values[from + s];
    const most = out.values[to + s];
    if (out.present[to + s] === 0 || value > most || Number.isNaN(most)) out.values[to + s] = value;
    out.present[to + s] = 1;
  }
};

/** Compensated sums of all cells at once: out.values holds the sums, `rest` the compensations. */
function sumState(out: Vector): State {
  const rest = new Float64Array(out.values.length);
  const { values: sums, present: touched } = out;
  return {
    add: (vector, from, _out, to) => {
      const { values, present, steps } = vector;
      for (let s = 0; s < steps; s++) {
        if (present[from + s] === 0) continue;
        touched[to + s] = 1;
        const value = values[from + s];
        const sum = sums[to + s];
        const next = sum + value;
        if (next === Number.POSITIVE_INFINITY || next === Number.NEGATIVE_INFINITY) rest[to + s] = 0;
        else if (Math.abs(sum) >= Math.abs(value)) rest[to + s] += sum - next + value;
        else rest[to + s] += value - next + sum;
        sums[to + s] = next;
      }
    },
    finish: () => {
      for (let cell = 0; cell < sums.length; cell++) sums[cell] += rest[cell];
    },
  };
}

/** The mean of a cell; goes over to an incremental mean when the sum would overflow. */
function avgState(out: Vector): State {
  const cells = out.values.length;
  const rest = new Float64Array(cells);
  const counts = new Float64Array(cells);
  const incremental = new Uint8Array(cells);
  const kahan = new KahanSum();
  const addTo = (cell: number, value: number) => {
    const count = ++counts[cell];
    kahan.set(out.values[cell], rest[cell]);
    if (incremental[cell] === 0) {
      kahan.add(value);
      const overflow = kahan.sum === Number.POSITIVE_INFINITY || kahan.sum === Number.NEGATIVE_INFINITY;
      if (overflow && count > 1) {
        incremental[cell] = 1;
        kahan.set(out.values[cell] / (count - 1), rest[cell] / (count - 1));
      }
    }
    if (incremental[cell] === 1) {
      const weight = (count - 1) / count;
      kahan.set(weight * kahan.sum, weight * kahan.rest);
      kahan.add(value / count);
    }
    out.values[cell] = kahan.sum;
    rest[cell] = kahan.rest;
  };
  return {
    add: (vector, from, _out, to) => {
      for (let s = 0; s < vector.steps; s++) {
        if (vector.present[from + s] === 0) continue;
        out.present[to + s] = 1;
        addTo(to + s, vector.values[from + s]);
      }
    },
    finish: () => {
      for (let cell = 0; cell < cells; cell++) {
        if (counts[cell] === 0) continue;
        const sum = out.values[cell];
        if (incremental[cell] === 1) out.values[cell] = sum + rest[cell];
        else out.values[cell] = sum / counts[cell] + rest[cell] / counts[cell];
      }
    },
  };
}

/** Welford's running variance. */
function varianceState(out: Vector, root: boolean): State {
  const cells = out.values.length;
  const counts = new Float64Array(cells);
  const means = new Float64Array(cells);
  return {
    add: (vector, from, _out, to) => {
      for (let s = 0; s < vector.steps; s++) {
        if (vector.present[from + s] === 0) continue;
        const cell = to + s;
        const value = vector.values[from + s];
        out.present[cell] = 1;
        counts[cell]++;
        const delta = value - means[cell];
        means[cell] += delta / counts[cell];
        out.values[cell] += delta * (value - means[cell]);
        if (!Number.isFinite(value)) out.values[cell] = Number.NaN;
      }
    },
    finish: () => {
      for (let cell = 0; cell < cells; cell++) {
        if (counts[cell] === 0) continue;
        const variance = out.values[cell] / counts[cell];
        out.values[cell] = root ? Math.sqrt(variance) : variance;
      }
    },
  };
}

async function aggregateQuantile(
  expr: AggregateExpr,
  vector: Vector,
  q: Scalar,
  context: EvalContext,
): Promise<Vector> {
  for (const value of q.values) {
    if (Number.isNaN(value) || value < 0 || value > 1) warnQuantile(value, expr.param!, context);
  }
  const grouping = groupSeries(expr, vector);
  const { steps } = vector;
  context.query.budget.hold(grouping.labels.length * steps);
  const out = emptyVector(grouping.labels, grouping.dropName, steps);
  const members = membersOf(grouping);
  for (let g = 0; g < members.length; g++) {
    const rows = members[g];
    const scratch = new Float64Array(rows.length);
    for (let s = 0; s < steps; s++) {
      let n = 0;
      for (const row of rows) if (vector.present[row * steps + s] === 1) scratch[n++] = vector.values[row * steps + s];
      if (n === 0) continue;
      out.values[g * steps + s] = quantile(q.values[s], scratch.subarray(0, n));
      out.present[g * steps + s] = 1;
      if (context.query.budget.due(n * 4)) await context.query.budget.pause();
    }
  }
  return out;
}
