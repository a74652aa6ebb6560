import { ALL_TENANTS, type Matcher, type TenantId, type TenantScope } from "@storewatch/model";
import Fastify, { type FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { beforeEach, expect, test } from "vitest";
import { StorewatchError } from "../kernel/errors.ts";
import { silentLogger } from "../kernel/logger.ts";
import { eraseRoutes } from "./erase-route.ts";

let app: FastifyInstance;
let scope: TenantScope;
let erased: string[];
let audited: string[];

beforeEach(async () => {
  scope = ALL_TENANTS;
  erased = [];
  audited = [];
  app = Fastify();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.addHook("onRequest", async (request) => {
    request.principal = { name: "root", role: "admin", scope, via: "token" };
  });
  app.setErrorHandler((error, _request, reply) =>
    reply.code(error instanceof StorewatchError ? error.status : 400).send({ message: (error as Error).message }),
  );
  const store = {
    async erase(_scope: TenantScope, matchers: readonly Matcher[]) {
      erased.push(matchers.map(({ name, operator, value }) => `${name}${operator}${value}`).join());
      return { series: 7, bytesFreed: 1000 };
    },
  };
  const forget = async (tenant: string) => void erased.push(`forget ${tenant}`);
  const audit = async (_by: unknown, action: string, subject: string, detail = "") => {
    audited.push(`${action} ${subject} ${detail}`);
  };
  await app.register(eraseRoutes({ store, forget, audit, logger: silentLogger }));
});

const erase = (id: string, body: object) =>
  app.inject({ method: "DELETE", url: `/api/storewatch/v1/tenants/${id}/data`, payload: body });

test("a confirmed erasure names the shop and is written down", async () => {
  const reply = await erase("acme", { confirm: "acme" });
  expect([reply.statusCode, reply.json()]).toEqual([200, { series: 7, bytesFreed: 1000 }]);
  expect(erased).toEqual(["forget acme", "tenant_id=acme"]);
  expect(audited).toEqual(["tenant.erase acme begun", "tenant.erase acme 7 series, 1000 bytes"]);
});

test("without confirmation, for a wrong id or another's shop nothing is erased", async () => {
  expect((await erase("acme", {})).statusCode).toBe(400);
  expect((await erase("acme", { confirm: "other" })).json().message).toContain("confirm with the shop's id");
  expect((await erase("a%20b%22", { confirm: 'a b"' })).statusCode).toBe(400);
  scope = { kind: "tenants", ids: new Set(["other" as TenantId]) };
  expect((await erase("acme", { confirm: "acme" })).statusCode).toBe(403);
  expect(erased).toEqual([]);
  expect(audited).toEqual([]);
});
