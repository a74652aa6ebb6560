// Building blocks of the file's schema. YAML leaves scalars untyped: `test: 2` means the text "2" where text is wanted.
import { parseDurationMs } from "@storewatch/model";
import { z } from "zod";
import { parseMatchers } from "../matchers/parse.ts";

export const text = z.union([z.string(), z.number(), z.boolean()], "must be text").transform(String);

/** The key may be missing or null. */
export function maybe<S extends z.ZodType>(schema: S) {
  return schema.nullish().transform((value) => value ?? undefined);
}

export const maybeText = maybe(text);
export const maybeFlag = maybe(z.boolean("must be true or false"));
export const maybeInteger = maybe(z.int("must be a whole number"));
export const texts = maybe(z.array(text));
export const textMap = maybe(
  z.record(
    z.string(),
    z.union([text, z.null()]).transform((value) => value ?? ""),
  ),
);

/** ms */
export const duration = text.transform((value, context) => {
  const ms = parseDurationMs(value);
  if (ms !== undefined) return ms;
  context.addIssue({ code: "custom", message: `not a valid duration string: "${value}"` });
  return z.NEVER;
});
export const maybeDuration = maybe(duration);

/** Empty means not set. */
export const maybeUrl = maybe(
  text.transform((value, context) => {
    const problem = value === "" ? undefined : urlProblem(value);
    if (problem === undefined) return value || undefined;
    context.addIssue({ code: "custom", message: problem });
    return z.NEVER;
  }),
);

/** Upstream's rules: http or https, and a host. `<secret>` passes, so that a masked file loads. */
export function urlProblem(value: string): string | undefined {
  if (value === "<secret>" || isEnvironmentReference(value)) return undefined;
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  if (!parsed || (parsed.protocol !== "http:" && parsed.protocol !== "https:")) {
    return `unsupported scheme in URL "${parsed ? parsed.protocol : value.slice(0, 80)}"; http and https are`;
  }
  return parsed.host === "" ? "missing host for URL" : undefined;
}

export function isEnvironmentReference(value: string): boolean {
  return /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/.test(value);
}

export const matchers = maybe(
  z.array(text).transform((lines, context) => {
    try {
      return lines.flatMap(parseMatchers);
    } catch (error) {
      context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  }),
);
