// Health for probes and people, and the metrics page.
import { timingSafeEqual } from "node:crypto";
import { Router } from "express";
import type { ShopDatabase } from "./database.ts";
import type { ShopMetrics } from "./metrics.ts";
import { HttpProblem } from "./request-context.ts";

const CHECK_TIMEOUT_MS = 2000;

interface Check {
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly detail: Readonly<Record<string, number | string>>;
}

export interface HealthParts {
  readonly database: ShopDatabase;
  readonly metrics: ShopMetrics;
  readonly memoryLimitBytes: number;
  /** When set, the metrics page asks for it as a bearer token. */
  readonly metricsToken?: string;
}

export function healthRoutes(parts: HealthParts): Router {
  const router = Router();
  router.get("/health", async (_request, response) => {
    const checks = { database: await checkDatabase(parts.database), memory: checkMemory(parts.memoryLimitBytes) };
    const states = Object.values(checks).map((check) => check.status);
    const status = states.includes("unhealthy") ? "unhealthy" : states.includes("degraded") ? "degraded" : "healthy";
    response.status(status === "unhealthy" ? 503 : 200).json({ status, timestamp: new Date().toISOString(), checks });
  });
  router.get("/health/live", (_request, response) => void response.json({ status: "ok" }));
  router.get("/health/startup", (_request, response) => void response.json({ status: "ok" }));
  router.get("/health/ready", async (_request, response) => {
    const { status } = await checkDatabase(parts.database);
    response.status(status === "unhealthy" ? 503 : 200).json({ status });
  });
  router.get("/metrics", async (request, response) => {
    if (parts.metricsToken !== undefined && !hasToken(request.header("authorization"), parts.metricsToken))
      throw new HttpProblem(401, "the metrics page asks for a bearer token");
    response.setHeader("content-type", parts.metrics.registry.contentType);
    response.end(await parts.metrics.registry.metrics());
  });
  return router;
}

/** Every check has its time limit, so that the answer comes when it is needed most. */
async function checkDatabase(database: ShopDatabase): Promise<Check> {
  const startedMs = performance.now();
  const { inUse, max } = database.pool;
  const query = database.withConnection("", (session) => session.get("health", "SELECT 1"));
  const late = new Promise<"late">((resolve) => setTimeout(() => resolve("late"), CHECK_TIMEOUT_MS).unref());
  const outcome = await Promise.race([query.catch((error: unknown) => ({ error: String(error) })), late]);
  const detail = { latencyMs: Math.round(performance.now() - startedMs), inUse, max };
  if (outcome === "late") return { status: "unhealthy", detail: { ...detail, error: "no answer in time" } };
  if (typeof outcome === "object" && outcome !== null && "error" in outcome)
    return { status: "unhealthy", detail: { ...detail, error: String(outcome.error) } };
  return { status: inUse > 0.8 * max ? "degraded" : "healthy", detail };
}

function checkMemory(limitBytes: number): Check {
  const rssBytes = process.memoryUsage.rss();
  return { status: rssBytes > 0.9 * limitBytes ? "degraded" : "healthy", detail: { rssBytes, limitBytes } };
}

function hasToken(header: string | undefined, token: string): boolean {
  const given = Buffer.from(header ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
