// The strategy document's own middleware, word for word but for the types: what the SDK is measured against.
import { Counter, Gauge, Histogram, Registry } from "prom-client";

export function snippetMiddleware() {
  const registers = [new Registry()];
  const httpRequestsTotal = new Counter({
    name: "http_requests_total",
    help: "Total number of HTTP requests",
    labelNames: ["method", "route", "status_code", "tenant_id"],
    registers,
  });
  const httpRequestDuration = new Histogram({
    name: "http_request_duration_seconds",
    help: "HTTP request duration in seconds",
    labelNames: ["method", "route", "tenant_id"],
    buckets: [0.1, 0.3, 0.5, 0.7, 1, 3, 5, 7, 10],
    registers,
  });
  new Gauge({ name: "active_connections", help: "Number of active connections", registers });
  return (req, res, next) => {
    const start = Date.now();
    res.on("finish", () => {
      const duration = (Date.now() - start) / 1000;
      const labels = {
        method: req.method,
        route: req.route?.path || req.path,
        status_code: res.statusCode.toString(),
        tenant_id: req.headers["x-tenant-id"] || "unknown",
      };
      httpRequestsTotal.inc(labels);
      const { status_code: _left, ...durationLabels } = labels;
      httpRequestDuration.observe(durationLabels, duration);
    });
    next();
  };
}
