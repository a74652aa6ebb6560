// The tenant: a shop on the platform. A branded type, so that a plain string does not pass for one.

export const TENANT_LABEL = "tenant_id";

declare const brand: unique symbol;
export type TenantId = string & { readonly [brand]: "TenantId" };

const TENANT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Values of the tenant label that name no shop: requests that belong to none, and what was rolled up because a shop had
 * too many series. They are data of the platform, never a shop in a list, a rule or a credential.
 */
const NO_SHOP: ReadonlySet<string> = new Set(["unknown", "__other__"]);

/**
 * The id, or undefined when the text may not be one: 1–64 of letters, digits, `.`, `_`, `-`, first a letter or digit, and
 * not `unknown`.
 */
export function parseTenantId(text: string): TenantId | undefined {
  return TENANT_ID.test(text) && !NO_SHOP.has(text) ? (text as TenantId) : undefined;
}

/** Whose data a call may touch: everything, or what carries one of these tenants. First argument of store calls. */
export type TenantScope = { readonly kind: "all" } | { readonly kind: "tenants"; readonly ids: ReadonlySet<TenantId> };

export const ALL_TENANTS: TenantScope = { kind: "all" };

export function tenantScope(ids: Iterable<TenantId>): TenantScope {
  return { kind: "tenants", ids: new Set(ids) };
}

export function scopeAllows(scope: TenantScope, id: string): boolean {
  return scope.kind === "all" || scope.ids.has(id as TenantId);
}

export interface Tenant {
  readonly id: TenantId;
  readonly name: string;
  readonly tier?: string;
  /** IANA name, for example Asia/Ho_Chi_Minh. */
  readonly timezone: string;
  /** ISO 4217 code. */
  readonly currency: string;
}
