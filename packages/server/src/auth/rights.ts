import type { Access, Principal, Role } from "../tenant/principal.ts";

/** Roles that may do what a route asks for. ingest and scrape stand apart: a leaked one reads or changes nothing else. */
const ALLOWED: Readonly<Record<Exclude<Access, "open">, readonly Role[]>> = {
  admin: ["admin"],
  editor: ["admin", "editor"],
  viewer: ["admin", "editor", "viewer"],
  ingest: ["admin", "ingest"],
  mark: ["admin", "editor", "ingest"],
  scrape: ["admin", "editor", "viewer", "scrape"],
};

/**
 * What `admin` guards (users, tokens, reload) belongs to the platform, so an admin of some shops only may do what an
 * editor of these shops may.
 */
export function allows(principal: Principal, access: Access): boolean {
  if (access === "open") return true;
  if (access === "admin" && principal.scope.kind !== "all") return false;
  return ALLOWED[access].includes(principal.role);
}

/** What a route needs that does not say so. */
export function defaultAccess(method: string): Access {
  return isReadOnly(method) ? "viewer" : "editor";
}

export function isReadOnly(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}
