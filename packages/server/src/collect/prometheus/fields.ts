// The kinds of values in a Prometheus file, read as Go's YAML package reads them: a number is a text where a text is
// wanted (with the digits as written), and null means the zero value.
import { parseDurationMs } from "@storewatch/model";
import { z } from "zod";
import type { ConfigDocument, Path } from "../../config/document.ts";
import { goQuote } from "../scrape/go-text.ts";
import { Secret } from "./secret.ts";

/** Stands before the source of a plain number or truth value: no text of a YAML file can start with it. */
const MARK = "\u0001";

/** The document with numbers and truth values as their marked source text: see the field kinds below. */
export function withSources(document: ConfigDocument): ConfigDocument {
  const walk = (value: unknown, path: Path): unknown => {
    if (Array.isArray(value)) return value.map((item, i) => walk(item, [...path, i]));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]));
    }
    if (typeof value !== "number" && typeof value !== "boolean" && typeof value !== "bigint") return value;
    return MARK + (document.sourceAt(path) ?? String(value));
  };
  return { ...document, data: walk(document.data, []) };
}

type Read<T> = (text: string, fail: (message: string) => never, marked: boolean) => T;

class Refusal extends Error {}

/** A scalar; null gives what the empty text gives. Absent stays undefined. */
function scalar<T>(zero: T, read: Read<T>) {
  const fail = (message: string): never => {
    throw new Refusal(message);
  };
  return z
    .unknown()
    .transform((value, context): T => {
      if (value === null) return zero;
      try {
        if (typeof value !== "string") return fail(`expected a single value, got ${describe(value)}`);
        const marked = value.startsWith(MARK);
        return read(marked ? value.slice(1) : value, fail, marked);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        context.addIssue({ code: "custom", message: error.message });
        return z.NEVER;
      }
    })
    .optional();
}

const describe = (value: unknown): string => (Array.isArray(value) ? "a list" : "a map");

export const text = scalar("", (value) => value);
export const secret = scalar(new Secret(""), (value) => new Secret(value));

const TRUE = /^(y|Y|yes|Yes|YES|on|On|ON|true|True|TRUE)$/;
const FALSE = /^(n|N|no|No|NO|off|Off|OFF|false|False|FALSE)$/;
export const flag = scalar(false, (value, fail) => {
  if (TRUE.test(value)) return true;
  return FALSE.test(value) ? false : fail(`expected true or false, got ${goQuote(value)}`);
});

export const integer = scalar(0, (value, fail, marked) => {
  const number = Number(value.replaceAll("_", ""));
  const usable = marked && Number.isSafeInteger(number);
  return usable ? number : fail(`expected a whole number, got ${goQuote(value)}`);
});

export const count = scalar(0, (value, fail, marked) => {
  const number = Number(value.replaceAll("_", ""));
  const usable = marked && Number.isSafeInteger(number) && number >= 0;
  return usable ? number : fail(`expected a whole number from 0 on, got ${goQuote(value)}`);
});

/** 64 bits without sign. */
export const unsigned = scalar(0n, (value, fail, marked) => {
  const digits = value.replaceAll("_", "");
  return marked && /^\d+$/.test(digits) && BigInt(digits) < 2n ** 64n
    ? BigInt(digits)
    : fail(`expected a whole number from 0 on, got ${goQuote(value)}`);
});

export const decimal = scalar(0, (value, fail, marked) => {
  const number = Number(value.replaceAll("_", ""));
  return marked && !Number.isNaN(number) ? number : fail(`expected a number, got ${goQuote(value)}`);
});

/** ms. */
export const duration = scalar(0, (value, fail) => {
  if (value === "") return fail("empty duration string");
  return parseDurationMs(value) ?? fail(`not a valid duration string: ${goQuote(value)}`);
});

/** Bytes; a unit is required: 512MB, 1GiB, 1.5KB. K, M, G … are powers of 1024 in both spellings. */
export const byteSize = scalar(0, (value, fail) => {
  if (value === "0") return 0;
  const sign = /^[+-]/.test(value) ? value[0] : "";
  let rest = value.slice(sign.length);
  let bytes = 0;
  if (rest === "") return fail(`units: invalid ${value}`);
  while (rest !== "") {
    const part = /^(\d*(?:\.\d*)?)([^.\d]*)/.exec(rest)!;
    if (!/\d/.test(part[1])) return fail(`units: invalid ${value}`);
    const unit = /^([KMGTPE]?)(?:i?B)$/.exec(part[2]);
    if (!unit || part[2] === "iB") return fail(`units: unknown unit ${part[2]} in ${value}`);
    bytes += Number(part[1]) * 1024 ** (unit[1] === "" ? 0 : "KMGTPE".indexOf(unit[1]) + 1);
    rest = rest.slice(part[0].length);
  }
  return sign === "-" ? -bytes : bytes;
});

/** A URL as Go's url.Parse takes it: nearly anything. Empty when null. */
export const url = scalar("", (value, fail) => {
  const problem = urlProblem(value);
  return problem === undefined ? value : fail(problem);
});

export function urlProblem(value: string): string | undefined {
  const wrong = (reason: string) => `parse ${goQuote(value)}: ${reason}`;
  if (value.startsWith(":")) return wrong("missing protocol scheme");
  if (hasControlCharacter(value)) return wrong("net/url: invalid control character in URL");
  const badEscape = /%(?![0-9a-fA-F]{2})/.exec(value);
  if (badEscape) return wrong(`invalid URL escape ${goQuote(value.slice(badEscape.index, badEscape.index + 3))}`);
  const authority = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/.exec(value)?.[1];
  const port = authority === undefined ? undefined : /:([^:\]]*)$/.exec(authority.replace(/^.*@/, ""))?.[1];
  if (port !== undefined && !/^\d*$/.test(port)) return wrong(`invalid port ${goQuote(`:${port}`)} after host`);
  return undefined;
}

function hasControlCharacter(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

/** The host of a URL with a scheme, "" without one. */
export function urlHost(value: string): string {
  return /^[A-Za-z][A-Za-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#]*)/.exec(value)?.[1] ?? "";
}

export function urlScheme(value: string): string {
  return /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(value)?.[1]?.toLowerCase() ?? "";
}

export const texts = z
  .array(text.transform((value) => value ?? ""))
  .nullable()
  .optional();
export const secrets = z.array(secret).nullable().optional();
export const textMap = z
  .record(
    z.string(),
    text.transform((value) => value ?? ""),
  )
  .nullable()
  .optional();

type Shape = Readonly<Record<string, z.ZodType>>;

/** A map with these keys only; null counts as absent. */
export function section<S extends Shape>(shape: S) {
  return z.strictObject(shape).nullable().optional();
}

/** A map in a list, where null is an error of its own. */
export function entry<S extends Shape>(shape: S, nullMessage: string) {
  return z.strictObject(shape, { error: (issue) => (issue.input == null ? nullMessage : undefined) });
}

export function list<T extends z.ZodType>(item: T) {
  return z.array(item).nullable().optional();
}

/** Reports a problem at a key of the map that is being checked. */
export type Report = (message: string, ...path: Array<string | number>) => void;

export function reporter(context: z.core.$RefinementCtx): Report {
  return (message, ...path) => context.addIssue({ code: "custom", message, path });
}
