// info(): adds the labels of info metrics (target_info and its like) to the series of the same instance and job.
import { Labels, Matcher, METRIC_NAME, type SeriesSamples } from "@storewatch/model";
import type { CallExpr, Expr, TimeModifiers } from "../parser/ast.ts";
import { childrenOf } from "../parser/walk.ts";
import { type EvalContext, eachRow } from "./context.ts";
import { atTime, instantOf, type Looks } from "./select.ts";
import { describeLabels, mergeEqualLabels, pickRows, relabel, type Vector } from "./vector.ts";

/** What says whom an info series is about. */
const IDENTIFYING = ["instance", "job"] as const;
const DEFAULT_INFO_METRIC = "target_info";
/** Up to this many values are named in the selection; beyond it all info series are read and sorted out here. */
const NAMED_VALUES_MAX = 200;

/** The second argument: which info metrics, and which of their labels. */
class Wanted {
  readonly nameMatchers: readonly Matcher[];
  readonly dataMatchers: readonly Matcher[];

  constructor(selector: Expr | undefined) {
    const matchers = selector?.kind === "selector" ? selector.matchers : [];
    this.nameMatchers = matchers.filter(({ name }) => name === METRIC_NAME);
    this.dataMatchers = matchers.filter(({ name }) => name !== METRIC_NAME);
    const excludesOnly = this.nameMatchers.every(({ operator }) => operator === "!=" || operator === "!~");
    if (this.nameMatchers.length === 0) {
      this.nameMatchers = [new Matcher("=", METRIC_NAME, DEFAULT_INFO_METRIC)];
    } else if (excludesOnly) {
      this.nameMatchers = [new Matcher("=~", METRIC_NAME, ".+_info"), ...this.nameMatchers];
    }
  }

  isInfo(labels: Labels): boolean {
    return this.nameMatchers.every((matcher) => matcher.matches(labels.metricName));
  }

  takes(label: string): boolean {
    if (label === METRIC_NAME || IDENTIFYING.some((name) => name === label)) return false;
    return this.dataMatchers.length === 0 || this.dataMatchers.some(({ name }) => name === label);
  }

  /** A series about which nothing is known stays only when no label is asked for. */
  get needsMatch(): boolean {
    return this.dataMatchers.some((matcher) => !matcher.matchesEmpty);
  }
}

export async function evaluateInfo(expr: CallExpr, base: Vector, context: EvalContext): Promise<Vector> {
  const wanted = new Wanted(expr.args[1]);
  const plain = base.labels.map((labels) => wanted.isInfo(labels));
  const series = await fetchInfo(wanted, base, plain, expr.args[0], context);
  const seenAt = await instantOf(series, looksOf(expr.args[0], context), context, true);
  const infoRows = new Map<string, number[]>();
  series.forEach(({ labels }, row) => {
    const key = identityOf(labels);
    infoRows.set(key, [...(infoRows.get(key) ?? []), row]);
  });
  const rows = new EnrichedRows(base, seenAt, wanted, context);
  await eachRow(context.query.budget, base.labels.length, base.steps, (row) => {
    if (plain[row]) rows.copy(row);
    else rows.enrich(row, infoRows.get(identityOf(base.labels[row])) ?? []);
  });
  return rows.finish();
}

function identityOf(labels: Labels): string {
  return labels.keep(IDENTIFYING).key;
}

/** The info series of the instances and jobs that the base series have. */
async function fetchInfo(
  wanted: Wanted,
  base: Vector,
  plain: readonly boolean[],
  arg: Expr,
  context: EvalContext,
): Promise<SeriesSamples[]> {
  const { query, grid } = context;
  const values = IDENTIFYING.map((name) => {
    const found = new Set(base.labels.filter((_, row) => !plain[row]).map((labels) => labels.get(name)));
    found.delete("");
    return found;
  });
  if (!query.store || values.every((found) => found.size === 0)) return [];
  const matchers = [...wanted.nameMatchers, ...wanted.dataMatchers];
  IDENTIFYING.forEach((name, i) => {
    if (values[i].size === 0 || values[i].size > NAMED_VALUES_MAX) return;
    const alternatives = [...values[i]].map((value) => value.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    matchers.push(new Matcher("=~", name, alternatives.join("|")));
  });
  const { endMs, endStepMs } = looksOf(arg, context);
  const hints = { stepMs: grid.stepMs, rangeMs: 0, func: "info" };
  const lastMs = endMs + endStepMs * (grid.steps - 1);
  const found = await query.store.select(matchers, endMs - query.lookbackMs + 1, lastMs, hints);
  const series = found.filter(({ labels }) =>
    IDENTIFYING.every((name, i) => values[i].size === 0 || values[i].has(labels.get(name))),
  );
  let samples = 0;
  for (const one of found) samples += one.timesMs.length;
  const strange = series.find(({ histograms }) => histograms?.some((histogram) => histogram !== undefined));
  if (strange) query.fail(`this should be an info metric, with float samples: ${strange.labels}`);
  query.budget.samplesRead += samples;
  query.budget.hold(samples);
  return series;
}

/** Info is looked up at the times at which the argument's first selector looks. */
function looksOf(arg: Expr, context: EvalContext): Looks {
  const { query, grid } = context;
  let endMs = grid.startMs;
  let endStepMs = grid.stepMs;
  const apply = ({ at, offset }: TimeModifiers) => {
    const pinned = atTime(at, query);
    if (pinned !== undefined) {
      endMs = pinned;
      endStepMs = 0;
    }
    endMs -= query.resolve(offset);
  };
  for (let node: Expr | undefined = arg; node; node = childrenOf(node).find(hasSelector)) {
    if (node.kind === "subquery" || node.kind === "selector") apply(node);
    if (node.kind === "matrix") apply(node.selector);
  }
  return { endMs, endStepMs };
}

function hasSelector(expr: Expr): boolean {
  return expr.kind === "selector" || expr.kind === "matrix" || childrenOf(expr).some(hasSelector);
}

/** The result: a row for each set of labels that a base series gets at any step. */
class EnrichedRows {
  private readonly labels: Labels[] = [];
  private readonly dropName: boolean[] = [];
  /** For each row of the result the base row it is from, and the steps at which it is there. */
  private readonly from: number[] = [];
  private readonly present: Uint8Array[] = [];

  constructor(
    private readonly base: Vector,
    /** When the info series were last seen, in seconds. */
    private readonly seenAt: Vector,
    private readonly wanted: Wanted,
    private readonly context: EvalContext,
  ) {}

  private add(row: number, labels: Labels): Uint8Array {
    const { base } = this;
    this.context.query.budget.hold(base.steps);
    const present = new Uint8Array(base.steps);
    this.labels.push(labels);
    this.dropName.push(base.dropName[row]);
    this.from.push(row);
    this.present.push(present);
    return present;
  }

  copy(row: number): void {
    const { base } = this;
    this.add(row, base.labels[row]).set(base.present.subarray(row * base.steps, (row + 1) * base.steps));
  }

  enrich(row: number, candidates: readonly number[]): void {
    const { base, wanted } = this;
    const made = new Map<string, Uint8Array>();
    for (let s = 0; s < base.steps; s++) {
      if (base.present[row * base.steps + s] === 0) continue;
      const matches = this.newestOf(candidates, s);
      if (matches.length === 0 && wanted.needsMatch) continue;
      const key = matches.join();
      let present = made.get(key);
      if (!present) {
        present = this.add(row, this.enrichedLabels(row, matches));
        made.set(key, present);
      }
      present[s] = 1;
    }
  }

  /** Of each info metric the series that was seen last. */
  private newestOf(candidates: readonly number[], step: number): number[] {
    const { seenAt } = this;
    const newest = new Map<string, number>();
    for (const row of candidates) {
      const cell = row * seenAt.steps + step;
      if (seenAt.present[cell] === 0) continue;
      const name = seenAt.labels[row].metricName;
      const other = newest.get(name);
      if (other === undefined) {
        newest.set(name, row);
        continue;
      }
      const otherCell = other * seenAt.steps + step;
      if (seenAt.values[cell] === seenAt.values[otherCell]) this.failOnTwo(other, row, seenAt.values[cell]);
      if (seenAt.values[cell] > seenAt.values[otherCell]) newest.set(name, row);
    }
    return [...newest.values()];
  }

  private failOnTwo(first: number, second: number, seconds: number): never {
    const [one, two] = [first, second].map((row) => describeLabels(this.seenAt.labels[row]));
    const ms = Math.round(seconds * 1000);
    return this.context.query.fail(
      `found duplicate series for info metric: existing ${one} @ ${ms}, new ${two} @ ${ms}`,
    );
  }

  private enrichedLabels(row: number, matches: readonly number[]): Labels {
    const own = this.base.labels[row];
    const added = new Map<string, string>();
    for (const match of matches) {
      for (const [name, value] of this.seenAt.labels[match]) {
        if (!this.wanted.takes(name)) continue;
        if ((added.get(name) ?? value) !== value) this.context.query.fail(`conflicting label: ${name}`);
        if (!own.has(name)) added.set(name, value);
      }
    }
    return added.size === 0 ? own : Labels.fromEntries([...own, ...added]);
  }

  finish(): Vector {
    const { base, context } = this;
    const { steps } = base;
    const out = relabel(pickRows(base, this.from), this.labels, this.dropName);
    this.present.forEach((present, row) => {
      out.present.set(present, row * steps);
    });
    return mergeEqualLabels(out) ?? context.query.fail("vector cannot contain metrics with the same labelset");
  }
}
