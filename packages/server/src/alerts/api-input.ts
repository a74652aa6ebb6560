// What clients of the Alertmanager API send, read by hand: answers to bad input have upstream's words and codes, which
// amtool prints.
import type { LabelRecord, Matcher, PostableAlert } from "@storewatch/model";
import { RegexError } from "@storewatch/model";
import { matcherFromJson, type SilenceInput } from "./silences.ts";

/** An answer to give: a bare JSON string (400), or the validator's `{code, message}`. */
export class ApiInputError extends Error {
  constructor(
    readonly status: number,
    readonly body: string | { readonly code: number; readonly message: string },
  ) {
    super(typeof body === "string" ? body : body.message);
  }
}

type Json = Readonly<Record<string, unknown>>;

const ALERTS_MAX = 10_000;
/** Go's zero time stands for "not set"; amtool sends it. */
const ZERO_TIME_MS = Date.parse("0001-01-01T00:00:00Z");

function required(name: string): ApiInputError {
  return new ApiInputError(422, { code: 602, message: `${name} in body is required` });
}

function wrongType(name: string, type: string): ApiInputError {
  return new ApiInputError(422, { code: 601, message: `${name} in body must be of type ${type}` });
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Throws ApiInputError. */
export function readAlerts(body: unknown): PostableAlert[] {
  if (!Array.isArray(body))
    throw new ApiInputError(400, { code: 400, message: "parsing alerts body failed: an array is wanted" });
  if (body.length > ALERTS_MAX) throw new ApiInputError(413, `at most ${ALERTS_MAX} alerts at once`);
  return body.map((item: unknown, i) => {
    if (!isObject(item)) throw wrongType(String(i), "object");
    if (item.labels === undefined || item.labels === null) throw required(`${i}.labels`);
    const generatorUrl = item.generatorURL ?? "";
    if (typeof generatorUrl !== "string" || (generatorUrl !== "" && !isUri(generatorUrl))) {
      throw wrongType(`${i}.generatorURL`, `uri: ${JSON.stringify(generatorUrl)}`);
    }
    return {
      labels: readLabels(item.labels, `${i}.labels`),
      annotations: readLabels(item.annotations ?? {}, `${i}.annotations`),
      startsAtMs: readTime(item.startsAt, `${i}.startsAt`),
      endsAtMs: readTime(item.endsAt, `${i}.endsAt`),
      generatorUrl,
    };
  });
}

/** Prometheus sends relative references when it has no external URL. */
function isUri(text: string): boolean {
  return URL.canParse(text, "http://relative/");
}

function readLabels(value: unknown, name: string): LabelRecord {
  if (!isObject(value) || Object.values(value).some((text) => typeof text !== "string")) {
    throw wrongType(name, "object of strings");
  }
  return value as LabelRecord;
}

function readTime(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const ms = typeof value === "string" && /^\d{4}-\d\d-\d\d[Tt ]/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) throw wrongType(name, `date-time: ${JSON.stringify(value)}`);
  return ms <= ZERO_TIME_MS ? undefined : ms;
}

/** Throws ApiInputError. */
export function readSilence(body: unknown): SilenceInput {
  if (!isObject(body))
    throw new ApiInputError(400, { code: 400, message: "parsing silence body failed: an object is wanted" });
  const missing = ["comment", "createdBy", "endsAt", "matchers", "startsAt"].filter(
    (key) => (body[key] ?? undefined) === undefined,
  );
  if (missing.length === 1) throw required(missing[0]);
  if (missing.length > 1) {
    const list = missing.map((key) => `${key} in body is required`).join("\n");
    throw new ApiInputError(422, { code: 422, message: `validation failure list:\n${list}` });
  }
  const { comment, createdBy, id } = body;
  if (typeof comment !== "string") throw wrongType("comment", "string");
  if (typeof createdBy !== "string") throw wrongType("createdBy", "string");
  if (id !== undefined && typeof id !== "string") throw wrongType("id", "string");
  const endsAtMs = readTime(body.endsAt, "endsAt");
  if (endsAtMs === undefined) throw new ApiInputError(400, "invalid silence: invalid zero end timestamp");
  return {
    id: id || undefined,
    matchers: readMatchers(body.matchers),
    startsAtMs: readTime(body.startsAt, "startsAt"),
    endsAtMs,
    createdBy,
    comment,
    annotations: readLabels(body.annotations ?? {}, "annotations"),
  };
}

function readMatchers(value: unknown): Matcher[] {
  if (!Array.isArray(value)) throw wrongType("matchers", "array");
  if (value.length === 0)
    throw new ApiInputError(422, { code: 612, message: "matchers in body should have at least 1 items" });
  return value.map((item: unknown, i) => {
    if (!isObject(item)) throw wrongType(`matchers.${i}`, "object");
    const { name, value: text, isRegex, isEqual = true } = item;
    for (const [key, part] of Object.entries({ name, value: text, isRegex })) {
      if (part === undefined || part === null) throw required(`matchers.${i}.${key}`);
    }
    if (typeof name !== "string" || typeof text !== "string") throw wrongType(`matchers.${i}`, "matcher of strings");
    if (typeof isRegex !== "boolean" || typeof isEqual !== "boolean")
      throw wrongType(`matchers.${i}`, "matcher with booleans");
    try {
      return matcherFromJson({ name, value: text, isRegex, isEqual });
    } catch (error) {
      if (!(error instanceof RegexError)) throw error;
      throw new ApiInputError(400, `invalid silence: invalid label matcher ${i}: ${error.message}`);
    }
  });
}

/** The value of a flag in the query; true when it is missing. */
export function readFlag(params: URLSearchParams, name: string): boolean {
  const text = params.get(name);
  if (text === null || text === "") return true;
  if (/^(true|t|1|yes|on)$/i.test(text)) return true;
  if (/^(false|f|0|no|off)$/i.test(text)) return false;
  throw new ApiInputError(422, {
    code: 601,
    message: `${name} in query must be of type boolean: ${JSON.stringify(text)}`,
  });
}
