// The functions of notification templates, as Alertmanager has them.
import { TemplateError, type TemplateFunction, type TemplateValue } from "./interface.ts";
import { toJson } from "./json.ts";
import { takes, takesMore } from "./signature.ts";
import { humanizeDuration, matchText, replaceAll, titleCase } from "./text-functions.ts";
import { GoDuration } from "./time.ts";
import { GoList, itemsOf, SafeText } from "./values.ts";

export interface AlertmanagerTemplateOptions {
  readonly nowMs: () => number;
}

export function alertmanagerFunctions(options: AlertmanagerTemplateOptions): Record<string, TemplateFunction> {
  return { ...wordFunctions(), ...timeFunctions(options), ...collectionFunctions() };
}

/** The names, for checking a template that is not run. */
export const ALERTMANAGER_FUNCTION_NAMES: ReadonlySet<string> = new Set(
  Object.keys(alertmanagerFunctions({ nowMs: () => 0 })),
);

function wordFunctions(): Record<string, TemplateFunction> {
  return {
    toUpper: takes(["string"], (text) => text.toUpperCase()),
    toLower: takes(["string"], (text) => text.toLowerCase()),
    title: takes(["string"], titleCase),
    trimSpace: takes(["string"], (text) => text.trim()),
    join: takes(["string", "strings"], (separator, parts) => parts.join(separator)),
    match: takes(["string", "string"], matchText),
    reReplaceAll: takes(["string", "string", "string"], replaceAll),
    safeHtml: takes(["string"], (text) => new SafeText("HTML", text)),
    safeUrl: takes(["string"], (text) => new SafeText("URL", text)),
    urlUnescape: takes(["string"], unescapeQuery),
    base64encode: takes(["string"], (text) => base64Url(text)),
    base64decode: takes(["string"], decodeBase64),
    // The set that executes a text puts the labels of its data in.
    routeLabels: takes(["string"], () => ""),
    toJson: takes(["any"], (value) => toJson(value)),
  };
}

/** url.QueryUnescape. */
function unescapeQuery(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new TemplateError(`invalid URL escape in ${JSON.stringify(text)}`);
  }
}

/** The URL-safe alphabet, with padding. */
function base64Url(text: string): string {
  return Buffer.from(text, "utf8").toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

function decodeBase64(text: string): string {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text) || text.length % 4 !== 0) {
    throw new TemplateError("illegal base64 data");
  }
  return Buffer.from(text, "base64").toString("utf8");
}

function timeFunctions({ nowMs }: AlertmanagerTemplateOptions): Record<string, TemplateFunction> {
  return {
    date: takes(["string", "time"], (layout, time) => time.format(layout)),
    tz: takes(["string", "time"], (zone, time) => time.inZone(zone)),
    since: takes(["time"], (time) => new GoDuration(BigInt(Math.round(nowMs())) * 1_000_000n - time.nanoseconds)),
    humanizeDuration: takes(["any"], humanizeDuration),
  };
}

function collectionFunctions(): Record<string, TemplateFunction> {
  return {
    stringSlice: takesMore([], "string", (_, parts) => new GoList("[]string", parts)),
    list: takesMore([], "any", (_, items) => [...items]),
    append: takesMore(["any"], "any", ([list], more) => {
      const items = itemsOf(list);
      if (!items) throw new TemplateError("append: the first argument is no list");
      return [...items, ...more];
    }),
    dict: takesMore([], "any", (_, pairs) => dictionary(pairs)),
  };
}

function dictionary(pairs: readonly TemplateValue[]): Map<string, TemplateValue> {
  if (pairs.length % 2 !== 0) throw new TemplateError("dict: expected an even number of arguments");
  const made = new Map<string, TemplateValue>();
  for (let i = 0; i < pairs.length; i += 2) {
    const key = pairs[i];
    if (typeof key !== "string") throw new TemplateError("dict: keys must be strings");
    made.set(key, pairs[i + 1]);
  }
  return made;
}
