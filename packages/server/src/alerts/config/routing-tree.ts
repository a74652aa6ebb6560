// The routing tree of the file → Route nodes with everything inherited.
import { compileWholeRegex, Matcher, RegexError } from "@storewatch/model";
import { z } from "zod";
import { compareMatchers, matchersText } from "../matchers/parse.ts";
import type { Builder } from "./builder.ts";
import { matchers, maybe, maybeDuration, maybeFlag, maybeText, text, textMap, texts } from "./schema.ts";
import { templateProblem } from "./text-checks.ts";
import type { Route } from "./types.ts";

type Path = ReadonlyArray<string | number>;

export const regexMap = maybe(z.record(z.string(), z.union([text, z.null()])));

const routeFields = {
  receiver: maybeText,
  group_by: texts,
  continue: maybeFlag,
  match: textMap,
  match_re: regexMap,
  matchers,
  group_wait: maybeDuration,
  group_interval: maybeDuration,
  repeat_interval: maybeDuration,
  mute_time_intervals: texts,
  active_time_intervals: texts,
  labels: textMap,
};

const routeBase = z.strictObject(routeFields);
export type RouteInput = Partial<z.output<typeof routeBase>> & { routes?: RouteInput[] | undefined };

export const routeSchema: z.ZodType<RouteInput> = z.strictObject({
  ...routeFields,
  get routes() {
    return maybe(z.array(routeSchema));
  },
}) as unknown as z.ZodType<RouteInput>;

/** Matchers of the old and the new keys together. */
export function collectMatchers(
  builder: Builder,
  equal: Readonly<Record<string, string>> | undefined,
  regex: Readonly<Record<string, string | null>> | undefined,
  list: readonly Matcher[] | undefined,
  path: Path,
  regexKey: string,
): Matcher[] {
  const made = Object.entries(equal ?? {}).map(([name, value]) => new Matcher("=", name, value));
  for (const [name, pattern] of Object.entries(regex ?? {})) {
    const where = [...path, regexKey, name];
    if (pattern === null) {
      builder.error(where, `invalid regexp value for ${name}`);
      continue;
    }
    try {
      compileWholeRegex(pattern);
      // Alertmanager keeps the anchors it adds, and shows them in group keys.
      made.push(new Matcher("=~", name, `^(?:${pattern})$`));
    } catch (error) {
      if (!(error instanceof RegexError)) throw error;
      builder.error(where, error.message);
    }
  }
  made.push(...(list ?? []));
  return made.sort(compareMatchers);
}

interface Names {
  readonly receivers: ReadonlySet<string>;
  readonly timeIntervals: ReadonlySet<string>;
}

type Parent = Pick<
  Route,
  "key" | "receiver" | "groupBy" | "groupWaitMs" | "groupIntervalMs" | "repeatIntervalMs" | "labels"
>;

export const ROUTE_DEFAULTS = { groupWaitMs: 30_000, groupIntervalMs: 300_000, repeatIntervalMs: 4 * 3_600_000 };

const ORIGIN: Parent = { key: "", receiver: "", groupBy: new Set(), labels: {}, ...ROUTE_DEFAULTS };

export function buildRootRoute(builder: Builder, input: RouteInput, names: Names): Route {
  const path = ["route"];
  const refuse = (present: unknown, key: string, message: string) => {
    if (present) builder.error([...path, key], message);
  };
  if (!input.receiver) builder.error(path, "root route must specify a default receiver");
  const matching = ["match", "match_re", "matchers"] as const;
  for (const key of matching) {
    refuse(Object.keys(input[key] ?? {}).length > 0, key, "root route must not have any matchers");
  }
  refuse(input.mute_time_intervals?.length, "mute_time_intervals", "root route must not have any mute time intervals");
  refuse(
    input.active_time_intervals?.length,
    "active_time_intervals",
    "root route must not have any active time intervals",
  );
  refuse(input.continue, "continue", "cannot have continue in root route");
  return buildRoute(builder, input, ORIGIN, names, path);
}

function buildRoute(builder: Builder, input: RouteInput, parent: Parent, names: Names, path: Path): Route {
  const all = collectMatchers(builder, input.match, input.match_re, input.matchers, path, "match_re");
  checkNames(builder, input, names, path);
  for (const key of ["group_interval", "repeat_interval"] as const) {
    if (input[key] === 0) builder.error([...path, key], `${key} cannot be zero`);
  }
  for (const [name, text] of Object.entries(input.labels ?? {})) {
    const problem = templateProblem(text);
    if (problem) builder.error([...path, "labels", name], problem);
  }
  const own: Parent = {
    key: path.length === 1 ? matchersText(all) : `${parent.key}/${matchersText(all)}`,
    receiver: input.receiver || parent.receiver,
    groupBy: groupBy(builder, input, parent, path),
    groupWaitMs: input.group_wait ?? parent.groupWaitMs,
    groupIntervalMs: input.group_interval ?? parent.groupIntervalMs,
    repeatIntervalMs: input.repeat_interval ?? parent.repeatIntervalMs,
    labels: { ...parent.labels, ...input.labels },
  };
  return {
    ...own,
    matchers: all,
    continue: input.continue ?? false,
    muteTimeIntervals: input.mute_time_intervals ?? [],
    activeTimeIntervals: input.active_time_intervals ?? [],
    routes: (input.routes ?? []).map((child, i) => buildRoute(builder, child, own, names, [...path, "routes", i])),
    path,
  };
}

/** An empty list means the same as none: inherited. */
function groupBy(builder: Builder, input: RouteInput, parent: Parent, path: Path): Route["groupBy"] {
  const given = input.group_by ?? [];
  if (given.length === 0) return parent.groupBy;
  const where = [...path, "group_by"];
  const unique = new Set(given);
  if (unique.size < given.length) {
    const twice = given.find((name, i) => given.indexOf(name) !== i);
    builder.error(where, `duplicated label "${twice}" in group_by`);
  }
  if (!unique.has("...")) return unique;
  if (unique.size > 1) {
    builder.error(where, "cannot have wildcard group_by (`...`) and other labels at the same time");
  }
  return "all";
}

function checkNames(builder: Builder, input: RouteInput, names: Names, path: Path): void {
  if (input.receiver && !names.receivers.has(input.receiver)) {
    builder.error([...path, "receiver"], `undefined receiver "${input.receiver}" used in route`);
  }
  for (const key of ["mute_time_intervals", "active_time_intervals"] as const) {
    input[key]?.forEach((name, i) => {
      if (!names.timeIntervals.has(name)) {
        builder.error([...path, key, i], `undefined time interval "${name}" used in route`);
      }
    });
  }
}
