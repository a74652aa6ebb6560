// How a request comes to its shop: by the header x-tenant-id or by a path /t/ID/…, as the SDK has found it.
import { randomUUID } from "node:crypto";
import { currentContext, type Storewatch } from "@storewatch/sdk";
import type { Request, RequestHandler, Response } from "express";
import type { ActiveVisitors } from "./active-visitors.ts";
import type { FaultSwitches } from "./faults/switches.ts";
import { HttpProblem } from "./problems.ts";
import { type ShopTenant, tenantById } from "./tenants.ts";

declare global {
  namespace Express {
    interface Locals {
      requestId: string;
      /** The visitor's; the request's own id where the visitor has none. */
      sessionId: string;
      tenant?: ShopTenant;
      /** Errors are answered with a page. */
      isPage?: boolean;
    }
  }
}

const SHOP_PATH = /^\/t\/[^/?]+(\/[^?]*)?(\?.*)?$/;
const COOKIE = "visitor";

/** The routes below see the path without the shop, so that routes are named the same for all shops. */
export const enterShop: RequestHandler = (request, response, next) => {
  const context = currentContext();
  const path = SHOP_PATH.exec(request.url);
  const { locals } = response;
  locals.requestId = context?.requestId ?? randomUUID();
  locals.sessionId = printable(request.header("x-session-id")) ?? cookieOf(request) ?? locals.requestId;
  response.setHeader("x-request-id", locals.requestId);
  const tenant = tenantById(context?.tenantId ?? "");
  if (tenant) locals.tenant = tenant;
  if (path) request.url = `${path[1] ?? "/"}${path[2] ?? ""}`;
  const namesOne = path !== null || request.header("x-tenant-id") !== undefined;
  next(namesOne && !tenant ? new HttpProblem(404, "no such shop") : undefined);
};

export interface DoorParts {
  readonly sw: Storewatch;
  readonly faults: FaultSwitches;
  readonly visitors: ActiveVisitors;
  readonly random: () => number;
}

/** The door of every shop: handlers enter through it, so that what fails here has its route in the metrics. */
export class ShopDoor {
  constructor(private readonly parts: DoorParts) {}

  /** The shop that the request names. Marks the visit; fails half of them while the fault `error-burst` is on. */
  enter(request: Request, response: Response): ShopTenant {
    const { tenant, sessionId } = response.locals;
    if (!tenant) throw new HttpProblem(400, "name the shop: header x-tenant-id, or a path /t/ID/…");
    const { sw, faults, visitors, random } = this.parts;
    visitors.saw(tenant.id, sessionId);
    if (request.method === "GET") sw.business.trackVisit({ sessionId });
    if (faults.isOn("error-burst", tenant.id) && random() < 0.5)
      throw new TypeError("Cannot read properties of undefined (reading 'priceList')");
    return tenant;
  }

  /** As `enter`, for pages: a visitor without a session gets one, which their next page brings back. */
  enterPage(request: Request, response: Response): ShopTenant {
    response.locals.isPage = true;
    if (cookieOf(request) === undefined && request.header("x-session-id") === undefined) {
      response.locals.sessionId = randomUUID();
      const { tenant, sessionId } = response.locals;
      response.setHeader(
        "set-cookie",
        `${COOKIE}=${sessionId}; Path=/t/${tenant?.id ?? ""}; Max-Age=86400; HttpOnly; SameSite=Lax`,
      );
    }
    return this.enter(request, response);
  }
}

/** Forms of other sites are refused. Programs, which send no such header, are not browsers that could be misled. */
export const sameSiteOnly: RequestHandler = (request, _response, next) => {
  const site = request.header("sec-fetch-site");
  const foreign = site === "cross-site" || site === "same-site";
  next(foreign && request.method !== "GET" ? new HttpProblem(403, "this form is for the shop's own pages") : undefined);
};

function cookieOf(request: Request): string | undefined {
  for (const pair of (request.header("cookie") ?? "").split(";")) {
    const [name, value] = pair.trim().split("=");
    if (name === COOKIE) return printable(value);
  }
  return undefined;
}

/** Ids of clients go into logs and headers: short and printable, or not at all. */
function printable(text: string | undefined): string | undefined {
  return text !== undefined && /^[\w.:-]{1,64}$/.test(text) ? text : undefined;
}
