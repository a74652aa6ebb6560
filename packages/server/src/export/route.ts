// What other systems fetch: federation in text form, and remote read.
import type { FastifyPluginAsync } from "fastify";
import { speakPrometheus } from "../query/reply.ts";
import { federate } from "./federate.ts";
import type { ExportDependencies } from "./interface.ts";
import { REMOTE_READ_BODY_BYTES, remoteRead } from "./remote-read.ts";

export function exportRoutes(deps: ExportDependencies): FastifyPluginAsync {
  return async (app) => {
    speakPrometheus(app);
    app.addContentTypeParser(
      "application/x-protobuf",
      { parseAs: "buffer", bodyLimit: REMOTE_READ_BODY_BYTES },
      (_request, body, done) => done(null, body),
    );
    app.get("/federate", { config: { access: "scrape" } }, (request, reply) => federate(deps, request, reply));
    app.post("/api/v1/read", { config: { access: "viewer" } }, (request, reply) => remoteRead(deps, request, reply));
  };
}
