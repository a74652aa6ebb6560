// New Relic's metric API under /newrelic. The Api-Key is an ingest token.
import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { StorewatchError } from "../../../kernel/errors.ts";
import type { Intake } from "../../intake/interface.ts";
import { parseJson, readBody, takeRawBodies } from "../body.ts";
import { readPayload, type Totals, translate } from "./metrics.ts";

export interface NewRelicRouteDependencies {
  readonly intake: Intake;
  readonly totals: Totals;
  readonly clock: { nowMs(): number };
}

export function newRelicRoutes({ intake, totals, clock }: NewRelicRouteDependencies): FastifyPluginAsync {
  return async (app) => {
    takeRawBodies(app);
    app.post(
      "/newrelic/metric/v1",
      { config: { access: "ingest", tokenHeader: "api-key" } },
      async (request, reply) => {
        const { scope } = request.principal;
        const payload = orBadRequest(parseJson(await readBody(request)));
        const { batch, refusals } = translate(payload, { scope, totals, nowMs: clock.nowMs() });
        const result = await intake.write(scope, batch);
        const [first] = [...refusals, ...result.refusals];
        if (first && result.samples === 0) throw new StorewatchError("BAD_REQUEST", { reason: first.example });
        return reply.code(202).send({ requestId: request.id });
      },
    );
  };
}

function orBadRequest(body: unknown) {
  try {
    return readPayload(body);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw new StorewatchError("BAD_REQUEST", { reason: z.prettifyError(error).slice(0, 1000) }, { cause: error });
  }
}
