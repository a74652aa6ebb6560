// Datadog's intake under /datadog, for its agent, its API clients and what speaks like them. The API key is an ingest token.
import type { TenantScope } from "@storewatch/model";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { StorewatchError } from "../../../kernel/errors.ts";
import type { Intake } from "../../intake/interface.ts";
import { parseJson, readBody, takeRawBodies } from "../body.ts";
import { labelsOfTags } from "../names.ts";
import { labelsInScope } from "../scope.ts";
import { readSeriesPayload } from "./protobuf.ts";
import {
  type DatadogSeries,
  readDistributions,
  readSeriesV1,
  readSeriesV2,
  type Totals,
  Translation,
} from "./series.ts";

export interface DatadogEvent {
  readonly title: string;
  readonly text: string;
  readonly timeMs: number | undefined;
  readonly alertType: string;
  readonly host: string | undefined;
  readonly tags: readonly string[];
}

export interface DatadogRouteDependencies {
  readonly intake: Intake;
  readonly totals: Totals;
  /** Events become marks on the time axis. */
  readonly onEvent: (scope: TenantScope, event: DatadogEvent) => void;
  readonly clock: { nowMs(): number };
}

const event = z.looseObject({
  title: z.string().min(1).max(500),
  text: z.string().max(4000).default(""),
  date_happened: z.number().int().positive().nullish(),
  alert_type: z.string().max(20).nullish(),
  host: z.string().max(500).nullish(),
  tags: z.array(z.string().max(1000)).max(100).nullish(),
});

const check = z.looseObject({
  check: z.string().min(1).max(500),
  status: z.number().int().min(0).max(3),
  timestamp: z.number().positive().nullish(),
  host_name: z.string().max(500).nullish(),
  tags: z.array(z.string().max(1000)).max(100).nullish(),
});
const checks = z.union([check.transform((one) => [one]), z.array(check).max(10_000)]);

const INGEST = { config: { access: "ingest", tokenHeader: "dd-api-key" } } as const;

export function datadogRoutes(deps: DatadogRouteDependencies): FastifyPluginAsync {
  return async (app) => {
    takeRawBodies(app);
    const accepted = { v1: { status: "ok" }, v2: { errors: [] } };

    const takeSeries = (read: (body: Buffer, request: FastifyRequest) => readonly DatadogSeries[], answer: object) => {
      return async (request: FastifyRequest, reply: FastifyReply) => {
        const translation = new Translation(request.principal.scope, deps.totals);
        for (const one of orBadRequest(read, await readBody(request), request)) translation.series(one);
        await write(deps, request, translation);
        return reply.code(202).send(answer);
      };
    };

    app.post(
      "/datadog/api/v1/series",
      INGEST,
      takeSeries((body) => readSeriesV1(parseJson(body)), accepted.v1),
    );
    app.post("/datadog/api/v2/series", INGEST, takeSeries(readV2, accepted.v2));
    app.post("/datadog/api/v1/distribution_points", INGEST, async (request, reply) => {
      const translation = new Translation(request.principal.scope, deps.totals);
      const read = (body: Buffer) => readDistributions(parseJson(body));
      for (const one of orBadRequest(read, await readBody(request), request)) translation.distribution(one);
      await write(deps, request, translation);
      return reply.code(202).send(accepted.v1);
    });
    app.post("/datadog/api/v1/check_run", INGEST, async (request, reply) => {
      await deps.intake.write(request.principal.scope, { samples: await readChecks(deps, request) });
      return reply.code(202).send(accepted.v1);
    });
    app.post("/datadog/api/v1/events", INGEST, async (request, reply) => {
      const one = orBadRequest((body) => event.parse(parseJson(body)), await readBody(request), request);
      deps.onEvent(request.principal.scope, {
        title: one.title,
        text: one.text,
        timeMs: one.date_happened ? one.date_happened * 1000 : undefined,
        alertType: one.alert_type ?? "info",
        host: one.host ?? undefined,
        tags: one.tags ?? [],
      });
      return reply.code(202).send(accepted.v1);
    });
    app.get("/datadog/api/v1/validate", INGEST, () => Promise.resolve({ valid: true }));
    // What the agent says of its host and itself: taken, so that it does not repeat it for ever, and of no use here.
    for (const path of ["/datadog/intake/", "/datadog/api/v1/metadata", "/datadog/api/v2/host_metadata"]) {
      app.post(path, INGEST, (_request, reply) => reply.code(202).send(accepted.v1));
    }
  };
}

function readV2(body: Buffer, request: FastifyRequest): readonly DatadogSeries[] {
  const type = request.headers["content-type"] ?? "";
  return type.startsWith("application/x-protobuf") ? readSeriesPayload(body) : readSeriesV2(parseJson(body));
}

async function readChecks({ clock }: DatadogRouteDependencies, request: FastifyRequest) {
  const { scope } = request.principal;
  const read = (body: Buffer) => checks.parse(parseJson(body));
  return orBadRequest(read, await readBody(request), request).flatMap((one) => {
    const more = { check: one.check, ...(one.host_name ? { host: one.host_name } : {}) };
    const labels = labelsInScope(scope, labelsOfTags("service_check_status", one.tags ?? [], more));
    if (!labels) throw new StorewatchError("TENANT_FORBIDDEN", { tenant: "of a service check" });
    return [{ labels, timeMs: one.timestamp ? Math.round(one.timestamp * 1000) : clock.nowMs(), value: one.status }];
  });
}

function orBadRequest<T>(read: (body: Buffer, request: FastifyRequest) => T, body: Buffer, request: FastifyRequest): T {
  try {
    return read(body, request);
  } catch (error) {
    if (error instanceof StorewatchError) throw error;
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : error instanceof Error ? error.message : "";
    throw new StorewatchError("BAD_REQUEST", { reason: reason.slice(0, 1000) }, { cause: error });
  }
}

/** What is in is in; when nothing could be taken, the sender hears why. */
async function write({ intake }: DatadogRouteDependencies, request: FastifyRequest, { batch, refusals }: Translation) {
  const result = await intake.write(request.principal.scope, batch);
  const [first] = [...refusals, ...result.refusals];
  if (first && result.samples === 0) throw new StorewatchError("BAD_REQUEST", { reason: first.example });
}
