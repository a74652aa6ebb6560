// What a running query carries along: its times, limits, annotations and data.
import type { SeriesSamples } from "@storewatch/model";
import type { Duration, Expr, SourceRange, VectorSelector } from "../parser/ast.ts";
import { durationMs } from "../parser/duration.ts";
import { positionAt } from "../parser/error.ts";
import { type EngineOptions, type Queryable, QueryError, type QueryRequest, type QueryShare } from "./queryable.ts";
import type { SharedResults } from "./shared.ts";
import type { Grid } from "./vector.ts";

/** Work between two turns of the event loop. */
const SLICE_MS = 10;
/** Cells between two looks at the clock: about 0.2 ms. */
const CELLS_PER_CHECK = 16_384;
const DEFAULT_SAMPLES_MAX = 50_000_000;
export const DEFAULT_LOOKBACK_MS = 300_000;
const DEFAULT_SUBQUERY_STEP_MS = 60_000;

/** What all queries of an engine hold together, and which run, the oldest first. */
export interface SharedBudget {
  held: number;
  readonly running: Set<Budget>;
}

/** Limits of one query, and its politeness towards the event loop. */
export class Budget {
  samplesRead = 0;
  peakSamples = 0;
  busyMs = 0;
  private held = 0;
  private cells = 0;
  private sliceStartMs: number;
  private readonly deadlineMs: number;

  constructor(
    private readonly options: EngineOptions,
    private readonly request: QueryRequest,
    private readonly shared: SharedBudget,
  ) {
    shared.running.add(this);
    this.sliceStartMs = options.clock.monotonicMs();
    this.deadlineMs = this.sliceStartMs + (request.timeoutMs ?? Number.POSITIVE_INFINITY);
  }

  /** Counts samples as held in memory, until `settle`. To be called before the memory is taken. */
  hold(samples: number): void {
    this.set(this.held + samples);
  }

  private set(samples: number): void {
    const { share } = this.request;
    this.shared.held += samples - this.held;
    if (share) share.held += samples - this.held;
    this.held = samples;
    this.peakSamples = Math.max(this.peakSamples, samples);
    if (samples > (this.options.maxSamples ?? DEFAULT_SAMPLES_MAX)) {
      throw new QueryError("limit", "query processing would load too many samples into memory in query execution");
    }
    if (share && share.held > share.maxSamples && share.held > samples) {
      throw new QueryError("limit", "your queries that run now hold too many samples together: try again later");
    }
    // A query that is alone has its own limit only.
    if (this.shared.held > (this.options.maxSamplesAll ?? Number.POSITIVE_INFINITY) && this.shared.held > samples) {
      throw new QueryError("limit", "the queries that run now hold too many samples together: try again later");
    }
  }

  /**
   * Waits while the queries that run hold much together: over half of what they may. The oldest goes on always, so that
   * in the end each gets through. Throws like `pause`.
   */
  private async waitForRoom(): Promise<void> {
    while (this.isCrowded()) {
      await (this.options.yieldNow ?? nextTurn)();
      this.check();
    }
  }

  private isCrowded(): boolean {
    const { running, held } = this.shared;
    if (running.size === 1) return false;
    const { share } = this.request;
    if (held > (this.options.maxSamplesAll ?? Number.POSITIVE_INFINITY) / 2 && firstOf(running) !== this) return true;
    return share !== undefined && share.held > share.maxSamples / 2 && firstOf(running, share) !== this;
  }

  /** To be called before the first data is read. Queries that begin together do so one after the other. */
  async start(): Promise<void> {
    this.check();
    const isShared = this.options.maxSamplesAll !== undefined || this.request.share !== undefined;
    if (!isShared || this.shared.running.size === 1) return;
    this.endSlice();
    await (this.options.yieldNow ?? nextTurn)();
    await this.waitForRoom();
    this.beginSlice();
  }

  /** The query is over, whatever its outcome. */
  release(): void {
    this.endSlice();
    this.shared.running.delete(this);
    this.shared.held -= this.held;
    if (this.request.share) this.request.share.held -= this.held;
    this.held = 0;
  }

  get share(): QueryShare | undefined {
    return this.request.share;
  }

  get heldNow(): number {
    return this.held;
  }

  /** An expression is done: of all that was held for it since `before` only its result is left. */
  settle(before: number, resultSamples: number): void {
    this.set(before + resultSamples);
  }

  /** Counts cells of work; true when it is time to `pause`. */
  due(cells: number): boolean {
    this.cells += cells;
    if (this.cells < CELLS_PER_CHECK) return false;
    this.cells = 0;
    return this.options.clock.monotonicMs() - this.sliceStartMs >= SLICE_MS;
  }

  /** Lets the event loop turn. Throws when the query was cancelled or has run out of time. */
  async pause(): Promise<void> {
    this.endSlice();
    await (this.options.yieldNow ?? nextTurn)();
    this.check();
    await this.waitForRoom();
    this.beginSlice();
  }

  beginSlice(): void {
    this.sliceStartMs = this.options.clock.monotonicMs();
  }

  /** Counts the time since the slice began. */
  endSlice(): void {
    const nowMs = this.options.clock.monotonicMs();
    const busyMs = nowMs - this.sliceStartMs;
    this.busyMs += busyMs;
    if (this.request.share) this.request.share.busyMs += busyMs;
    this.sliceStartMs = nowMs;
  }

  check(): void {
    if (this.request.signal?.aborted) throw new QueryError("canceled", "query was canceled in query execution");
    if (this.options.clock.monotonicMs() > this.deadlineMs) {
      throw new QueryError("timeout", "query timed out in query execution");
    }
  }
}

function firstOf(running: ReadonlySet<Budget>, share?: QueryShare): Budget | undefined {
  for (const budget of running) if (!share || budget.share === share) return budget;
  return undefined;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Calls `body` for each row, with turns of the event loop in between. `cells`: the work of a row. */
export async function eachRow(budget: Budget, rows: number, cells: number, body: (row: number) => void): Promise<void> {
  for (let row = 0; row < rows; row++) {
    body(row);
    if (budget.due(cells)) await budget.pause();
  }
}

/** `map` of a typed array, with turns of the event loop in between. */
export async function mapCells(
  budget: Budget,
  values: Float64Array,
  call: (value: number, cell: number) => number,
): Promise<Float64Array> {
  const out = new Float64Array(values.length);
  for (let from = 0; from < values.length; from += CELLS_PER_CHECK) {
    const to = Math.min(values.length, from + CELLS_PER_CHECK);
    for (let cell = from; cell < to; cell++) out[cell] = call(values[cell], cell);
    if (budget.due(to - from)) await budget.pause();
  }
  return out;
}

/** Warnings and infos, each once, with their place in the query. */
export class Annotations {
  private readonly warningSet = new Set<string>();
  private readonly infoSet = new Set<string>();

  constructor(private readonly text: string) {}

  warn(message: string, place: SourceRange): void {
    this.warningSet.add(`PromQL warning: ${message} (${this.place(place)})`);
  }

  info(message: string, place: SourceRange): void {
    this.infoSet.add(`PromQL info: ${message} (${this.place(place)})`);
  }

  get warnings(): string[] {
    return [...this.warningSet];
  }

  get infos(): string[] {
    return [...this.infoSet];
  }

  private place(range: SourceRange): string {
    const { line, column } = positionAt(this.text, range.from);
    return `${line}:${column}`;
  }
}

/** One query. */
export class QueryContext {
  readonly lookbackMs: number;
  readonly subqueryStepMs: number;
  readonly delayedNameRemoval: boolean;
  readonly annotations: Annotations;
  readonly budget: Budget;
  private readonly sharedResults: SharedResults | undefined;
  /** For what is selected while the query runs: info(). */
  store: Queryable | undefined;
  /** What the store gave for each selector. */
  readonly data = new Map<VectorSelector, readonly SeriesSamples[]>();
  /** The same by what the store was asked: selectors that stand twice are asked for once. */
  readonly asked = new Map<string, readonly SeriesSamples[]>();
  /** Whether an expression gives the same at every step, for those looked at so far. */
  readonly invariance = new Map<Expr, boolean>();

  constructor(
    readonly options: EngineOptions,
    request: QueryRequest,
    /** The times of the query itself; subqueries have their own. */
    readonly grid: Grid,
    readonly startMs: number,
    readonly endMs: number,
    shared: SharedBudget = { held: 0, running: new Set() },
  ) {
    this.lookbackMs = request.lookbackMs ?? options.lookbackMs ?? DEFAULT_LOOKBACK_MS;
    this.subqueryStepMs = options.defaultSubqueryStepMs ?? DEFAULT_SUBQUERY_STEP_MS;
    this.delayedNameRemoval = options.delayedNameRemoval ?? true;
    this.annotations = new Annotations(request.expression);
    this.budget = new Budget(options, request, shared);
    this.sharedResults = request.sharedResults;
  }

  /** Milliseconds of a duration, step() and range() filled in. */
  resolve(duration: Duration | undefined, positive = false): number {
    if (!duration) return 0;
    const context = { stepMs: this.grid.stepMs, rangeMs: this.endMs - this.startMs };
    const ms = durationMs(duration, context, (reason) => this.fail(reason));
    if (positive && ms <= 0) this.fail("duration must be greater than 0");
    return ms;
  }

  /** Of an instant query, for what is evaluated at its own time: the inside of a subquery has other times. */
  sharedAt(grid: Grid): SharedResults | undefined {
    const isOwnTime = this.grid.steps === 1 && grid.steps === 1 && grid.startMs === this.grid.startMs;
    return isOwnTime ? this.sharedResults : undefined;
  }

  fail(message: string): never {
    throw new QueryError("execution", message);
  }
}

/** An expression's surroundings: the query, and the times to evaluate at. */
export interface EvalContext {
  readonly query: QueryContext;
  readonly grid: Grid;
}
