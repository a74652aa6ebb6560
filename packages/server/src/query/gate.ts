// Who may evaluate a query now, who waits, who is refused.
import type { Clock, TenantScope } from "@storewatch/model";
import { QueryError, type QueryShare } from "@storewatch/promql/engine";
import { StorewatchError } from "../kernel/errors.ts";

export interface GateLimits {
  /** Queries that are evaluated at once; the rest waits its turn. */
  readonly concurrency: number;
  /** Queries that may wait; one more is refused. */
  readonly queue: number;
  /** The same for the callers of some shops only, so that these leave room for everyone else. */
  readonly concurrencyOfShops: number;
  readonly queueOfShops: number;
  /** Samples that the queries of the callers of some shops may hold together. */
  readonly maxSamplesOfShops: number;
  /** Time on the event loop that the callers of some shops may use up in a minute. */
  readonly busyMsPerMinuteOfShops: number;
}

/** Callers who see the same shops are told apart from others, not from each other; "" sees all. */
export function scopeKey(scope: TenantScope): string {
  return scope.kind === "all" ? "" : [...scope.ids].sort().join(",") || "none";
}

export interface Pass {
  /** Where the engine counts what this query takes; none for callers who see all. */
  readonly share: QueryShare | undefined;
  release(): void;
}

interface Waiting {
  readonly key: string;
  readonly go: () => void;
}

/** What is known of the callers of some shops. */
interface Account {
  running: number;
  readonly share: QueryShare;
  /** How much of share.busyMs has been laid upon `debtMs`. */
  seenBusyMs: number;
  /** Time used and not yet made good; it melts by the allowed share of time. */
  debtMs: number;
  debtAtMs: number;
}

const MINUTE_MS = 60_000;
const ACCOUNTS_MAX = 1000;

/** Lets so many callers pass at once and so many wait, first come first served, in all and of each scope. */
export class Gate {
  private readonly accounts = new Map<string, Account>();
  private running = 0;
  private readonly waiting: Waiting[] = [];

  constructor(
    private readonly limits: GateLimits,
    private readonly clock: Pick<Clock, "monotonicMs">,
  ) {}

  get waitingNow(): number {
    return this.waiting.length;
  }

  get runningNow(): number {
    return this.running;
  }

  /** Throws LIMIT when too many wait or the scope's time is used up, QueryError when the caller goes while waiting. */
  async enter(scope: TenantScope, signal?: AbortSignal): Promise<Pass> {
    const key = scopeKey(scope);
    const account = key === "" ? undefined : this.accountOf(key);
    if (account) this.mustHaveTime(account);
    if (this.mayRun(key)) this.start(key);
    else await this.wait(key, signal);
    let released = false;
    return {
      share: account?.share,
      release: () => {
        if (released) return;
        released = true;
        this.leave(key);
      },
    };
  }

  private accountOf(key: string): Account {
    const known = this.accounts.get(key);
    if (known) return known;
    if (this.accounts.size >= ACCOUNTS_MAX) this.forgetIdle();
    const share = { held: 0, maxSamples: this.limits.maxSamplesOfShops, busyMs: 0 };
    const account = { running: 0, share, seenBusyMs: 0, debtMs: 0, debtAtMs: this.clock.monotonicMs() };
    this.accounts.set(key, account);
    return account;
  }

  private forgetIdle(): void {
    for (const [key, account] of this.accounts) {
      this.settle(account);
      if (account.running === 0 && account.debtMs === 0 && !this.waiting.some((one) => one.key === key))
        this.accounts.delete(key);
    }
  }

  private settle(account: Account): void {
    const nowMs = this.clock.monotonicMs();
    const melted = ((nowMs - account.debtAtMs) * this.limits.busyMsPerMinuteOfShops) / MINUTE_MS;
    account.debtMs = Math.max(0, account.debtMs + account.share.busyMs - account.seenBusyMs - melted);
    account.seenBusyMs = account.share.busyMs;
    account.debtAtMs = nowMs;
  }

  private mustHaveTime(account: Account): void {
    this.settle(account);
    const over = account.debtMs - this.limits.busyMsPerMinuteOfShops;
    if (over <= 0) return;
    const seconds = Math.ceil((over * MINUTE_MS) / this.limits.busyMsPerMinuteOfShops / 1000);
    throw new StorewatchError("LIMIT", { reason: "your queries have used up their time", seconds });
  }

  private mayRun(key: string): boolean {
    const { concurrency, concurrencyOfShops } = this.limits;
    if (this.running >= concurrency) return false;
    return key === "" || (this.accounts.get(key)?.running ?? 0) < concurrencyOfShops;
  }

  private start(key: string): void {
    this.running += 1;
    const account = this.accounts.get(key);
    if (account) account.running += 1;
  }

  private leave(key: string): void {
    this.running -= 1;
    const account = this.accounts.get(key);
    if (account) account.running -= 1;
    const next = this.waiting.findIndex((one) => this.mayRun(one.key));
    if (next < 0) return;
    const [{ key: theirs, go }] = this.waiting.splice(next, 1);
    this.start(theirs);
    go();
  }

  private async wait(key: string, signal: AbortSignal | undefined): Promise<void> {
    const ofKey = key === "" ? 0 : this.waiting.filter((one) => one.key === key).length;
    if (this.waiting.length >= this.limits.queue || ofKey >= this.limits.queueOfShops)
      throw new StorewatchError("LIMIT", { reason: "too many queries are waiting", seconds: 1 });
    await new Promise<void>((resolve, reject) => {
      const abort = () => {
        const place = this.waiting.indexOf(one);
        if (place < 0) return;
        this.waiting.splice(place, 1);
        reject(new QueryError("canceled", "query was canceled in query queue"));
      };
      const go = () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      const one = { key, go };
      this.waiting.push(one);
      signal?.addEventListener("abort", abort, { once: true });
      if (signal?.aborted) abort();
    });
  }
}
