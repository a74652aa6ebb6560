import { formatMoney } from "../catalogue.ts";
import { type ActiveFault, FAULTS } from "../faults/switches.ts";
import type { ShopTotals } from "../store/shop-session.ts";
import { TENANTS, tenantById } from "../tenants.ts";
import { type Html, html } from "./html.ts";
import { documentOf } from "./layout.ts";

export interface AdminView {
  readonly version: string;
  readonly active: readonly ActiveFault[];
  /** Of the last 24 hours, by shop. */
  readonly totals: ReadonlyMap<string, ShopTotals>;
}

export function adminPage({ version, active, totals }: AdminView): string {
  const body = html`<header class="top"><div class="wide"><span class="brand"><span class="mark" aria-hidden="true">S</span><span>Platform administration<small>Version ${version}</small></span></span><a class="basket" href="/">Shops</a></div></header>
<main class="wide"><section><h2>Faults that are on</h2>${activeList(active)}</section>
<section><h2>Faults</h2><ul class="faults">${Object.entries(FAULTS).map(([name, text]) => faultRow(name, text))}</ul></section>
<section><h2>Deploy</h2><form method="post" action="/admin/deploy" class="row"><label>Version <input name="version" required maxlength="40" pattern="[\\w.+\\-]{1,40}" placeholder="1.1.0"></label>
<button class="button">Restart as this version</button></form></section>
<section><h2>Last 24 hours</h2>${totalsTable(totals)}</section></main>`;
  return documentOf({ language: "en", title: "Platform administration", body, kind: "admin" });
}

function activeList(active: readonly ActiveFault[]): Html {
  if (active.length === 0) return html`<p class="quiet">None.</p>`;
  const rows = active.map(
    ({ fault, tenant, sinceMs }) => html`<li class="on"><div><b>${fault}</b>
<span class="quiet">${tenant === null ? "all shops" : (tenantById(tenant)?.name ?? tenant)}, since ${new Date(sinceMs).toISOString().slice(11, 19)} UTC</span></div>
<form method="post" action="/admin/faults"><input type="hidden" name="fault" value="${fault}"><input type="hidden" name="tenant" value="${tenant ?? ""}">
<button class="plain" name="on" value="false">Turn off</button></form></li>`,
  );
  return html`<ul class="faults">${rows}</ul>`;
}

function faultRow(name: string, text: string): Html {
  return html`<li><div><b>${name}</b><span class="quiet">${text}</span></div>
<form method="post" action="/admin/faults" class="row"><input type="hidden" name="fault" value="${name}">
<select name="tenant" aria-label="Shop for ${name}"><option value="">all shops</option>${TENANTS.map(
    ({ id, name: shop }) => html`<option value="${id}">${shop}</option>`,
  )}</select>
<button class="button small" name="on" value="true">On</button><button class="plain" name="on" value="false">Off</button></form></li>`;
}

function totalsTable(totals: AdminView["totals"]): Html {
  const rows = TENANTS.map(({ id, name, tier, city, currency }) => {
    const { orders = 0, paid = 0, revenue = 0 } = totals.get(id) ?? {};
    return html`<tr><td><a href="/t/${id}/">${name}</a></td><td><code>${id}</code></td><td>${tier}</td><td>${city}</td>
<td class="n">${orders}</td><td class="n">${paid}</td><td class="n">${formatMoney(revenue, currency)}</td></tr>`;
  });
  return html`<div class="scroll"><table><thead><tr><th>Shop</th><th>Id</th><th>Tier</th><th>City</th><th class="n">Orders</th><th class="n">Paid</th><th class="n">Revenue</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}
