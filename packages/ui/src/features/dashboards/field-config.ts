// How a field is shown: the panel's defaults with the overrides that match it.
import type { FieldDefaults, Override, Panel, Thresholds, ValueMapping } from "@storewatch/model/dashboard";
import { namedColor } from "../../chart/palette.ts";
import { NOTHING } from "../../design/numbers.ts";
import { type Format, unitFormat } from "../../design/units.ts";
import type { Cell, Field } from "./frames.ts";
import { type Bag, bag, bags, number, text, texts } from "./options.ts";
import { patternMatcher } from "./patterns.ts";

export interface FieldView {
  readonly name: string;
  readonly unit: string;
  readonly format: Format;
  readonly decimals: number | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly noValue: string | undefined;
  readonly thresholds: Thresholds | undefined;
  readonly mappings: readonly ValueMapping[];
  /** Set by hand; undefined = the palette's. */
  readonly fixedColor: string | undefined;
  readonly custom: Bag;
}

export function viewField(panel: Panel, field: Field): FieldView {
  const { defaults, overrides } = panel.fieldConfig;
  const settings = mergeSettings(defaults, overrides, field);
  const unit = text(settings.unit, "short");
  const decimals = number(settings.decimals);
  const color = bag(settings.color);
  const fixed = color.mode === "fixed" || color.mode === "shades" ? text(color.fixedColor) : "";
  return {
    name: displayName(text(settings.displayName), field),
    unit,
    decimals,
    format: unitFormat(unit, decimals),
    min: number(settings.min),
    max: number(settings.max),
    noValue: text(settings.noValue) || undefined,
    thresholds: settings.thresholds as Thresholds | undefined,
    mappings: (settings.mappings ?? []) as readonly ValueMapping[],
    fixedColor: fixed === "" ? undefined : namedColor(fixed),
    custom: bag(settings.custom),
  };
}

function mergeSettings(defaults: FieldDefaults, overrides: readonly Override[], field: Field): Bag {
  const settings: Record<string, unknown> = { ...defaults, custom: { ...bag(defaults.custom) } };
  for (const override of overrides) {
    if (!matchesField(override.matcher, field)) continue;
    for (const { id, value } of override.properties) {
      if (id.startsWith("custom.")) settings.custom = { ...bag(settings.custom), [id.slice(7)]: value };
      else settings[id] = value;
    }
  }
  return settings;
}

function matchesField(matcher: Override["matcher"], field: Field): boolean {
  const { id, options } = matcher;
  switch (id) {
    case "byName":
      return sameName(text(options), field.name);
    case "byRegexp":
      return patternMatcher(text(options))(field.name);
    case "byType":
      return options === field.kind;
    case "byFrameRefID":
      return options === field.refId;
    case "byNames": {
      const named = texts(bag(options).names).some((name) => sameName(name, field.name));
      return bag(options).mode === "exclude" ? !named : named;
    }
    default:
      return false;
  }
}

/** "Value" of a lone query and "Value #A" mean the same column. */
const sameName = (wanted: string, name: string): boolean =>
  wanted === name || (name === "Value" && wanted === "Value #A");

function displayName(template: string, field: Field): string {
  if (template === "") return field.name;
  return template
    .replace(/\$\{__(?:field|series)\.(?:labels\.)?([^}]+)\}/g, (_, key: string) =>
      key === "name" || key === "displayName" ? field.name : (field.labels?.[key] ?? ""),
    )
    .replaceAll("${__field.displayName}", field.name);
}

/** The text of a value: by its mapping, else by the unit. */
export function cellText(view: FieldView, value: Cell | undefined): string {
  const mapped = mappedValue(view.mappings, value ?? null);
  if (mapped?.text !== undefined) return mapped.text;
  if (value === null || value === undefined) return view.noValue ?? NOTHING;
  return typeof value === "number" ? view.format(value) : value;
}

interface Mapped {
  readonly text: string | undefined;
  readonly color: string | undefined;
}

export function mappedValue(mappings: readonly ValueMapping[], value: Cell): Mapped | undefined {
  for (const mapping of mappings) {
    const result = mappingResult(mapping, value);
    if (result)
      return {
        text: text(result.text) || undefined,
        color: text(result.color) ? namedColor(text(result.color)) : undefined,
      };
  }
  return undefined;
}

function mappingResult(mapping: ValueMapping, value: Cell): Bag | undefined {
  const options = bag(mapping.options);
  switch (mapping.type) {
    case "value":
      return value !== null && String(value) in options ? bag(options[String(value)]) : undefined;
    case "range": {
      const [from, to] = [
        number(options.from) ?? Number.NEGATIVE_INFINITY,
        number(options.to) ?? Number.POSITIVE_INFINITY,
      ];
      return typeof value === "number" && value >= from && value <= to ? bag(options.result) : undefined;
    }
    case "special":
      return specialMatches(text(options.match), value) ? bag(options.result) : undefined;
    case "regex":
      return value !== null && patternMatcher(text(options.pattern))(String(value)) ? bag(options.result) : undefined;
    default:
      return undefined;
  }
}

function specialMatches(match: string, value: Cell): boolean {
  if (match === "null" || match === "null+nan") return value === null;
  if (match === "empty") return value === "";
  if (match === "true") return value === 1 || value === "true";
  return match === "false" && (value === 0 || value === "false");
}

/** The threshold step that a value has reached. The first step (value null) is the base: it says nothing is wrong. */
export function thresholdColor(
  view: FieldView,
  value: number | null,
): { readonly color: string; readonly base: boolean } | undefined {
  const steps = view.thresholds?.steps ?? [];
  if (value === null || steps.length === 0) return undefined;
  const [low, high] = [view.min ?? 0, view.max ?? 100];
  const scale =
    view.thresholds?.mode === "percentage"
      ? (share: number) => low + (share / 100) * (high - low)
      : (limit: number) => limit;
  let reached = -1;
  steps.forEach((step, i) => {
    if (step.value === null || step.value === undefined || value >= scale(step.value)) reached = i;
  });
  if (reached < 0) return undefined;
  return { color: namedColor(steps[reached].color), base: reached === 0 && steps.length > 1 && isCalm(steps[0].color) };
}

const isCalm = (color: string): boolean => /green|blue|text|transparent|rgb/.test(color) || color === "white";

/** A colour that says something: from a mapping, or from a threshold beyond the base. */
export function stateColor(view: FieldView, value: number | null): string | undefined {
  const mapped = mappedValue(view.mappings, value)?.color;
  if (mapped) return mapped;
  if (view.fixedColor) return view.fixedColor;
  const reached = thresholdColor(view, value);
  return reached && !reached.base && (view.thresholds?.steps.length ?? 0) > 1 ? reached.color : undefined;
}

export const linksOf = (settings: Bag): readonly Bag[] => bags(settings.links);
