// Prometheus' admin API: delete series, clean up after that, take a snapshot. For admins of the whole platform.
import type { Matcher } from "@storewatch/model";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Principal } from "../tenant/principal.ts";
import { BadParameter } from "./params.ts";
import { paramsOf, sendData } from "./reply.ts";
import { seriesQuestion } from "./series-route.ts";

export interface AdminActions {
  /** Hides the samples of the matching series at once; bounds in ms, inclusive. Returns how many series had some. */
  readonly deleteSeries: (matchers: readonly Matcher[], fromMs: number, toMs: number) => Promise<{ series: number }>;
  /** Takes what is hidden from the disk. */
  readonly cleanUp: () => Promise<void>;
  /** Copies the store while it runs; the name of the folder below DATA/snapshots. */
  readonly snapshot: () => Promise<string>;
  /** Writes down who did what. */
  readonly audit: (by: Principal, action: string, subject: string, detail?: string) => Promise<void>;
}

export function adminRoutes(app: FastifyInstance, actions: AdminActions): void {
  const change = (name: string, handler: (request: FastifyRequest) => Promise<string | undefined>) =>
    app.route({
      method: ["POST", "PUT"],
      url: `/api/v1/admin/tsdb/${name}`,
      config: { access: "admin" },
      handler: async (request, reply) => {
        const data = await handler(request);
        return data === undefined ? reply.code(204).send() : sendData(reply, data);
      },
    });
  change("delete_series", async (request) => {
    const params = paramsOf(request);
    const { selectors, fromMs, toMs } = seriesQuestion(request.principal.scope, params);
    if (selectors.length === 0) throw new BadParameter("no match[] parameter provided");
    for (const matchers of selectors) {
      const { series } = await actions.deleteSeries(matchers, fromMs, toMs);
      const times = `${params.get("start") ?? ""}…${params.get("end") ?? ""}`;
      await actions.audit(
        request.principal,
        "series.delete",
        `{${matchers.map(({ name, operator, value }) => `${name}${operator}${JSON.stringify(value)}`).join(",")}}`,
        `${times}: ${series} series`,
      );
    }
    return undefined;
  });
  change("clean_tombstones", async (request) => {
    await actions.cleanUp();
    await actions.audit(request.principal, "series.clean", "all");
    return undefined;
  });
  change("snapshot", async (request) => {
    const name = await actions.snapshot();
    await actions.audit(request.principal, "metrics.snapshot", name);
    return JSON.stringify({ name });
  });
}
