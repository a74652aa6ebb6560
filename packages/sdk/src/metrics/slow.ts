// Slow queries and slow endpoints: a counter, a log line, a breadcrumb.
import { currentContext } from "../context/store.ts";
import type { Guard } from "../guard.ts";
import type { Hooks } from "../hooks.ts";
import type { Warnings } from "../warnings.ts";
import type { HttpMetrics } from "./http-metrics.ts";
import type { Instruments, SafeCounter } from "./instruments.ts";

export interface SlowOptions {
  /** Milliseconds from which a database query is slow. Default 1000. */
  readonly queryMs?: number;
  /** Milliseconds from which a request is slow. Default 2000. */
  readonly endpointMs?: number;
  /** Milliseconds from which an operation (`trackPerformance`) is slow. Default 2000. */
  readonly operationMs?: number;
}

const QUERY_CHARS_MAX = 500;
const VERBS = new Set([
  "select",
  "insert",
  "update",
  "delete",
  "merge",
  "with",
  "call",
  "begin",
  "commit",
  "rollback",
  "create",
  "alter",
  "drop",
  "vacuum",
]);

export class SlowWatch {
  private readonly queryMs: number;
  private readonly endpointMs: number;
  private readonly operationMs: number;
  private readonly queries: SafeCounter;
  private readonly http: HttpMetrics;
  private readonly hooks: Hooks;
  private readonly warnings: Warnings;
  private readonly guard: Guard;

  constructor(
    options: SlowOptions,
    parts: { http: HttpMetrics; instruments: Instruments; hooks: Hooks; warnings: Warnings; guard: Guard },
  ) {
    this.queryMs = options.queryMs ?? 1000;
    this.endpointMs = options.endpointMs ?? 2000;
    this.operationMs = options.operationMs ?? 2000;
    this.http = parts.http;
    this.hooks = parts.hooks;
    this.warnings = parts.warnings;
    this.guard = parts.guard;
    this.queries = parts.instruments.counter({
      name: "db_slow_queries_total",
      help: "Database statements that took longer than the threshold for slow queries",
      labelNames: ["tenant_id", "operation"],
    });
  }

  /** A query took `durationMs`. Its text is logged without its values; `operation` is the label (default: its verb). */
  query(text: string, durationMs: number, operation?: string): void {
    if (!(durationMs >= this.queryMs)) return;
    this.guard.run("metrics", () => this.slowQuery(String(text), durationMs, operation), undefined);
  }

  /** A request took `durationMs`. */
  request(method: string, route: string, tenantId: string | undefined, durationMs: number): void {
    if (!(durationMs >= this.endpointMs)) return;
    this.http.slowRequest(method, route, tenantId);
    const data = { endpoint: route, method, duration: Math.round(durationMs), threshold: this.endpointMs };
    this.tell("Slow API endpoint", data, { tenantId });
  }

  /** An operation took `durationMs`. */
  operation(operation: string, durationMs: number): void {
    if (!(durationMs >= this.operationMs)) return;
    const data = { operation, duration: Math.round(durationMs), threshold: this.operationMs };
    this.tell("Slow operation", data, { tenantId: currentContext()?.tenantId });
  }

  private slowQuery(text: string, durationMs: number, operation: string | undefined): void {
    const query = withoutValues(text);
    const verb = /^\W*(\w+)/.exec(query)?.[1]?.toLowerCase() ?? "";
    this.queries.inc({ operation: operation ?? (VERBS.has(verb) ? verb : "other") });
    const data = { query, duration: Math.round(durationMs), threshold: this.queryMs };
    this.tell("Slow database query detected", data, { tenantId: currentContext()?.tenantId });
  }

  private tell(message: string, data: Record<string, unknown>, more: Record<string, unknown>): void {
    this.warnings.warn(message, { ...data, ...more });
    this.hooks.breadcrumb({ message, level: "warning", category: "performance", data });
  }
}

/** SQL with `?` for its literals: values are customers' data, and logs are no place for them. */
export function withoutValues(sql: string): string {
  return sql
    .slice(0, 4 * QUERY_CHARS_MAX)
    .replace(/\$(\w*)\$.*?(?:\$\1\$|$)/gs, "?")
    .replace(/'(?:[^']|'')*(?:'|$)/g, "?")
    .replace(/\b\d+(?:\.\d+)?\b/g, (digits, at: number, whole: string) => (whole[at - 1] === "$" ? digits : "?"))
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, QUERY_CHARS_MAX);
}
