// The platform's own pages: administration, fault switches, deploys, health, metrics.
import { Router } from "express";
import { formatMoney } from "./catalogue.ts";
import type { ShopDatabase } from "./database.ts";
import { FAULTS, type FaultSwitches, isFaultName } from "./faults.ts";
import { page, text } from "./html.ts";
import { HttpProblem } from "./request-context.ts";
import { TENANTS, tenantById } from "./tenants.ts";

export interface AdminParts {
  readonly database: ShopDatabase;
  readonly faults: FaultSwitches;
  readonly version: string;
  /** Asks the supervisor to restart the service as another version. */
  readonly deploy: (version: string) => void;
}

interface Totals {
  readonly tenant_id: string;
  readonly orders: number;
  readonly paid: number;
  readonly revenue: number;
}

export function adminRoutes(parts: AdminParts): Router {
  const router = Router();

  router.get("/admin", async (_request, response) => {
    const totals = await parts.database.withConnection("", (session) =>
      session.all<Totals>(
        "admin totals",
        `SELECT tenant_id, count(*) AS orders, sum(status = 'paid') AS paid,
         sum(CASE WHEN status = 'paid' THEN total ELSE 0 END) AS revenue
         FROM orders WHERE created_ms > ? GROUP BY tenant_id`,
        Date.now() - 86_400_000,
      ),
    );
    response.type("html").send(adminPage(parts, new Map(totals.map((row) => [row.tenant_id, row]))));
  });

  router.get("/tenants", (_request, response) => {
    response.json({ tenants: TENANTS });
  });

  router.get("/faults", (_request, response) => {
    const faults = Object.entries(FAULTS).map(([name, description]) => ({
      name,
      description,
      active: parts.faults.list().flatMap((f) => (f.fault === name ? [{ tenant: f.tenant, sinceMs: f.sinceMs }] : [])),
    }));
    response.json({ faults });
  });

  router.post("/faults/:name", (request, response) => {
    const { name } = request.params;
    if (!isFaultName(name)) throw new HttpProblem(404, `no such fault; there are: ${Object.keys(FAULTS).join(", ")}`);
    const { tenant = null, on = "true" } = request.query;
    if (tenant !== null && (typeof tenant !== "string" || !tenantById(tenant)))
      throw new HttpProblem(404, "no such shop");
    if (on !== "true" && on !== "false") throw new HttpProblem(400, "on: true or false");
    parts.faults.set(name, tenant, on === "true");
    response.json({ fault: name, tenant, on: on === "true" });
  });

  router.post("/deploy", (request, response) => {
    const { version } = request.query;
    if (typeof version !== "string" || !/^[\w.+-]{1,40}$/.test(version))
      throw new HttpProblem(400, "version: 1 to 40 letters, digits, . + - _");
    response.status(202).json({ from: parts.version, to: version });
    parts.deploy(version);
  });
  return router;
}

function adminPage({ faults, version }: AdminParts, totals: ReadonlyMap<string, Totals>): string {
  const rows = TENANTS.map((tenant) => {
    const row = totals.get(tenant.id);
    const cells = [tenant.id, tenant.name, tenant.tier, tenant.city].map((cell) => `<td>${text(cell)}</td>`);
    const money = text(formatMoney(row?.revenue ?? 0, tenant.currency));
    return `<tr>${cells.join("")}<td class=n>${row?.orders ?? 0}</td><td class=n>${row?.paid ?? 0}</td><td class=n>${money}</td></tr>`;
  });
  const active = faults.list().map((f) => `<li class=on>${f.fault} — ${text(f.tenant ?? "all shops")}</li>`);
  return page(
    "Platform administration",
    `<h1>Platform administration</h1><p>Version ${text(version)}. Last 24 hours.</p>
${active.length > 0 ? `<p>Faults that are on:</p><ul>${active.join("")}</ul>` : "<p>No fault is on.</p>"}
<table><tr><th>Shop</th><th>Name</th><th>Tier</th><th>City</th><th>Orders</th><th>Paid</th><th>Revenue</th></tr>${rows.join("")}</table>`,
  );
}
