// The fields that every line carries without anybody naming them.
import { currentContext } from "../context/store.ts";
import { tenantIdOf } from "../tenant/tenant-id.ts";

export type LineFields = Record<string, unknown>;

/** Who the running work is for. Read when the line is written; a line has gone by when a buffer is emptied. */
export function contextFields(): LineFields {
  const context = currentContext();
  if (context === undefined) return {};
  const { tenantId, userId, requestId, traceId } = context;
  const fields: LineFields = {};
  if (tenantId !== undefined) fields.tenantId = tenantId;
  if (userId !== undefined) fields.userId = userId;
  fields.requestId = requestId;
  fields.traceId = traceId;
  return fields;
}

/** Of a line whose fields have been set over the context's: a tenant that cannot be one does not choose the index. */
export function withValidTenant(fields: LineFields, ofContext: unknown): LineFields {
  const { tenantId: given } = fields;
  if (given === ofContext) return fields;
  const tenantId = tenantIdOf(given);
  fields.tenantId = tenantId ?? ofContext;
  if (tenantId === undefined && given !== undefined && given !== null)
    fields.invalidTenantId = String(given).slice(0, 64);
  return fields;
}
