import type { Labels } from "@storewatch/model";
import type { AggregateExpr } from "../parser/ast.ts";
import { formatFloatPlain, isWellFormed, quoteString } from "../parser/text.ts";
import type { EvalContext } from "./context.ts";
import { groupLabels } from "./grouping.ts";
import { histogramText } from "./histogram/text.ts";
import { emptyVector, type Vector } from "./vector.ts";

/** How many series have each value; the value becomes the label `name`. */
export async function aggregateCountValues(
  expr: AggregateExpr,
  vector: Vector,
  name: string,
  context: EvalContext,
): Promise<Vector> {
  if (name === "" || !isWellFormed(name)) context.query.fail(`invalid label name ${quoteString(name)}`);
  const { steps } = vector;
  const rows = new Map<string, { labels: Labels; dropName: boolean; counts: Float64Array }>();
  for (let i = 0; i < vector.labels.length; i++) {
    const base = groupLabels(expr, vector.labels[i]);
    for (let s = 0; s < steps; s++) {
      if (vector.present[i * steps + s] === 0) continue;
      const histogram = vector.histograms?.[i * steps + s];
      const text = histogram ? histogramText(histogram) : formatFloatPlain(vector.values[i * steps + s]);
      const labels = base.with(name, text);
      let row = rows.get(labels.key);
      if (!row) {
        row = { labels, dropName: vector.dropName[i] && name !== "__name__", counts: new Float64Array(steps) };
        rows.set(labels.key, row);
        context.query.budget.hold(steps);
      }
      row.counts[s]++;
    }
    if (context.query.budget.due(steps * 8)) await context.query.budget.pause();
  }
  const made = [...rows.values()];
  const out = emptyVector(
    made.map((row) => row.labels),
    made.map((row) => row.dropName),
    steps,
  );
  made.forEach(({ counts }, i) => {
    for (let s = 0; s < steps; s++) {
      out.values[i * steps + s] = counts[s];
      out.present[i * steps + s] = counts[s] > 0 ? 1 : 0;
    }
  });
  return out;
}
