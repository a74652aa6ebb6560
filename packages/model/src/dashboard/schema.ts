// The dashboard after normalising: what the app renders. Objects are loose, so that keys we do not know survive an
// import and an export.
import { z } from "zod";

const record = z.record(z.string(), z.unknown());

export const gridPosSchema = z.looseObject({ x: z.number(), y: z.number(), w: z.number(), h: z.number() });
export type GridPos = z.infer<typeof gridPosSchema>;

export const thresholdSchema = z.looseObject({ value: z.number().nullish(), color: z.string() });
export const thresholdsSchema = z.looseObject({
  mode: z.enum(["absolute", "percentage"]).default("absolute"),
  steps: z.array(thresholdSchema).default([]),
});
export type Thresholds = z.infer<typeof thresholdsSchema>;

export const mappingSchema = z.looseObject({ type: z.string(), options: z.unknown() });
export type ValueMapping = z.infer<typeof mappingSchema>;

export const fieldDefaultsSchema = z.looseObject({
  unit: z.string().nullish(),
  decimals: z.number().nullish(),
  min: z.number().nullish(),
  max: z.number().nullish(),
  displayName: z.string().nullish(),
  noValue: z.string().nullish(),
  thresholds: thresholdsSchema.nullish(),
  mappings: z.array(mappingSchema).nullish(),
  color: record.nullish(),
  custom: record.nullish(),
});
export type FieldDefaults = z.infer<typeof fieldDefaultsSchema>;

export const overrideSchema = z.looseObject({
  matcher: z.looseObject({ id: z.string(), options: z.unknown().optional() }),
  properties: z.array(z.looseObject({ id: z.string(), value: z.unknown().optional() })),
});
export type Override = z.infer<typeof overrideSchema>;

export const transformationSchema = z.looseObject({
  id: z.string(),
  options: z.unknown().optional(),
  disabled: z.boolean().nullish(),
});
export type Transformation = z.infer<typeof transformationSchema>;

export const targetSchema = z.looseObject({
  refId: z.string(),
  expr: z.string().nullish(),
  legendFormat: z.string().nullish(),
  instant: z.boolean().nullish(),
  range: z.boolean().nullish(),
  format: z.string().nullish(),
  interval: z.string().nullish(),
  hide: z.boolean().nullish(),
});
export type Target = z.infer<typeof targetSchema>;

const plainPanelSchema = z.looseObject({
  id: z.number(),
  type: z.string(),
  title: z.string(),
  description: z.string().nullish(),
  gridPos: gridPosSchema,
  targets: z.array(targetSchema),
  fieldConfig: z.looseObject({ defaults: fieldDefaultsSchema, overrides: z.array(overrideSchema) }),
  options: record,
  transformations: z.array(transformationSchema),
  repeat: z.string().nullish(),
  repeatDirection: z.string().nullish(),
  interval: z.string().nullish(),
  maxDataPoints: z.number().nullish(),
  collapsed: z.boolean().nullish(),
});
/** A row panel holds its panels while it is collapsed; rows do not nest. */
export const panelSchema = plainPanelSchema.extend({ panels: z.array(plainPanelSchema).optional() });
export type Panel = z.infer<typeof panelSchema>;

const textOrTexts = z.union([z.string(), z.array(z.string())]);
export const variableOptionSchema = z.looseObject({ text: z.string(), value: z.string() });
export type VariableOption = z.infer<typeof variableOptionSchema>;

export const variableSchema = z.looseObject({
  name: z.string(),
  type: z.string(),
  label: z.string().nullish(),
  /** 0 shown, 1 without its label, 2 hidden. */
  hide: z.number(),
  /** PromQL-side text for query variables; the list for custom and interval ones. */
  query: z.string(),
  regex: z.string(),
  sort: z.number(),
  multi: z.boolean(),
  includeAll: z.boolean(),
  allValue: z.string().nullish(),
  options: z.array(variableOptionSchema),
  current: z.looseObject({ text: textOrTexts, value: textOrTexts }).nullable(),
});
export type Variable = z.infer<typeof variableSchema>;

export const dashboardSchema = z.looseObject({
  uid: z.string(),
  title: z.string(),
  description: z.string().nullish(),
  tags: z.array(z.string()),
  time: z.looseObject({ from: z.string(), to: z.string() }).nullish(),
  refresh: z.union([z.string(), z.boolean()]).nullish(),
  schemaVersion: z.number(),
  panels: z.array(panelSchema),
  templating: z.looseObject({ list: z.array(variableSchema) }),
  annotations: z.unknown().optional(),
});
export type Dashboard = z.infer<typeof dashboardSchema>;
