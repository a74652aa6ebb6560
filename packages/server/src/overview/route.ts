import { parseDurationMs, parseTenantId, scopeAllows, type TenantScope, tenantScope } from "@storewatch/model";
import type { Overview, TenantOverview } from "@storewatch/model/api";
import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { StorewatchError } from "../kernel/errors.ts";
import { BriefCache } from "./cache.ts";
import { type OverviewSources, platformOverview, undeclared } from "./platform.ts";
import { type Span, shopPage } from "./shop.ts";

const DEFAULT_RANGE_MS = 3_600_000;
const MIN_RANGE_MS = 60_000;
/** 31 days: at the chart's step that is a bounded number of points, but rates must still read every sample. */
const MAX_RANGE_MS = 31 * 86_400_000;
const KEEP_MS = 1500;

const querySchema = z.object({
  range: z.string().optional(),
  from: z.coerce.number().int().nonnegative().optional(),
  to: z.coerce.number().int().nonnegative().optional(),
});

/** The overview's routes, to be mounted below /api/storewatch/v1. */
export function overviewRoutes(sources: OverviewSources): FastifyPluginAsync {
  const platforms = new BriefCache<Overview>(sources.clock, KEEP_MS, 200);
  const shops = new BriefCache<TenantOverview>(sources.clock, KEEP_MS, 200);

  return async (app) => {
    const tags = ["overview"];
    const summary = "The platform: figures, charts, shops worst first. ?range=1h";
    app.get(
      "/api/storewatch/v1/overview",
      { config: { access: "viewer" }, schema: { summary, tags } },
      async (request) => {
        const span = readSpan(request.query, sources.clock.nowMs());
        if (!span) throw badRange();
        const { scope } = request.principal;
        const rangeMs = span.toMs - span.fromMs;
        return platforms.get(`${scopeKey(scope)}\n${rangeMs}`, () => platformOverview(sources, scope, rangeMs));
      },
    );

    app.get<{ Params: { id: string } }>(
      "/api/storewatch/v1/tenants/:id/overview",
      { config: { access: "viewer" }, schema: { summary: "One shop. ?range=1h, or ?from and ?to in ms", tags } },
      async (request) => {
        const id = parseTenantId(request.params.id);
        const nowMs = sources.clock.nowMs();
        const span = readSpan(request.query, nowMs);
        if (!span) throw badRange();
        // A shop outside the caller's scope answers like one that does not exist.
        if (!id || !scopeAllows(request.principal.scope, id)) throw unknownShop(request.params.id);
        const scope = tenantScope([id]);
        const key = `${id}\n${span.toMs - span.fromMs}\n${span.toMs === nowMs ? "now" : span.toMs}`;
        const page = await shops.get(key, async () => {
          const known = (await sources.tenants(scope)).find((tenant) => tenant.id === id);
          return shopPage(sources, scope, known ?? undeclared(id), span);
        });
        const known = (await sources.tenants(scope)).some((tenant) => tenant.id === id);
        const seen =
          page.lanes.requests.length > 0 || page.lanes.orders.some((line) => line.values.some((v) => v !== null));
        if (!known && !seen) throw unknownShop(id);
        return page;
      },
    );
  };
}

const badRange = () =>
  new StorewatchError("BAD_REQUEST", {
    reason: "the time range cannot be read: give range=1h, or from and to in milliseconds, 1 min to 31 days apart",
  });

const unknownShop = (id: string) => new StorewatchError("NOT_FOUND", { what: `shop "${id}"` });

export function readSpan(query: unknown, nowMs: number): Span | undefined {
  const read = querySchema.safeParse(query);
  if (!read.success) return undefined;
  const { range, from, to } = read.data;
  const rangeMs = range === undefined ? DEFAULT_RANGE_MS : parseDurationMs(range);
  if (rangeMs === undefined) return undefined;
  const toMs = to ?? nowMs;
  const fromMs = from ?? toMs - rangeMs;
  const lengthMs = toMs - fromMs;
  return lengthMs >= MIN_RANGE_MS && lengthMs <= MAX_RANGE_MS ? { fromMs, toMs } : undefined;
}

const scopeKey = (scope: TenantScope): string => (scope.kind === "all" ? "*" : [...scope.ids].sort().join(","));
