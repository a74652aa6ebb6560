import type { inboxSchema } from "@storewatch/model/api";
import type { FastifyPluginAsync } from "fastify";
import type { Inbox } from "./inbox.ts";

/** What was received by mail, webhook and Slack. Messages may name any shop, so only who may see all shops sees them. */
export function inboxRoutes(deps: { readonly inbox: Inbox }): FastifyPluginAsync {
  return async (app) => {
    const summary = "Demo only: what its mailbox and webhook inbox received, newest first";
    const schema = { summary, tags: ["notifications"] };
    app.get("/api/storewatch/v1/inbox", { config: { access: "viewer" }, schema }, async (request) => {
      const messages = request.principal.scope.kind === "all" ? deps.inbox.list() : [];
      return { messages } satisfies ReturnType<typeof inboxSchema.parse>;
    });
  };
}
