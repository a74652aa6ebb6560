// The template of the route that took an Express request, never its path: `/shops/:shop/orders/:id`.
//
// Express keeps the route's own pattern (`req.route.path`) but of the routers above it only the text they matched
// (`req.baseUrl`, "/shops/acme"), in 4 and 5 alike; in 5 the pattern is nowhere kept. But when a router is entered,
// Express first sets `req.params` to what the mount path matched and then `req.baseUrl`. So `baseUrl` becomes a property
// with a setter, once for each application (on its request prototype), which notes the template at that moment.
import type { IncomingMessage } from "node:http";

export interface ExpressRequest extends IncomingMessage {
  baseUrl?: string;
  originalUrl?: string;
  params?: unknown;
  route?: { path?: unknown };
  app?: object;
}

const RAW = Symbol("storewatch.baseUrl");
const MOUNTS = Symbol("storewatch.mounts");

/** A router that was entered: the path it matched, from the start, and what its mount path took out of it. */
interface Mount {
  readonly raw: string;
  readonly params: unknown;
}

interface Traced extends ExpressRequest {
  [RAW]?: string;
  [MOUNTS]?: Mount[];
}

const prepared = new WeakSet<object>();

/** Makes mount paths traceable for this request, and for all later ones of its application. */
export function traceMounts(request: ExpressRequest): void {
  const prototype = (request.app as { request?: object } | undefined)?.request;
  if (prototype === undefined) return;
  if (!prepared.has(prototype)) prepare(prototype);
  // Express 4 sets the property before it gives the request its prototype: then it is the request's own.
  if (!Object.hasOwn(request, "baseUrl")) return;
  const value = request.baseUrl;
  delete request.baseUrl;
  request.baseUrl = value ?? "";
}

function prepare(prototype: object): void {
  prepared.add(prototype);
  Object.defineProperty(prototype, "baseUrl", {
    configurable: true,
    enumerable: true,
    get(this: Traced) {
      return this[RAW];
    },
    set(this: Traced, value: string) {
      this[RAW] = value;
      const mounts = this[MOUNTS];
      if (typeof value === "string" && value !== "") noteMount(this, value);
      else if (mounts !== undefined) mounts.length = 0;
    },
  });
}

/** Runs for each router that is entered or left, so it only notes; the template is made when the request is over. */
function noteMount(request: Traced, raw: string): void {
  const mounts = request[MOUNTS];
  if (mounts === undefined) {
    request[MOUNTS] = [{ raw, params: request.params }];
    return;
  }
  // Back in a router that was entered before: what was mounted below it is left.
  while (mounts.length > 0 && !isBelow(raw, mounts.at(-1)!.raw)) mounts.pop();
  if (mounts.at(-1)?.raw !== raw) mounts.push({ raw, params: request.params });
}

/** `/shops/:shop` of the routers above, or undefined when the innermost was not seen. */
function mountTemplate(mounts: readonly Mount[], raw: string): string | undefined {
  let template = "";
  let above = "";
  for (const mount of mounts) {
    template += templateOf(mount.raw.slice(above.length), mount.params);
    above = mount.raw;
    if (above === raw) return template;
  }
  return undefined;
}

function isBelow(raw: string, above: string): boolean {
  return raw === above || raw.startsWith(`${above}/`);
}

/** `/shops/acme` and `{ shop: "acme" }` → `/shops/:shop`. Each parameter replaces one segment, from the left. */
function templateOf(path: string, params: unknown): string {
  if (typeof params !== "object" || params === null) return path;
  let template = path;
  for (const name of Object.keys(params)) {
    const value = (params as Record<string, unknown>)[name];
    if (typeof value !== "string" || value === "") continue;
    const segments = template.split("/");
    const at = segments.findIndex((segment) => segment === value || decoded(segment) === value);
    if (at < 0) continue;
    segments[at] = /^\d+$/.test(name) ? "*" : `:${name}`;
    template = segments.join("/");
  }
  return template;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The template, or undefined when no route took the request. */
export function routeTemplate(request: ExpressRequest): string | undefined {
  const own = request.route?.path;
  if (own === undefined) return undefined;
  const raw = request.baseUrl ?? "";
  const mount = raw === "" ? "" : mountTemplate((request as Traced)[MOUNTS] ?? [], raw);
  // A mount that was not seen might hold anything; its text is no label.
  const template = `${mount ?? "*"}${routeText(own)}`;
  return template.length > 1 && template.endsWith("/") ? template.slice(0, -1) : template;
}

function routeText(path: unknown): string {
  if (typeof path === "string") return path;
  // Patterns and lists of them are the application's code: as many as it has.
  if (path instanceof RegExp) return String(path);
  return Array.isArray(path) ? path.map(routeText).join("|") : "*";
}
