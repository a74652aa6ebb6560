// Which tenants a pushed request writes for: the credential decides, a header or a path only chooses among its tenants.
import { parseTenantId, scopeAllows, type TenantScope, tenantScope } from "@storewatch/model";
import { StorewatchError } from "../../kernel/errors.ts";

/**
 * The scope narrowed to the tenant that was asked for (an empty text asks for none). Throws BAD_REQUEST for what is no
 * tenant id and TENANT_FORBIDDEN for another's.
 */
export function chooseTenant(scope: TenantScope, asked: string | undefined): TenantScope {
  if (asked === undefined || asked === "") return scope;
  const id = parseTenantId(asked);
  if (id === undefined)
    throw new StorewatchError("BAD_REQUEST", { reason: `"${asked.slice(0, 100)}" is no tenant id` });
  if (!scopeAllows(scope, id)) throw new StorewatchError("TENANT_FORBIDDEN", { tenant: id });
  return tenantScope([id]);
}
