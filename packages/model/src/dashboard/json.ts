// Reading JSON of unknown shape without casts: each reader gives the value of the wished kind or undefined.

export type Json = Readonly<Record<string, unknown>>;

export const asRecord = (value: unknown): Json | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
export const asArray = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const asText = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
export const asFlag = (value: unknown): boolean | undefined => (typeof value === "boolean" ? value : undefined);

/** Numbers, also written as text ("12"), which old dashboards have everywhere; empty text is no number. */
export function asNumber(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const parsed = Number(value);
  return Number.isFinite(parsed) ? parsed : undefined;
}

export const records = (value: unknown): readonly Json[] =>
  asArray(value).flatMap((item) => {
    const record = asRecord(item);
    return record ? [record] : [];
  });

/** The record without keys whose value is undefined, so that a spread over it does not erase anything. */
export function defined(record: Json): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
