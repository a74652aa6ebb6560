// Health endpoints for people, load balancers and Kubernetes probes.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../clock.ts";
import type { Guard } from "../guard.ts";
import type { AppMetrics } from "../metrics/app-metrics.ts";
import { Check, type CheckFunction, type CheckOptions, type CheckResult } from "./check.ts";

export interface HealthOptions {
  /** Where the endpoints are; `false` leaves them to the application. Default `/health`. */
  readonly path?: string | false;
  /** What `/health` shows: every check with its figures, or the status word alone. Default `full`. */
  readonly details?: "full" | "status";
  /** False: not started until `started()` is called. Default: started when every critical check has passed once. */
  readonly startsByItself?: boolean;
}

export type OverallStatus = "healthy" | "degraded" | "unhealthy";

export interface HealthReport {
  readonly status: OverallStatus;
  readonly timestamp: string;
  readonly service: string;
  readonly version: string;
  readonly checks: Readonly<Record<string, CheckResult>>;
}

interface HealthParts {
  readonly service: string;
  readonly version: string;
  readonly metrics: AppMetrics;
  readonly guard: Guard;
  readonly clock: Clock;
}

export interface HealthAnswer {
  readonly statusCode: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const CHECKS_MAX = 100;
const STATUS_VALUE = { healthy: 1, warning: 0.5, error: 0 } as const;

export class Health {
  private readonly options: HealthOptions;
  private readonly parts: HealthParts;
  private readonly checks = new Map<string, Check>();
  private readonly path: string | undefined;
  private isStarted = false;
  private isStopping = false;

  constructor(options: HealthOptions, parts: HealthParts) {
    this.options = options;
    this.parts = parts;
    this.path = options.path === false ? undefined : (options.path ?? "/health").replace(/\/$/, "");
    const gauge = { name: "health_check_status", help: "1 healthy, 0.5 warning, 0 error", labelNames: ["check"] };
    parts.metrics.observedGauge(gauge, () =>
      [...this.checks.values()].flatMap(({ name, latest }) =>
        latest === undefined ? [] : [{ labels: { check: name }, value: STATUS_VALUE[latest.status] }],
      ),
    );
  }

  /** Adds a check, or replaces the one of that name. */
  check(name: string, run: CheckFunction, options: CheckOptions = {}): this {
    if (this.checks.size >= CHECKS_MAX && !this.checks.has(name))
      this.parts.guard.failed("health", new Error(`check ${name} is left out: there are ${CHECKS_MAX} already`));
    else this.checks.set(name, new Check(name, run, options, this.parts.clock));
    return this;
  }

  /** The service has started: `/health/startup` and `/health/ready` may say so. */
  started(): void {
    this.isStarted = true;
  }

  /** The service is about to stop: not ready from now on, so that nobody sends it new requests. */
  stopping(): void {
    this.isStopping = true;
  }

  /** Runs all checks. Never rejects. */
  async report(): Promise<HealthReport> {
    const names = [...this.checks.keys()];
    const results = await Promise.all([...this.checks.values()].map((check) => check.result()));
    const checks = Object.fromEntries(names.map((name, i) => [name, results[i]!]));
    const { service, version, clock } = this.parts;
    const timestamp = new Date(clock.wallMs()).toISOString();
    return { status: overall(results), timestamp, service, version, checks };
  }

  /** The process runs and its event loop turns. Does not look at anything else: a restart mends no database. */
  live(): HealthAnswer {
    return { statusCode: 200, body: { status: "alive" } };
  }

  async ready(): Promise<HealthAnswer> {
    if (this.isStopping) return notReady("stopping");
    const results = await this.critical();
    const failed = results.filter(([, result]) => result.status === "error").map(([name]) => name);
    if (!this.hasStarted(failed)) return notReady("starting", failed);
    return failed.length > 0 ? notReady("not ready", failed) : { statusCode: 200, body: { status: "ready" } };
  }

  async startup(): Promise<HealthAnswer> {
    const failed = this.isStarted
      ? []
      : (await this.critical()).filter(([, result]) => result.status === "error").map(([name]) => name);
    if (!this.hasStarted(failed)) return notReady("starting", failed);
    return { statusCode: 200, body: { status: "started" } };
  }

  /** `/health`: 503 only when a critical check fails; degraded is 200, because the service still does its work. */
  async overview(): Promise<HealthAnswer> {
    const report = await this.report();
    const statusCode = report.status === "unhealthy" ? 503 : 200;
    const body = this.options.details === "status" ? { status: report.status } : { ...report };
    return { statusCode, body };
  }

  /** Answers when the request is for a health endpoint; then true. For adapters and plain `node:http` servers. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const answer = this.answerFor(request);
    if (answer === undefined) return false;
    answer
      .then(({ statusCode, body }) => {
        response.writeHead(statusCode, { "content-type": "application/json", "cache-control": "no-store" });
        response.end(request.method === "HEAD" ? undefined : `${JSON.stringify(body)}\n`);
      })
      .catch((error: unknown) => {
        this.parts.guard.failed("health", error);
        response.destroy();
      });
    return true;
  }

  private answerFor(request: IncomingMessage): Promise<HealthAnswer> | undefined {
    const { path } = this;
    const url = request.url ?? "";
    if (path === undefined || !url.startsWith(path)) return undefined;
    if (request.method !== "GET" && request.method !== "HEAD") return undefined;
    const end = url.indexOf("?");
    switch (url.slice(path.length, end < 0 ? undefined : end)) {
      case "":
      case "/":
        return this.overview();
      case "/live":
        return Promise.resolve(this.live());
      case "/ready":
        return this.ready();
      case "/startup":
        return this.startup();
      default:
        return undefined;
    }
  }

  private critical(): Promise<(readonly [string, CheckResult])[]> {
    const critical = [...this.checks.values()].filter((check) => check.critical);
    return Promise.all(critical.map(async (check) => [check.name, await check.result()] as const));
  }

  private hasStarted(failed: readonly string[]): boolean {
    if (!this.isStarted && this.options.startsByItself !== false && failed.length === 0) this.isStarted = true;
    return this.isStarted;
  }
}

function notReady(status: string, failed: readonly string[] = []): HealthAnswer {
  return { statusCode: 503, body: failed.length > 0 ? { status, failed } : { status } };
}

function overall(results: readonly CheckResult[]): OverallStatus {
  if (results.some((result) => result.critical && result.status === "error")) return "unhealthy";
  return results.every((result) => result.status === "healthy") ? "healthy" : "degraded";
}
