// The functions of rule templates, as Prometheus has them.

import { isIP } from "node:net";
import { compareStrings, type LabelRecord, parseDurationMs } from "@storewatch/model";
import { escapeQuery } from "./builtins.ts";
import { TemplateError, type TemplateFunction, type TemplateValue } from "./interface.ts";
import { takes, takesMore } from "./signature.ts";
import {
  floatToTime,
  humanize,
  humanize1024,
  humanizeDuration,
  humanizePercentage,
  humanizeTimestamp,
  matchText,
  replaceAll,
  titleWords,
  toFloat,
} from "./text-functions.ts";
import { GoDuration } from "./time.ts";
import { GoList, GoMap, GoStruct, itemsOf, SafeText, stringMap } from "./values.ts";

/** One sample as templates see it. */
export interface QueriedSample {
  readonly labels: LabelRecord;
  readonly value: number;
}

export interface PrometheusTemplateOptions {
  /** Answers at once; the rule engine runs the query first and executes the template again (rules/expand.ts). */
  readonly query: (expression: string) => readonly QueriedSample[];
  readonly externalUrl: string;
  readonly nowMs: () => number;
}

export function prometheusFunctions(options: PrometheusTemplateOptions): Record<string, TemplateFunction> {
  return { ...queryFunctions(options), ...figureFunctions(options), ...wordFunctions(options) };
}

/** The names, for checking a template that is not run. */
export const PROMETHEUS_FUNCTION_NAMES: ReadonlySet<string> = new Set(
  Object.keys(prometheusFunctions({ query: () => [], externalUrl: "", nowMs: () => 0 })),
);

function sampleValue(sample: QueriedSample): GoStruct {
  return new GoStruct("*template.sample", { Labels: stringMap(sample.labels), Value: sample.value });
}

function mustSample(value: TemplateValue): { labels: ReadonlyMap<string, TemplateValue>; value: TemplateValue } {
  if (value instanceof GoStruct && value.fields.Labels instanceof GoMap) {
    return { labels: value.fields.Labels.entries, value: value.fields.Value };
  }
  throw new TemplateError("wrong type for value; expected *template.sample");
}

function queryFunctions({ query }: PrometheusTemplateOptions): Record<string, TemplateFunction> {
  const label = (name: string, sample: TemplateValue) => mustSample(sample).labels.get(name) ?? "";
  return {
    query: takes(["string"], (expression) => new GoList("template.queryResult", query(expression).map(sampleValue))),
    first: takes(["any"], (vector) => {
      const items = itemsOf(vector);
      if (!items) throw new TemplateError("wrong type for value; expected template.queryResult");
      if (items.length === 0) throw new TemplateError("first() called on vector with no elements");
      return items[0];
    }),
    label: takes(["string", "any"], label),
    value: takes(["any"], (sample) => mustSample(sample).value),
    strvalue: takes(["any"], (sample) => label("__value__", sample)),
    sortByLabel: takes(["string", "any"], (name, vector) => {
      const items = itemsOf(vector);
      if (!items) throw new TemplateError("wrong type for value; expected template.queryResult");
      const key = (item: TemplateValue) => String(label(name, item));
      return new GoList(
        "template.queryResult",
        [...items].sort((a, b) => compareStrings(key(a), key(b))),
      );
    }),
  };
}

function figureFunctions({ nowMs }: PrometheusTemplateOptions): Record<string, TemplateFunction> {
  return {
    humanize: takes(["any"], humanize),
    humanize1024: takes(["any"], humanize1024),
    humanizeDuration: takes(["any"], humanizeDuration),
    humanizePercentage: takes(["any"], humanizePercentage),
    humanizeTimestamp: takes(["any"], humanizeTimestamp),
    toTime: takes(["any"], (value) => floatToTime(toFloat(value))),
    toDuration: takes(["any"], (value) => GoDuration.fromMs(toFloat(value) * 1000)),
    now: takes([], () => nowMs() / 1000),
    parseDuration: takes(["string"], (text) => {
      const ms = parseDurationMs(text.replace(/^-/, ""));
      if (ms === undefined) throw new TemplateError(`not a valid duration string: ${JSON.stringify(text)}`);
      return (text.startsWith("-") ? -ms : ms) / 1000;
    }),
  };
}

function wordFunctions({ externalUrl }: PrometheusTemplateOptions): Record<string, TemplateFunction> {
  return {
    args: takesMore([], "any", (_, args) => new Map(args.map((arg, i) => [`arg${i}`, arg]))),
    // Replaced by the template set, which knows the templates.
    tmpl: takes(["string", "any"], (name) => {
      throw new TemplateError(`template ${JSON.stringify(name)} not defined`);
    }),
    title: takes(["string"], titleWords),
    toUpper: takes(["string"], (text) => text.toUpperCase()),
    toLower: takes(["string"], (text) => text.toLowerCase()),
    match: takes(["string", "string"], matchText),
    reReplaceAll: takes(["string", "string", "string"], replaceAll),
    safeHtml: takes(["string"], (text) => new SafeText("HTML", text)),
    urlQueryEscape: takes(["string"], escapeQuery),
    graphLink: takes(["string"], (expression) => `/graph?g0.expr=${escapeQuery(expression)}&g0.tab=0`),
    tableLink: takes(["string"], (expression) => `/graph?g0.expr=${escapeQuery(expression)}&g0.tab=1`),
    externalURL: takes([], () => externalUrl),
    pathPrefix: takes([], () => pathOf(externalUrl)),
    stripPort: takes(["string"], (text) => splitHostPort(text)?.host ?? text),
    stripDomain: takes(["string"], stripDomain),
  };
}

function pathOf(url: string): string {
  const path = URL.canParse(url) ? new URL(url).pathname : "";
  // Go keeps "no path" apart from "/".
  return path === "/" && !url.endsWith("/") ? "" : path;
}

/** net.SplitHostPort: undefined without a port, or when it is ambiguous. */
function splitHostPort(text: string): { host: string; port: string } | undefined {
  const bracketed = /^\[([^[\]]*)\]:([^:[\]]*)$/.exec(text);
  if (bracketed) return { host: bracketed[1], port: bracketed[2] };
  const plain = /^([^:[\]]*):([^:[\]]*)$/.exec(text);
  return plain ? { host: plain[1], port: plain[2] } : undefined;
}

function stripDomain(text: string): string {
  const parts = splitHostPort(text);
  const host = parts?.host ?? text;
  if (isIP(host) !== 0) return text;
  const short = host.split(".")[0];
  return parts && parts.port !== "" ? `${short}:${parts.port}` : short;
}
