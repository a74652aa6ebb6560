// The web app: its files, its index for every page address, and the one-time sign-in link.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Auth } from "../auth/index.ts";
import { StorewatchError } from "../kernel/errors.ts";
import { notFound } from "./errors.ts";
import type { StaticUi } from "./static-ui.ts";

const NOT_BUILT = "Storewatch is running, but its web app is not built: run `npm run build`.\n";

/** Addresses of protocols: what is unknown there is an error, never the web app. */
const PROTOCOLS = /^\/(api|v1|es|datadog|newrelic|loki|hooks|rum|metrics|federate|health|-|assets)(\/|$)/;

export function serveUi(app: FastifyInstance, ui: StaticUi, auth: Pick<Auth, "redeemSignInLink">): void {
  app.get("/", { config: { access: "open" } }, async (request, reply) => {
    const token = request.method === "GET" ? new URLSearchParams(request.url.split("?")[1]).get("token") : null;
    return token === null ? sendIndex(ui, request, reply) : signInByLink(auth, token, request, reply);
  });
  app.setNotFoundHandler(async (request, reply) => {
    const urlPath = pathOf(request.url);
    const reads = request.method === "GET" || request.method === "HEAD";
    if (reads && urlPath !== undefined && (await ui.serve(request, reply, urlPath))) return reply;
    const isPage = reads && urlPath !== undefined && !PROTOCOLS.test(urlPath) && wantsHtml(request);
    if (isPage) return sendIndex(ui, request, reply);
    notFound(request, reply);
    return reply;
  });
}

async function sendIndex(ui: StaticUi, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const isServed = await ui.serve(request, reply, "/index.html");
  return isServed ? reply : reply.code(200).type("text/plain; charset=utf-8").send(NOT_BUILT);
}

/** To a clean address in any case: the token must not stay in the address bar. */
async function signInByLink(
  auth: Pick<Auth, "redeemSignInLink">,
  token: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  reply.header("cache-control", "no-store");
  try {
    const { cookie } = await auth.redeemSignInLink(token, request.ip);
    return reply.header("set-cookie", cookie).redirect("/", 303);
  } catch (error) {
    if (error instanceof StorewatchError) return reply.redirect("/?link=used", 303);
    throw error;
  }
}

function pathOf(url: string): string | undefined {
  try {
    return decodeURIComponent(url.split("?")[0]);
  } catch {
    return undefined;
  }
}

function wantsHtml(request: FastifyRequest): boolean {
  return request.headers.accept?.includes("text/html") ?? false;
}
