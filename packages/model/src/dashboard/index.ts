export {
  ALL_VALUE,
  interpolateExpression,
  interpolateText,
  referencedVariables,
  type VariableValue,
  type VariableValues,
} from "./interpolate.ts";
export { formatLegend, nameSeries, seriesName } from "./legend.ts";
export { type MacroTimes, macroValues, niceInterval, parseMinInterval } from "./macros.ts";
export { DashboardError, normaliseDashboard } from "./normalise.ts";
export {
  type Dashboard,
  dashboardSchema,
  type FieldDefaults,
  type GridPos,
  type Override,
  type Panel,
  type Target,
  type Thresholds,
  type Transformation,
  type ValueMapping,
  type Variable,
  type VariableOption,
} from "./schema.ts";
export { chooseValue, customOptions, parseVariableQuery, refineOptions, type VariableQuery } from "./variable-query.ts";
