// The one place where requests are let in: Host header, credential, role, same origin. Routes say what they need with
// `config: { access }`.
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Auth, allows, type Credentials, defaultAccess, isReadOnly } from "../auth/index.ts";
import { StorewatchError } from "../kernel/errors.ts";
import type { Access, Principal } from "../tenant/principal.ts";
import { isSameOrigin } from "./browser-guard.ts";

export interface AccessRules {
  readonly auth: Pick<Auth, "authenticate">;
  readonly isOwnHost: (request: FastifyRequest["raw"]) => boolean;
}

export function guardAccess(app: FastifyInstance, { auth, isOwnHost }: AccessRules): void {
  app.decorateRequest("principal", null as unknown as Principal);
  app.addHook("onRequest", async (request) => {
    if (!isOwnHost(request.raw)) throw new StorewatchError("HOST_FORBIDDEN", {});
    const access = accessOf(request);
    const changes = !isReadOnly(request.method);
    if (access === "open") {
      if (changes && !request.routeOptions.config.anyOrigin) requireSameOrigin(request);
      return;
    }
    const principal = await auth.authenticate(credentialsOf(request));
    if (!principal) throw new StorewatchError("AUTH_REQUIRED", {});
    if (changes && principal.via !== "token") requireSameOrigin(request);
    if (!allows(principal, access)) {
      const role = access === "mark" ? "editor or ingest" : access;
      const needed = principal.role === access ? `${role} of all shops` : role;
      throw new StorewatchError("FORBIDDEN", { role: roleText(principal), needed });
    }
    request.principal = principal;
  });
}

/** Some protocols send their token in a header of their own. */
function credentialsOf(request: FastifyRequest): Credentials {
  const { tokenHeader } = request.routeOptions.config;
  const token = tokenHeader === undefined ? undefined : request.headers[tokenHeader];
  return typeof token === "string" ? { authorization: `Bearer ${token}` } : request.headers;
}

/** That a path does not exist is no secret. */
function accessOf(request: FastifyRequest): Access {
  if (request.is404) return "open";
  return request.routeOptions.config.access ?? defaultAccess(request.method);
}

function requireSameOrigin(request: FastifyRequest): void {
  if (!isSameOrigin(request.raw)) throw new StorewatchError("ORIGIN_FORBIDDEN", {});
}

function roleText({ role, scope }: Principal): string {
  return scope.kind === "all" ? role : `${role} of some shops`;
}
