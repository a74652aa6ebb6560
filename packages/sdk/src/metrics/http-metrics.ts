// The platform's request metrics: names, labels and buckets as its dashboards and rules expect them.
import { Counter, Gauge, type Registry } from "prom-client";
import { OTHER, UNKNOWN_TENANT } from "../tenant/tenant-id.ts";
import type { OpenConnections } from "./connections.ts";
import { RequestTally } from "./request-tally.ts";
import { SeriesBook, type SeriesBudget } from "./series-budget.ts";

const DURATION_BUCKETS = [0.1, 0.3, 0.5, 0.7, 1, 3, 5, 7, 10];
/** The route of a request that no route matched: never its path, which anybody may invent. */
export const UNMATCHED_ROUTE = "unmatched";
/** HTTP's, and the word for messages of a queue, which no HTTP client can send: Node refuses methods that it does not know. */
/** Stands for what is no status code. */
const NO_STATUS = 0;
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "MESSAGE"]);

export class HttpMetrics {
  private readonly tally: RequestTally;
  private readonly slow: Counter;
  private readonly slowBook: SeriesBook;

  constructor(registry: Registry, budget: SeriesBudget, connections: OpenConnections) {
    const registers = [registry];
    const requestLabels = ["method", "route", "status_code", "tenant_id"];
    const durationLabels = ["method", "route", "tenant_id"];
    const requests = { name: "http_requests_total", help: "Total number of HTTP requests", labelNames: requestLabels };
    const durations = {
      name: "http_request_duration_seconds",
      help: "HTTP request duration in seconds",
      labelNames: durationLabels,
    };
    const slow = {
      name: "http_slow_requests_total",
      help: "Requests that took longer than the threshold for slow endpoints",
      labelNames: durationLabels,
    };
    const kept = ["method", "status_code"];
    this.tally = new RequestTally({
      bounds: DURATION_BUCKETS,
      requestBook: new SeriesBook({ ...requests, weight: 1, kept }, budget),
      durationBook: new SeriesBook({ ...durations, weight: DURATION_BUCKETS.length + 3, kept }, budget),
    });
    this.tally.register(registry, requests, durations);
    this.slow = new Counter({ ...slow, registers });
    this.slowBook = new SeriesBook({ ...slow, weight: 1, kept }, budget);
    new Gauge({
      name: "active_connections",
      help: "Number of open client connections",
      registers,
      async collect() {
        this.set(await connections.count());
      },
    });
  }

  /** A request is over: `route` is a template, `seconds` from the first byte read to the last one written. */
  done(methodName: string, route: string, tenantId: string | undefined, statusCode: number, seconds: number): void {
    const method = METHODS.has(methodName) ? methodName : OTHER;
    // Whoever tracks by hand may give anything; a label has no room for it.
    const status = Number.isInteger(statusCode) && statusCode >= 100 && statusCode <= 999 ? statusCode : NO_STATUS;
    this.tally.add({ method, route, tenant: tenantId ?? UNKNOWN_TENANT }, status, seconds);
  }

  slowRequest(method: string, route: string, tenantId: string | undefined): void {
    this.slow.inc(this.slowBook.labels({ method, route, tenant_id: tenantId ?? UNKNOWN_TENANT }));
  }
}
