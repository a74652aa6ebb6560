// What all pages have: head, policy, header and footer.
import type { RequestHandler, Response } from "express";
import type { ShopTenant } from "../tenants.ts";
import { type Html, html } from "./html.ts";
import { languageOf, textsOf } from "./texts.ts";

/** Where pages tell how they load: Storewatch's address and a public key of its `rum.keys`. */
export interface PageMonitor {
  readonly endpoint: string;
  readonly key: string;
}

export function pageMonitorFrom(env: Readonly<Record<string, string | undefined>>): PageMonitor | undefined {
  const { STOREWATCH_RUM_ENDPOINT: endpoint, STOREWATCH_RUM_KEY: key } = env;
  return endpoint && key && URL.canParse(endpoint) ? { endpoint, key } : undefined;
}

/** Nothing but the shop's own files, no inline script or style; beacons go to the monitor alone. */
export function pagePolicy(monitor: PageMonitor | undefined): RequestHandler {
  const connect = monitor ? new URL(monitor.endpoint).origin : "'none'";
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src ${connect}`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return (_request, response, next) => {
    response.setHeader("content-security-policy", policy);
    response.setHeader("x-content-type-options", "nosniff");
    response.setHeader("referrer-policy", "strict-origin-when-cross-origin");
    next();
  };
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%230b7a6b'/%3E%3C/svg%3E";

/** A whole document. `head` comes first of all, so that its scripts see what follows. */
export function documentOf(page: { language: string; title: string; head?: Html | false; body: Html; kind?: string }) {
  const { language, title, head = false, body, kind = "shop" } = page;
  return html`<!doctype html>
<html lang="${language}"><head><meta charset="utf-8">${head}
<title>${title}</title><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="${ICON}"><link rel="stylesheet" href="/assets/shop.css"></head>
<body class="${kind}">${body}</body></html>`.text;
}

export interface ShopPage {
  readonly tenant: ShopTenant;
  readonly title: string;
  /** The page's template, such as `/item/:id`: its name in the figures. */
  readonly name: string;
  readonly version: string;
  readonly monitor: PageMonitor | undefined;
  /** The fault `slow-page`: a huge script that the page waits for. */
  readonly heavy: boolean;
  /** Pieces in the cart. */
  readonly inCart: number;
  readonly query?: string;
  readonly body: Html;
}

export function shopDocument(page: ShopPage): string {
  const { tenant, monitor, heavy, inCart, query = "" } = page;
  const texts = textsOf(tenant);
  const base = `/t/${tenant.id}`;
  const head = html`${
    monitor &&
    html`<script src="/assets/storewatch.js" data-endpoint="${monitor.endpoint}" data-key="${monitor.key}" data-tenant="${tenant.id}" data-version="${page.version}" data-page="${page.name}"></script>`
  }${heavy && html`<script src="${base}/assets/recommendations.js"></script>`}`;
  const body = html`<header class="top"><div class="wide">
<a class="brand" href="${base}/"><span class="mark" aria-hidden="true">${[...tenant.name][0]}</span><span>${tenant.name}<small>${texts.tagline.replace("{city}", tenant.city)}</small></span></a>
<form class="find" action="${base}/" role="search"><input type="search" name="q" maxlength="100" value="${query}" aria-label="${texts.search}" placeholder="${texts.search}"></form>
<a class="basket" href="${base}/cart">${texts.cart}${inCart > 0 && html` <b>${inCart}</b>`}</a></div></header>
<main class="wide">${page.body}</main>
<footer class="wide">${tenant.name} · ${tenant.city}</footer>`;
  return documentOf({ language: languageOf(tenant), title: `${page.title} · ${tenant.name}`, head, body });
}

/** The answer to a page's request that failed. */
export function errorPage(response: Response, message: string): string {
  const { tenant, requestId } = response.locals;
  const vi = tenant !== undefined && languageOf(tenant) === "vi";
  const body = html`<main class="wide notice"><h1>${response.statusCode}</h1><p>${message}</p>
<p class="quiet">${requestId}</p>${tenant && html`<a class="button" href="/t/${tenant.id}/">${tenant.name}</a>`}</main>`;
  return documentOf({ language: vi ? "vi" : "en", title: String(response.statusCode), body });
}
