// /api/storewatch/v1/rule-groups: the rule editor's side of the rule book. Rules see the data of all shops, so only a
// credential for all shops may read their texts or change them.
import type { Finding } from "@storewatch/model";
import type { RuleGroupDetail, RuleGroupHead, RuleRefusal } from "@storewatch/model/api";
import { ruleGroupListSchema, ruleGroupPutSchema, ruleGroupSchema } from "@storewatch/model/api";
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from "fastify";
import { z } from "zod";
import { StorewatchError } from "../kernel/errors.ts";
import type { Principal } from "../tenant/principal.ts";
import type { StoredGroup } from "./group-store.ts";
import { type ExpectedVersion, type RuleBook, RulesInvalid } from "./rule-book.ts";
import type { RuleGroupConfig } from "./rule-file.ts";

export interface RuleGroupRouteDependencies {
  readonly book: RuleBook;
  /** Writes to the audit trail. */
  readonly audit: (by: Principal, action: string, subject: string, detail?: string) => Promise<void>;
}

/** JSON with a text of 1 MiB in it, every line break escaped. */
const BODY_BYTES_MAX = 4 << 20;
const BASE = "/api/storewatch/v1/rule-groups";
type Named = { Params: { name: string }; Querystring: { version?: string } };

export function ruleGroupRoutes(deps: RuleGroupRouteDependencies): FastifyPluginAsync {
  return async (app) => {
    app.setErrorHandler((error, _request, reply) => {
      if (!(error instanceof RulesInvalid)) throw error;
      return reply.code(422).send(refusal(error.findings));
    });
    readRoutes(app, deps);
    changeRoutes(app, deps);
  };
}

function readRoutes(app: FastifyInstance, { book }: RuleGroupRouteDependencies): void {
  const doc = (summary: string, schema?: z.ZodType) => ({
    config: { access: "viewer" } as const,
    schema: { summary, tags: ["rules"], ...(schema ? { response: { 200: schema } } : {}) },
  });
  app.get(BASE, doc("Rule groups: stored ones and those of files", ruleGroupListSchema), async (request) => {
    mustSeeAll(request);
    const { stored, fromFiles } = book.list();
    return { groups: [...stored.map(storedHead), ...fromFiles.map(fileHead)], problems: book.problems() };
  });
  app.get<Named>(`${BASE}/:name`, doc("One rule group with its text", ruleGroupSchema), async (request, reply) => {
    mustSeeAll(request);
    const { name } = request.params;
    const stored = book.get(name);
    if (stored) return reply.header("etag", `"${stored.version}"`).send(detail(stored));
    const found = book.fromFile(name);
    if (!found) throw new StorewatchError("NOT_FOUND", { what: `rule group ${JSON.stringify(name)}` });
    return { ...fileHead(found.group), yaml: found.text, findings: [] };
  });
  app.get(`${BASE}-export`, doc("All stored rule groups as one rule file"), async (request, reply) => {
    mustSeeAll(request);
    return reply
      .header("content-type", "application/yaml; charset=utf-8")
      .header("content-disposition", 'attachment; filename="storewatch-rules.yml"')
      .send(book.export());
  });
}

function changeRoutes(app: FastifyInstance, { book, audit }: RuleGroupRouteDependencies): void {
  const doc = (summary: string) => ({ config: { access: "editor" } as const, schema: { summary, tags: ["rules"] } });
  app.put<Named>(
    `${BASE}/:name`,
    { ...doc("Create or replace a stored rule group"), bodyLimit: BODY_BYTES_MAX },
    async (request, reply) => {
      mustSeeAll(request);
      const body = ruleGroupPutSchema.safeParse(request.body);
      if (!body.success) throw new StorewatchError("BAD_REQUEST", { reason: z.prettifyError(body.error) });
      const { name } = request.params;
      const { stored, created } = await book.put(name, body.data.yaml, expectedVersion(request, body.data.version));
      await audit(request.principal, created ? "rules.create" : "rules.update", name, `version ${stored.version}`);
      return reply
        .code(created ? 201 : 200)
        .header("etag", `"${stored.version}"`)
        .send(detail(stored));
    },
  );
  app.delete<Named>(`${BASE}/:name`, doc("Delete a stored rule group"), async (request, reply) => {
    mustSeeAll(request);
    const { name } = request.params;
    await book.remove(name, expectedVersion(request, request.query.version));
    await audit(request.principal, "rules.delete", name);
    return reply.code(204).send();
  });
}

function mustSeeAll(request: FastifyRequest): void {
  if (request.principal.scope.kind === "all") return;
  throw new StorewatchError("RULES_SHARED", {});
}

/** The body's word, else the headers': If-Match names a version, If-None-Match: * means that there is none. */
function expectedVersion(request: FastifyRequest, named: ExpectedVersion): ExpectedVersion {
  if (named !== undefined) return named;
  if (request.headers["if-none-match"] === "*") return null;
  const match = request.headers["if-match"];
  if (match === undefined || match === "*") return undefined;
  return match.replace(/^(W\/)?"(.*)"$/, "$2");
}

function storedHead({ name, file, version, group, updatedAtMs }: StoredGroup): RuleGroupHead {
  return { name, origin: "stored", file, version, rules: group.rules.length, updatedAtMs };
}

function fileHead({ name, file, rules }: RuleGroupConfig): RuleGroupHead {
  return { name, origin: "file", file, version: null, rules: rules.length, updatedAtMs: null };
}

function detail(stored: StoredGroup): RuleGroupDetail {
  return { ...storedHead(stored), yaml: stored.text, findings: [...stored.findings] };
}

export function refusal(findings: readonly Finding[]): RuleRefusal {
  const { code, message, hint } = new StorewatchError("RULES_INVALID", {});
  return { error: { code, message, ...(hint === undefined ? {} : { hint }) }, findings: [...findings] };
}
