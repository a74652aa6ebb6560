/** The tenant of what belongs to no shop, or to one that is not known. */
export const UNKNOWN_TENANT = "unknown";
/** Label value that stands for all that no longer fits under a cap. */
export const OTHER = "__other__";

// The same rule as the server's: a tenant id is a label value, part of index names, and is read by people.
const TENANT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The id when it is one that the server takes, else undefined: what a client sends is no label value as it stands. */
export function tenantIdOf(value: unknown): string | undefined {
  const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
  return typeof text === "string" && TENANT_ID.test(text) ? text : undefined;
}
