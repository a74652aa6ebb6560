// Vector matching: which series of the two sides belong together. Groups are made once for each query; which series
// of a group has a point is looked at step by step.
import type { Labels } from "@storewatch/model";
import type { BinaryExpr, VectorMatching } from "../parser/ast.ts";
import type { Budget, EvalContext } from "./context.ts";
import { fillMissing } from "./fill.ts";
import { HistogramNotes } from "./histogram/annotations.ts";
import { histogramOperator } from "./histogram/operators.ts";
import { isArithmetic, isTrim, numberOperator } from "./operators.ts";
import { matchLabels, signatures } from "./signature.ts";
import { describeLabels, emptyVector, type Histograms, histogramSize, type Vector } from "./vector.ts";

interface Group {
  readonly one: number[];
  readonly many: number[];
}

interface Chunk {
  readonly values: Float64Array;
  readonly present: Uint8Array;
  histograms?: Histograms;
}

/** Rows of the result, made as they get their first point. */
class Output {
  readonly labels: Labels[] = [];
  readonly dropName: boolean[] = [];
  private readonly rows = new Map<string, number>();
  private readonly chunks: Chunk[] = [];

  constructor(
    private readonly steps: number,
    private readonly budget: Budget,
  ) {}

  row(labels: Labels, dropName: boolean): Chunk {
    const found = this.rows.get(labels.key);
    if (found !== undefined) return this.chunks[found];
    this.budget.hold(this.steps);
    this.rows.set(labels.key, this.chunks.length);
    this.labels.push(labels);
    this.dropName.push(dropName);
    const chunk: Chunk = { values: new Float64Array(this.steps), present: new Uint8Array(this.steps) };
    this.chunks.push(chunk);
    return chunk;
  }

  finish(): Vector {
    const vector = emptyVector(this.labels, this.dropName, this.steps);
    this.chunks.forEach(({ values, present }, i) => {
      vector.values.set(values, i * this.steps);
      vector.present.set(present, i * this.steps);
    });
    if (!this.chunks.some((chunk) => chunk.histograms)) return vector;
    const none: Histograms = new Array(this.steps).fill(undefined);
    return { ...vector, histograms: this.chunks.flatMap((chunk) => chunk.histograms ?? none) };
  }
}

/** Arithmetic and comparisons between two vectors. */
export async function matchVectors(
  expr: BinaryExpr,
  left: Vector,
  right: Vector,
  context: EvalContext,
): Promise<Vector> {
  const matching = expr.matching!;
  const [filledLeft, filledRight] = fillMissing(left, right, matching);
  const swapped = matching.card === "one-to-many";
  const many = swapped ? filledRight : filledLeft;
  const one = swapped ? filledLeft : filledRight;
  const groups = groupSeries(many, one, matching);
  const out = new Output(many.steps, context.query.budget);
  const pairing = new Pairing(expr, matching, many, one, swapped, out, context);
  for (const group of groups.values()) {
    pairing.checkOneSide(group);
    if (group.one.length > 0 && group.many.length > 0) await pairing.combine(group);
  }
  context.query.budget.hold(out.labels.length * many.steps);
  return out.finish();
}

function groupSeries(many: Vector, one: Vector, matching: VectorMatching): Map<string, Group> {
  const groups = new Map<string, Group>();
  const add = (vector: Vector, side: "one" | "many") => {
    signatures(vector, matching).forEach((signature, i) => {
      let group = groups.get(signature);
      if (!group) {
        group = { one: [], many: [] };
        groups.set(signature, group);
      }
      group[side].push(i);
    });
  };
  add(many, "many");
  add(one, "one");
  return groups;
}

class Pairing {
  /** Undefined for operators that do not work on floats. */
  private readonly compute: ((left: number, right: number) => number) | undefined;
  private readonly notes: HistogramNotes;
  private readonly filters: boolean;
  private anyMany: Uint8Array | undefined;

  constructor(
    private readonly expr: BinaryExpr,
    private readonly matching: VectorMatching,
    private readonly many: Vector,
    private readonly one: Vector,
    private readonly swapped: boolean,
    private readonly out: Output,
    private readonly context: EvalContext,
  ) {
    this.compute = isTrim(expr.operator) ? undefined : numberOperator(expr.operator);
    this.filters = !isArithmetic(expr.operator) && !isTrim(expr.operator) && !expr.returnBool;
    this.notes = new HistogramNotes(context.query.annotations, expr);
  }

  /** Two series of the "one" side at the same step are an error, unless the other side is empty then. */
  checkOneSide(group: Group): void {
    if (group.one.length < 2) return;
    const { one } = this;
    const any = this.stepsWithMany();
    for (let s = 0; s < one.steps; s++) {
      if (any[s] === 0) continue;
      let first = -1;
      for (const row of group.one) {
        if (one.present[row * one.steps + s] === 0) continue;
        if (first >= 0) this.failOnDuplicates(first, row);
        first = row;
      }
    }
  }

  private stepsWithMany(): Uint8Array {
    if (this.anyMany) return this.anyMany;
    const { many } = this;
    this.anyMany = new Uint8Array(many.steps);
    for (let cell = 0; cell < many.present.length; cell++) {
      if (many.present[cell] === 1) this.anyMany[cell % many.steps] = 1;
    }
    return this.anyMany;
  }

  private failOnDuplicates(first: number, second: number): never {
    const side = this.swapped ? "left" : "right";
    const labels = this.one.labels;
    const group = describeLabels(matchLabels(labels[first], this.matching));
    return this.context.query.fail(
      `found duplicate series for the match group ${group} on the ${side} hand-side of the operation: ` +
        `[${[describeLabels(labels[first]), describeLabels(labels[second])].sort().join(", ")}]` +
        ";many-to-many matching not allowed: matching labels must be unique on one side",
    );
  }

  async combine(group: Group): Promise<void> {
    const { budget } = this.context.query;
    const oneToOne = this.matching.card === "one-to-one";
    const matched = oneToOne && group.many.length > 1 ? new Uint8Array(this.many.steps) : undefined;
    for (const manyRow of group.many) {
      for (const oneRow of group.one) this.pair(manyRow, oneRow, matched);
      if (budget.due(group.one.length * this.many.steps)) await budget.pause();
    }
  }

  /**
   * `matched`: steps at which this group has had a pair already, for one-to-one matching; a second one is an error
   * even where a comparison filters it.
   */
  private pair(manyRow: number, oneRow: number, matched: Uint8Array | undefined): void {
    const { many, one, compute, filters, swapped } = this;
    const { steps } = many;
    const hasHistograms = !compute || many.histograms !== undefined || one.histograms !== undefined;
    let row: Chunk | undefined;
    for (let s = 0; s < steps; s++) {
      if (many.present[manyRow * steps + s] === 0 || one.present[oneRow * steps + s] === 0) continue;
      const manyValue = many.values[manyRow * steps + s];
      const oneValue = one.values[oneRow * steps + s];
      const left = swapped ? oneValue : manyValue;
      if (matched) {
        if (matched[s] === 1) {
          this.context.query.fail(
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
          );
        }
        matched[s] = 1;
      }
      if (hasHistograms && this.needsHistograms(manyRow * steps + s, oneRow * steps + s)) {
        row = this.pairHistograms(manyRow, oneRow, s, row);
        continue;
      }
      const result = swapped ? compute!(oneValue, manyValue) : compute!(manyValue, oneValue);
      if (filters && result !== 1) continue;
      row ??= this.outputRow(manyRow, oneRow);
      this.take(row, s);
      row.values[s] = filters ? left : result;
    }
  }

  private needsHistograms(manyCell: number, oneCell: number): boolean {
    return !this.compute || (this.many.histograms?.[manyCell] ?? this.one.histograms?.[oneCell]) !== undefined;
  }

  private take(row: Chunk, step: number): void {
    if (row.present[step] === 1) {
      this.context.query.fail("multiple matches for labels: grouping labels must ensure unique matches");
    }
    row.present[step] = 1;
  }

  /** A pair with a histogram at one step; gives the row of the result, if there is one by now. */
  private pairHistograms(manyRow: number, oneRow: number, step: number, known: Chunk | undefined): Chunk | undefined {
    const { many, one, swapped, filters } = this;
    const [manyCell, oneCell] = [manyRow * many.steps + step, oneRow * one.steps + step];
    const ofMany = { value: many.values[manyCell], histogram: many.histograms?.[manyCell] };
    const ofOne = { value: one.values[oneCell], histogram: one.histograms?.[oneCell] };
    const [left, right] = swapped ? [ofOne, ofMany] : [ofMany, ofOne];
    const result = histogramOperator(this.expr.operator, left, right, this.notes);
    const histogram = filters && result === true ? left.histogram : typeof result === "object" ? result : undefined;
    if (!histogram && !(this.expr.returnBool && typeof result === "boolean")) return known;
    const row = known ?? this.outputRow(manyRow, oneRow);
    this.take(row, step);
    if (!histogram) {
      row.values[step] = result === true ? 1 : 0;
      return row;
    }
    row.histograms ??= new Array(many.steps).fill(undefined);
    row.histograms[step] = histogram;
    this.context.query.budget.hold(histogramSize(histogram));
    return row;
  }

  private outputRow(manyRow: number, oneRow: number): Chunk {
    const { matching, expr } = this;
    let labels = this.many.labels[manyRow];
    if (isArithmetic(expr.operator)) labels = labels.withoutMetricName();
    if (matching.card === "one-to-one") {
      labels = matching.on ? labels.keep(matching.labels) : labels.without(matching.labels);
    }
    for (const name of matching.include) labels = labels.with(name, this.one.labels[oneRow].get(name));
    const delayed = this.context.query.delayedNameRemoval;
    if (expr.returnBool && !delayed) labels = labels.withoutMetricName();
    return this.out.row(labels, (expr.returnBool && delayed) || this.many.dropName[manyRow]);
  }
}
