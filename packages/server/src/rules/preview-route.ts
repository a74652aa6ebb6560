// POST /api/storewatch/v1/rule-preview: whoever may query may ask what a rule would have done, on the data of their shops.
import { rulePreviewRequestSchema } from "@storewatch/model/api";
import { QueryError } from "@storewatch/promql/engine";
import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { StorewatchError } from "../kernel/errors.ts";
import { refusal } from "./group-route.ts";
import { type PreviewDependencies, previewRule } from "./preview.ts";
import { readPreviewedRule } from "./preview-input.ts";
import { RulesInvalid } from "./rule-book.ts";

const BODY_BYTES_MAX = 4 << 20;
/** Previews that run at once: an editor asks again with every pause in typing. */
const PREVIEWS_MAX = 4;

export function rulePreviewRoutes(deps: PreviewDependencies): FastifyPluginAsync {
  let running = 0;
  return async (app) => {
    app.setErrorHandler((error, _request, reply) => {
      if (!(error instanceof RulesInvalid)) throw error;
      return reply.code(422).send(refusal(error.findings));
    });
    app.post(
      "/api/storewatch/v1/rule-preview",
      {
        config: { access: "viewer" },
        bodyLimit: BODY_BYTES_MAX,
        schema: { summary: "What a rule would have done", tags: ["rules"] },
      },
      async (request) => {
        const body = rulePreviewRequestSchema.safeParse(request.body);
        if (!body.success) throw new StorewatchError("BAD_REQUEST", { reason: z.prettifyError(body.error) });
        if (running >= PREVIEWS_MAX)
          throw new StorewatchError("LIMIT", { reason: "too many previews at the same time", seconds: 2 });
        running++;
        const abort = new AbortController();
        const gone = () => abort.abort(new QueryError("canceled", "the client closed the connection"));
        request.raw.socket.once("close", gone);
        try {
          const { endMs = deps.clock.nowMs(), rangeMs } = body.data;
          const previewed = readPreviewedRule(body.data, deps.format);
          return await previewRule(deps, request.principal.scope, previewed, {
            endMs,
            rangeMs,
            signal: abort.signal,
          });
        } finally {
          request.raw.socket.removeListener("close", gone);
          running--;
        }
      },
    );
  };
}
