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

/** Fields as they were given, on top of the context's. A tenant that cannot be one does not choose the index. */
export function withContext(given: LineFields): LineFields {
  const own = contextFields();
  const fields = { ...own, ...given };
  if (!("tenantId" in given)) return fields;
  const tenantId = tenantIdOf(given.tenantId) ?? own.tenantId;
  if (tenantId === undefined) delete fields.tenantId;
  else fields.tenantId = tenantId;
  if (given.tenantId !== undefined && given.tenantId !== null && tenantId !== String(given.tenantId))
    fields.invalidTenantId = String(given.tenantId).slice(0, 64);
  return fields;
}
