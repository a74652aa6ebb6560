// The Angular panels of old dashboards, turned into today's: graph → timeseries, singlestat → stat or gauge,
// table-old → table. The old keys stay on the panel beside the new ones, so an export loses nothing.
import { asFlag, asNumber, asRecord, asText, defined, type Json, records } from "./json.ts";

interface Migrated {
  readonly type: string;
  readonly options: Json;
  readonly defaults: Json;
  readonly overrides: readonly Json[];
}

const RENAMED: Readonly<Record<string, string>> = {
  "grafana-singlestat-panel": "singlestat",
  "grafana-piechart-panel": "piechart",
  "grafana-worldmap-panel": "geomap",
  "heatmap-old": "heatmap",
  "table-old": "table",
};

const CALCS: Readonly<Record<string, string>> = {
  avg: "mean",
  current: "lastNotNull",
  total: "sum",
  min: "min",
  max: "max",
  first: "firstNotNull",
  delta: "delta",
  diff: "diff",
  range: "range",
  name: "name",
};

/** The panel with a type that the app renders, and options and field settings in today's form. */
export function migratePanelType(panel: Json): Json {
  const type = RENAMED[asText(panel.type) ?? ""] ?? asText(panel.type) ?? "timeseries";
  if (type === "graph") return apply(panel, migrateGraph(panel));
  if (type === "singlestat") return apply(panel, migrateSinglestat(panel));
  return { ...panel, type };
}

function apply(panel: Json, migrated: Migrated): Json {
  const fieldConfig = asRecord(panel.fieldConfig) ?? {};
  const old = asRecord(fieldConfig.defaults) ?? {};
  const custom = { ...asRecord(migrated.defaults.custom), ...asRecord(old.custom) };
  return {
    ...panel,
    type: migrated.type,
    options: { ...migrated.options, ...asRecord(panel.options) },
    fieldConfig: {
      ...fieldConfig,
      defaults: { ...migrated.defaults, ...old, ...(Object.keys(custom).length > 0 ? { custom } : {}) },
      overrides: [...records(fieldConfig.overrides), ...migrated.overrides],
    },
  };
}

function migrateGraph(panel: Json): Migrated {
  const axes = records(panel.yaxes);
  const fillOpacity = (asNumber(panel.fill) ?? 1) * 10;
  const stacked = asFlag(panel.stack) === true;
  const drawStyle = asFlag(panel.bars) ? "bars" : asFlag(panel.lines) === false ? "points" : "line";
  const thresholds = graphThresholds(panel);
  const custom = defined({
    drawStyle,
    lineWidth: asNumber(panel.linewidth) ?? 1,
    fillOpacity,
    lineInterpolation: asFlag(panel.steppedLine) ? "stepAfter" : "linear",
    spanNulls: panel.nullPointMode === "connected",
    stacking: stacked ? { mode: asFlag(panel.percentage) ? "percent" : "normal", group: "A" } : undefined,
    scaleDistribution: asNumber(axes[0]?.logBase) && asNumber(axes[0]?.logBase) !== 1 ? { type: "log" } : undefined,
    axisLabel: asText(axes[0]?.label),
    thresholdsStyle: thresholds ? { mode: "line" } : undefined,
  });
  return {
    type: asRecord(panel.xaxis)?.mode === "series" ? "bargauge" : "timeseries",
    options: {
      legend: graphLegend(panel),
      tooltip: { mode: asFlag(asRecord(panel.tooltip)?.shared) === false ? "single" : "multi" },
    },
    defaults: defined({
      unit: asText(axes[0]?.format),
      min: asNumber(axes[0]?.min),
      max: asNumber(axes[0]?.max),
      decimals: asNumber(panel.decimals),
      thresholds,
      custom,
    }),
    overrides: [...seriesOverrides(panel, asText(axes[1]?.format)), ...aliasColors(panel)],
  };
}

function graphLegend(panel: Json): Json {
  const legend = asRecord(panel.legend) ?? {};
  const calcs = Object.keys(CALCS).filter((name) => asFlag(legend[name]) === true);
  return {
    showLegend: asFlag(legend.show) !== false,
    displayMode: asFlag(legend.alignAsTable) ? "table" : "list",
    placement: asFlag(legend.rightSide) ? "right" : "bottom",
    calcs: asFlag(legend.values) ? calcs.map((name) => CALCS[name]) : [],
  };
}

function graphThresholds(panel: Json): Json | undefined {
  const steps = records(panel.thresholds).flatMap((threshold) => {
    const value = asNumber(threshold.value);
    if (value === undefined) return [];
    return [
      { value, color: threshold.colorMode === "critical" ? "red" : threshold.colorMode === "ok" ? "green" : "orange" },
    ];
  });
  return steps.length === 0
    ? undefined
    : { mode: "absolute", steps: [{ value: null, color: "transparent" }, ...steps] };
}

/** `alias` is a series name, or a /regular expression/. */
function seriesOverrides(panel: Json, rightUnit: string | undefined): Json[] {
  return records(panel.seriesOverrides).flatMap((old) => {
    const alias = asText(old.alias);
    if (alias === undefined) return [];
    const properties: Json[] = [];
    const add = (id: string, value: unknown) => {
      if (value !== undefined) properties.push({ id, value });
    };
    if (old.yaxis === 2) {
      add("custom.axisPlacement", "right");
      add("unit", rightUnit);
    }
    if (asText(old.color)) add("color", { mode: "fixed", fixedColor: old.color });
    const fill = asNumber(old.fill);
    add("custom.fillOpacity", fill === undefined ? undefined : fill * 10);
    add("custom.lineWidth", asNumber(old.linewidth));
    if (asFlag(old.bars)) add("custom.drawStyle", "bars");
    if (asFlag(old.dashes)) add("custom.lineStyle", { fill: "dash", dash: [10, 10] });
    if (old.transform === "negative-Y") add("custom.transform", "negative-Y");
    if (asFlag(old.stack) === false) add("custom.stacking", { mode: "none" });
    if (asFlag(old.legend) === false) add("custom.hideFrom", { legend: true, viz: false, tooltip: false });
    const byRegexp = alias.length > 2 && alias.startsWith("/");
    return [{ matcher: { id: byRegexp ? "byRegexp" : "byName", options: alias }, properties }];
  });
}

function aliasColors(panel: Json): Json[] {
  return Object.entries(asRecord(panel.aliasColors) ?? {}).map(([name, fixedColor]) => ({
    matcher: { id: "byName", options: name },
    properties: [{ id: "color", value: { mode: "fixed", fixedColor } }],
  }));
}

function migrateSinglestat(panel: Json): Migrated {
  const gauge = asRecord(panel.gauge);
  const isGauge = asFlag(gauge?.show) === true;
  const calc = CALCS[asText(panel.valueName) ?? "avg"] ?? "mean";
  const colored = asFlag(panel.colorBackground) ? "background" : asFlag(panel.colorValue) ? "value" : "none";
  const nullText = asText(panel.nullText);
  return {
    type: isGauge ? "gauge" : "stat",
    options: {
      // The seed's singlestats name no valueName; a current value is what their titles promise.
      reduceOptions: { calcs: [panel.valueName === undefined ? "lastNotNull" : calc], fields: "", values: false },
      orientation: "auto",
      textMode: "auto",
      colorMode: colored,
      graphMode: asFlag(asRecord(panel.sparkline)?.show) ? "area" : "none",
    },
    defaults: defined({
      unit: asText(panel.format),
      decimals: asNumber(panel.decimals),
      min: isGauge ? asNumber(gauge?.minValue) : undefined,
      max: isGauge ? asNumber(gauge?.maxValue) : undefined,
      noValue: nullText === "" ? undefined : nullText,
      thresholds: singlestatThresholds(panel),
      mappings: valueMaps(panel),
    }),
    overrides: [],
  };
}

/** Thresholds "a,b" with three colours. */
function singlestatThresholds(panel: Json): Json | undefined {
  const text = asText(panel.thresholds);
  const colors = Array.isArray(panel.colors) ? panel.colors : ["green", "orange", "red"];
  if (text === undefined) return undefined;
  const values = text.split(",").flatMap((part) => asNumber(part) ?? []);
  const steps = [null, ...values].map((value, i) => ({ value, color: asText(colors[i]) ?? "red" }));
  return { mode: "absolute", steps };
}

function valueMaps(panel: Json): Json[] | undefined {
  const mappings: Json[] = [];
  for (const map of records(panel.valueMaps)) {
    const value = asText(map.value) ?? String(map.value ?? "");
    if (value === "null") mappings.push({ type: "special", options: { match: "null", result: { text: map.text } } });
    else mappings.push({ type: "value", options: { [value]: { text: map.text } } });
  }
  for (const map of records(panel.rangeMaps)) {
    if (map.from === "null") continue;
    mappings.push({
      type: "range",
      options: { from: asNumber(map.from), to: asNumber(map.to), result: { text: map.text } },
    });
  }
  return mappings.length === 0 ? undefined : mappings;
}
