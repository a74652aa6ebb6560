// The platform's own pages: administration, fault switches, deploys.
import { type RequestHandler, Router } from "express";
import { FAULTS, type FaultName, type FaultSwitches, isFaultName } from "./faults/switches.ts";
import { adminPage } from "./pages/admin-page.ts";
import { HttpProblem } from "./problems.ts";
import type { ShopStore } from "./store/shop-store.ts";
import { TENANTS, tenantById } from "./tenants.ts";

export interface AdminParts {
  readonly store: ShopStore;
  readonly faults: FaultSwitches;
  readonly version: string;
  /** Asks the supervisor to restart the service as another version. */
  readonly deploy: (version: string) => void;
  /** Reads the bodies of forms. */
  readonly forms: RequestHandler;
}

const VERSION = /^[\w.+-]{1,40}$/;

export function adminRoutes(parts: AdminParts): Router {
  const router = Router();
  const { store, faults, version, deploy, forms } = parts;

  router.get("/admin", async (_request, response) => {
    const totals = await store.withSession("", (session) => session.totalsSince(Date.now() - 86_400_000));
    const byTenant = new Map(totals.map((row) => [row.tenant_id, row]));
    response.type("html").send(adminPage({ version, active: faults.list(), totals: byTenant }));
  });

  router.post("/admin/faults", forms, (request, response) => {
    const { fault, tenant, on } = (request.body ?? {}) as Record<string, unknown>;
    const wanted = readSwitch(fault, tenant === "" ? undefined : tenant, on);
    faults.set(wanted.name, wanted.tenant, wanted.on);
    response.redirect(303, "/admin");
  });

  router.post("/admin/deploy", forms, (request, response) => {
    const to = readVersion(request.body?.version);
    response.redirect(303, "/admin");
    deploy(to);
  });

  router.get("/tenants", (_request, response) => {
    response.json({ tenants: TENANTS });
  });

  router.get("/faults", (_request, response) => {
    const known = Object.entries(FAULTS).map(([name, description]) => ({
      name,
      description,
      active: faults.list().flatMap((f) => (f.fault === name ? [{ tenant: f.tenant, sinceMs: f.sinceMs }] : [])),
    }));
    response.json({ faults: known });
  });

  router.post("/faults/:name", (request, response) => {
    const { name, tenant, on } = readSwitch(request.params.name, request.query.tenant, request.query.on);
    faults.set(name, tenant, on);
    response.json({ fault: name, tenant, on });
  });

  router.post("/deploy", (request, response) => {
    const to = readVersion(request.query.version);
    response.status(202).json({ from: version, to });
    deploy(to);
  });
  return router;
}

function readSwitch(name: unknown, tenant: unknown, on: unknown = "true") {
  if (typeof name !== "string" || !isFaultName(name))
    throw new HttpProblem(404, `no such fault; there are: ${Object.keys(FAULTS).join(", ")}`);
  if (tenant !== undefined && (typeof tenant !== "string" || !tenantById(tenant)))
    throw new HttpProblem(404, "no such shop");
  if (on !== "true" && on !== "false") throw new HttpProblem(400, "on: true or false");
  return { name: name as FaultName, tenant: tenant ?? null, on: on === "true" };
}

function readVersion(version: unknown): string {
  if (typeof version !== "string" || !VERSION.test(version))
    throw new HttpProblem(400, "version: 1 to 40 letters, digits, . + - _");
  return version;
}
