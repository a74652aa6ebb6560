// Sessions, users and tokens of our own API.
import {
  createdTokenSchema,
  newTokenSchema,
  newUserSchema,
  type Session,
  sessionSchema,
  signInSchema,
  tokenListSchema,
  userListSchema,
  userSchema,
} from "@storewatch/model/api";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Principal } from "../tenant/principal.ts";
import type { Auth } from "./interface.ts";

export interface AuthRouteOptions {
  readonly auth: Auth;
  readonly demo: boolean;
  readonly version: string;
}

export function authRoutes(options: AuthRouteOptions): FastifyPluginAsync {
  return async (app) => {
    sessionRoutes(app, options);
    userRoutes(app, options.auth);
    tokenRoutes(app, options.auth);
  };
}

function sessionRoutes(instance: FastifyInstance, { auth, demo, version }: AuthRouteOptions): void {
  const app = instance.withTypeProvider<ZodTypeProvider>();
  const url = "/api/storewatch/v1/session";
  const tags = ["session"];
  app.get(
    url,
    { config: { access: "viewer" }, schema: { summary: "Who is signed in", tags, response: { 200: sessionSchema } } },
    async (request) => sessionOf(request.principal, demo, version),
  );
  app.post(
    url,
    {
      config: { access: "open" },
      schema: {
        summary: "Sign in; sets the session cookie",
        tags,
        body: signInSchema,
        response: { 200: sessionSchema },
      },
    },
    async (request, reply) => {
      const { principal, cookie } = await auth.signIn(request.body, request.ip);
      reply.header("set-cookie", cookie);
      return sessionOf(principal, demo, version);
    },
  );
  app.delete(
    url,
    { config: { access: "open" }, schema: { summary: "Sign out", tags, response: { 204: z.null() } } },
    async (request, reply) => {
      reply.header("set-cookie", await auth.signOut(request.headers.cookie));
      return reply.code(204).send(null);
    },
  );
}

function sessionOf(principal: Principal, demo: boolean, version: string): Session {
  const { name, role, scope } = principal;
  return {
    name,
    role: role === "admin" || role === "editor" ? role : "viewer",
    tenants: scope.kind === "all" ? null : [...scope.ids].sort(),
    demo,
    version,
  };
}

function userRoutes(instance: FastifyInstance, auth: Auth): void {
  const app = instance.withTypeProvider<ZodTypeProvider>();
  const url = "/api/storewatch/v1/users";
  const tags = ["users"];
  const config = { access: "admin" } as const;
  app.get(url, { config, schema: { summary: "Users", tags, response: { 200: userListSchema } } }, async () => ({
    users: [...(await auth.users())],
  }));
  app.post(
    url,
    { config, schema: { summary: "Create a user", tags, body: newUserSchema, response: { 201: userSchema } } },
    async (request, reply) => reply.code(201).send(await auth.createUser(request.body, request.principal)),
  );
  app.delete(
    `${url}/:id`,
    {
      config,
      schema: { summary: "Delete a user", tags, params: z.object({ id: z.string() }), response: { 204: z.null() } },
    },
    async (request, reply) => {
      await auth.deleteUser(request.params.id, request.principal);
      return reply.code(204).send(null);
    },
  );
}

function tokenRoutes(instance: FastifyInstance, auth: Auth): void {
  const app = instance.withTypeProvider<ZodTypeProvider>();
  const url = "/api/storewatch/v1/tokens";
  const tags = ["tokens"];
  const config = { access: "admin" } as const;
  app.get(url, { config, schema: { summary: "Tokens", tags, response: { 200: tokenListSchema } } }, async () => ({
    tokens: [...(await auth.tokens())],
  }));
  app.post(
    url,
    {
      config,
      schema: {
        summary: "Create a token; shows it once",
        tags,
        body: newTokenSchema,
        response: { 201: createdTokenSchema },
      },
    },
    async (request, reply) => reply.code(201).send(await auth.createToken(request.body, request.principal)),
  );
  app.delete(
    `${url}/:id`,
    {
      config,
      schema: { summary: "Delete a token", tags, params: z.object({ id: z.string() }), response: { 204: z.null() } },
    },
    async (request, reply) => {
      await auth.deleteToken(request.params.id, request.principal);
      return reply.code(204).send(null);
    },
  );
}
