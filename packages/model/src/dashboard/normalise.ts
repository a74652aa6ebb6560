// Any Grafana dashboard JSON (export, API form, schema version 5 to 42) → the one form that the app renders.
import type { z } from "zod";
import { asArray, asFlag, asNumber, asRecord, asText, defined, type Json, records } from "./json.ts";
import { flattenRows, placeMissing } from "./layout.ts";
import { migratePanelType } from "./legacy.ts";
import { type Dashboard, dashboardSchema } from "./schema.ts";

/** The JSON is no dashboard. The message names the place. */
export class DashboardError extends Error {}

const CURRENT_SCHEMA_VERSION = 42;

/** Takes the `{"dashboard": {…}}` wrapper of the HTTP API and the bare form. Throws DashboardError. */
export function normaliseDashboard(json: unknown): Dashboard {
  const outer = asRecord(json);
  if (!outer) throw new DashboardError("A dashboard must be a JSON object.");
  const raw = asRecord(outer.dashboard) ?? outer;
  if (!Array.isArray(raw.panels) && !Array.isArray(raw.rows)) {
    throw new DashboardError('A dashboard needs "panels" (or "rows" in old exports): neither is there.');
  }
  if (raw.panels !== undefined && !Array.isArray(raw.panels)) throw new DashboardError("panels: must be a list.");
  asArray(raw.panels).forEach((panel, i) => {
    if (!asRecord(panel)) throw new DashboardError(`panels.${i}: must be an object.`);
  });
  const result = dashboardSchema.safeParse({
    ...raw,
    uid: asText(raw.uid) ?? "",
    title: asText(raw.title) ?? "",
    description: asText(raw.description),
    tags: asArray(raw.tags).flatMap((tag) => asText(tag) ?? []),
    time: timeOf(raw.time),
    schemaVersion: asNumber(raw.schemaVersion) ?? CURRENT_SCHEMA_VERSION,
    panels: panelsOf(raw),
    templating: { ...asRecord(raw.templating), list: records(asRecord(raw.templating)?.list).map(normaliseVariable) },
  });
  if (!result.success) throw new DashboardError(describeIssue(result.error));
  return result.data;
}

function describeIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return `${issue.path.join(".")}: ${issue.message}`;
}

function timeOf(time: unknown): Json | undefined {
  const record = asRecord(time);
  const from = asText(record?.from);
  const to = asText(record?.to);
  return from !== undefined && to !== undefined ? { ...record, from, to } : undefined;
}

function panelsOf(raw: Json): Json[] {
  const flat = [...records(raw.panels), ...flattenRows(records(raw.rows))];
  const used = new Set<number>();
  const note = (panel: Json) => {
    const id = asNumber(panel.id);
    if (id !== undefined) used.add(id);
    records(panel.panels).forEach(note);
  };
  flat.forEach(note);
  let next = 1;
  const freshId = () => {
    while (used.has(next)) next++;
    used.add(next);
    return next;
  };
  return placeMissing(flat).map((panel) => normalisePanel(panel, freshId));
}

function normalisePanel(old: Json, freshId: () => number): Json {
  const panel = migratePanelType(old);
  const fieldConfig = asRecord(panel.fieldConfig) ?? {};
  const children = Array.isArray(panel.panels) ? placeMissing(records(panel.panels)) : undefined;
  return {
    ...panel,
    id: asNumber(panel.id) ?? freshId(),
    title: asText(panel.title) ?? "",
    description: asText(panel.description),
    targets: normaliseTargets(panel.targets),
    fieldConfig: {
      ...fieldConfig,
      defaults: normaliseDefaults(asRecord(fieldConfig.defaults) ?? {}),
      overrides: records(fieldConfig.overrides).map(normaliseOverride),
    },
    options: asRecord(panel.options) ?? {},
    transformations: records(panel.transformations),
    repeat: asText(panel.repeat),
    repeatDirection: asText(panel.repeatDirection),
    interval: asText(panel.interval),
    maxDataPoints: asNumber(panel.maxDataPoints),
    collapsed: asFlag(panel.collapsed),
    panels: children?.map((child) => normalisePanel(child, freshId)),
  };
}

/** refIds A, B, … Z, then AA: unique within the panel. */
function normaliseTargets(targets: unknown): Json[] {
  const list = records(targets);
  const used = new Set(list.flatMap((target) => asText(target.refId) ?? []));
  let next = 0;
  const freshRefId = () => {
    let id: string;
    do {
      id = (next >= 26 ? String.fromCharCode(64 + Math.floor(next / 26)) : "") + String.fromCharCode(65 + (next % 26));
      next++;
    } while (used.has(id));
    used.add(id);
    return id;
  };
  return list.map((target) => ({
    ...target,
    refId: asText(target.refId) || freshRefId(),
    expr: asText(target.expr),
    legendFormat: asText(target.legendFormat),
    instant: asFlag(target.instant),
    range: asFlag(target.range),
    format: asText(target.format),
    interval: asText(target.interval),
    hide: asFlag(target.hide),
  }));
}

function normaliseDefaults(defaults: Json): Json {
  const thresholds = asRecord(defaults.thresholds);
  return defined({
    ...defaults,
    unit: asText(defaults.unit),
    decimals: asNumber(defaults.decimals),
    min: asNumber(defaults.min),
    max: asNumber(defaults.max),
    displayName: asText(defaults.displayName),
    noValue: defaults.noValue === undefined || defaults.noValue === null ? undefined : String(defaults.noValue),
    thresholds: thresholds && {
      ...thresholds,
      mode: thresholds.mode === "percentage" ? "percentage" : "absolute",
      steps: records(thresholds.steps).map((step) => ({
        ...step,
        value: asNumber(step.value) ?? null,
        color: asText(step.color) ?? "green",
      })),
    },
    mappings: records(defaults.mappings).filter((mapping) => asText(mapping.type) !== undefined),
    color: asRecord(defaults.color),
    custom: asRecord(defaults.custom),
  });
}

function normaliseOverride(override: Json): Json {
  const matcher = asRecord(override.matcher) ?? {};
  return {
    ...override,
    matcher: { ...matcher, id: asText(matcher.id) ?? "byName" },
    properties: records(override.properties).map((property) => ({ ...property, id: asText(property.id) ?? "" })),
  };
}

function normaliseVariable(variable: Json, index: number): Json {
  const current = asRecord(variable.current);
  const type = asText(variable.type) ?? "query";
  return {
    ...variable,
    name: asText(variable.name) ?? `variable${index + 1}`,
    type,
    label: asText(variable.label),
    hide: asNumber(variable.hide) ?? (variable.hideVariable === true ? 2 : 0),
    query: queryText(variable.query),
    regex: asText(variable.regex) ?? "",
    sort: asNumber(variable.sort) ?? 0,
    multi: asFlag(variable.multi) ?? false,
    includeAll: asFlag(variable.includeAll) ?? false,
    allValue: asText(variable.allValue),
    options: records(variable.options).map((option) => ({
      ...option,
      text: String(option.text ?? option.value ?? ""),
      value: String(option.value ?? option.text ?? ""),
    })),
    current: current && current.value !== undefined && current.value !== null ? currentOf(current) : null,
  };
}

function currentOf(current: Json): Json {
  const texts = (value: unknown) => (Array.isArray(value) ? value.map(String) : String(value ?? ""));
  return { ...current, text: texts(current.text ?? current.value), value: texts(current.value) };
}

/** The query as text: plain, or inside today's object form {query, refId}. */
function queryText(query: unknown): string {
  return asText(query) ?? asText(asRecord(query)?.query) ?? "";
}
