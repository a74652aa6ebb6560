import type { Clock } from "../clock.ts";
import { errorText } from "../guard.ts";

/** What a check found. `warning`: it works, but somebody should look. */
export type CheckStatus = "healthy" | "warning" | "error";

export interface CheckFinding {
  readonly status?: CheckStatus;
  /** Figures for whoever reads the answer; plain values. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

/**
 * Healthy when it returns or resolves, an error when it throws or rejects; when it gives a CheckFinding, what that says.
 * Anything else that it gives is not looked at, so that `() => pool.query("SELECT 1")` will do.
 */
export type CheckFunction = (signal: AbortSignal) => unknown;

export interface CheckOptions {
  /** Without it the service cannot do its work: not ready, and unhealthy. Others only degrade. Default true. */
  readonly critical?: boolean;
  /** After this long the check has failed. Default 2000 ms. */
  readonly timeoutMs?: number;
  /** A result is given again for this long: probes and load balancers ask often. Default 1000 ms. */
  readonly cacheMs?: number;
  /** Slower than this is a warning. Default: none. */
  readonly slowMs?: number;
}

export interface CheckResult {
  readonly status: CheckStatus;
  /** Milliseconds. */
  readonly latency: number;
  readonly critical: boolean;
  readonly error?: string;
  readonly details?: CheckFinding["details"];
}

/** One check: never throws, never takes longer than its limit, never runs twice at a time. */
export class Check {
  readonly name: string;
  readonly critical: boolean;
  private readonly run: CheckFunction;
  private readonly options: Required<Omit<CheckOptions, "slowMs" | "critical">> & { readonly slowMs?: number };
  private readonly clock: Clock;
  private last: CheckResult | undefined;
  private lastMs = Number.NEGATIVE_INFINITY;
  private running: Promise<CheckResult> | undefined;
  /** Runs that were given up and have not ended: each may hold a connection of the shop's pool. */
  private hanging = 0;
  private startedMs = Number.NEGATIVE_INFINITY;

  constructor(name: string, run: CheckFunction, options: CheckOptions, clock: Clock) {
    this.name = name;
    this.run = run;
    this.critical = options.critical ?? true;
    const { timeoutMs = 2000, cacheMs = 1000, slowMs } = options;
    this.options = { timeoutMs, cacheMs, ...(slowMs === undefined ? {} : { slowMs }) };
    this.clock = clock;
  }

  /** The last result, also an old one; undefined when it never ran. */
  get latest(): CheckResult | undefined {
    return this.last;
  }

  result(): Promise<CheckResult> {
    if (this.last !== undefined && this.clock.monotonicMs() - this.lastMs < this.options.cacheMs)
      return Promise.resolve(this.last);
    this.running ??= this.once();
    return this.running;
  }

  private async once(): Promise<CheckResult> {
    const startMs = this.clock.monotonicMs();
    // Awaited in both cases: `running` is set only when this has returned to its caller.
    const finding: CheckFinding & { error?: string } = await (this.mayStart(startMs) ? this.limited() : STILL_HANGING);
    const latency = Math.round((this.clock.monotonicMs() - startMs) * 10) / 10;
    const { error, details, status = error === undefined ? "healthy" : "error" } = finding;
    const slow = status === "healthy" && this.options.slowMs !== undefined && latency > this.options.slowMs;
    this.last = {
      status: slow ? "warning" : status,
      latency,
      critical: this.critical,
      ...(error === undefined ? {} : { error }),
      ...(details === undefined ? {} : { details }),
    };
    this.lastMs = this.clock.monotonicMs();
    this.running = undefined;
    return this.last;
  }

  /** A probe every second on a database that hangs must not eat up the pool that the shop's requests need. */
  private mayStart(nowMs: number): boolean {
    return this.hanging < HANGING_MAX || nowMs - this.startedMs >= HANGING_RETRY_MS;
  }

  private async limited(): Promise<CheckFinding & { error?: string }> {
    const { timeoutMs } = this.options;
    this.startedMs = this.clock.monotonicMs();
    this.hanging += 1;
    const abort = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<{ error: string }>((resolve) => {
      timer = setTimeout(() => {
        resolve({ error: `no answer within ${timeoutMs} ms` });
        abort.abort();
      }, timeoutMs);
    });
    const work = (async () => findingOf(await this.run(abort.signal)))()
      .catch((error: unknown) => ({ error: errorText(error) }))
      .finally(() => {
        this.hanging -= 1;
      });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** So many runs of one check may hang at a time; then one more each ten seconds, should they never end. */
const HANGING_MAX = 2;
const HANGING_RETRY_MS = 10_000;
const STILL_HANGING = { error: "earlier runs still hang" };

const STATUSES = new Set<unknown>(["healthy", "warning", "error"]);

/** Clients answer with all sorts of objects, some with a `status` of their own: only our words are a finding. */
function findingOf(value: unknown): CheckFinding {
  if (typeof value !== "object" || value === null) return {};
  const { status, details } = value as { status?: unknown; details?: unknown };
  return {
    ...(STATUSES.has(status) ? { status: status as CheckStatus } : {}),
    ...(STATUSES.has(status) || status === undefined ? plainDetails(details) : {}),
  };
}

/** Details are answered as JSON: only plain values go out, whatever a check put there. */
function plainDetails(details: unknown): Pick<CheckFinding, "details"> {
  if (typeof details !== "object" || details === null) return {};
  const plain = Object.entries(details).filter(([, value]) => ["string", "number", "boolean"].includes(typeof value));
  return plain.length > 0 ? { details: Object.fromEntries(plain) } : {};
}
