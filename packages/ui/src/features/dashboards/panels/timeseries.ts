// Time series panel: from frames and field settings to chart lines.
import type { Panel } from "@storewatch/model/dashboard";
import { alignSeries, type Values } from "../../../chart/lines.ts";
import { namedColor, seriesColor, seriesDash } from "../../../chart/palette.ts";
import type { ChartLine, ChartThreshold } from "../../../chart/types.ts";
import { type FieldView, viewField } from "../field-config.ts";
import { type Frame, numberFields, timeField } from "../frames.ts";
import { bag, flag, number, text, texts } from "../options.ts";
import { reduceValues } from "../reduce.ts";

export interface TimeSeriesView {
  readonly timesMs: readonly number[];
  readonly lines: readonly (ChartLine & { readonly color: string })[];
  readonly main: FieldView | undefined;
  readonly right: FieldView | undefined;
  readonly stacked: "normal" | "percent" | undefined;
  readonly log: boolean;
  readonly thresholds: readonly ChartThreshold[];
  readonly legend: { readonly show: boolean; readonly table: boolean; readonly calcs: readonly string[] };
  /** Values of the legend's calculations, in the order of `lines`. */
  readonly calculated: readonly (readonly string[])[];
}

/** More lines than this cannot be told apart, and slow the page down. */
const LINES_LIMIT = 100;

export function timeSeriesView(panel: Panel, frames: readonly Frame[]): TimeSeriesView {
  const sources = frames
    .flatMap((frame) => {
      const time = timeField(frame);
      return time ? numberFields(frame).map((field) => ({ time, field, view: viewField(panel, field) })) : [];
    })
    .filter(({ view }) => !flag(bag(view.custom.hideFrom).viz))
    .slice(0, LINES_LIMIT);
  const { timesMs, values } = alignSeries(
    sources.map(({ time, field }) => ({
      timesMs: time.values as number[],
      values: field.values.map((value) => (typeof value === "number" ? value : Number.NaN)),
    })),
  );
  let next = 0;
  const lines = sources.map(({ view }, i) => lineOf(view, values[i], view.fixedColor ? 0 : next++));
  const main = sources.find(({ view }) => view.custom.axisPlacement !== "right")?.view ?? sources[0]?.view;
  const stacking = sources.map(({ view }) => text(bag(view.custom.stacking).mode, "none"));
  const legend = bag(panel.options.legend);
  const calcs = texts(legend.calcs);
  return {
    timesMs,
    lines,
    main,
    right: sources.find(({ view }) => view.custom.axisPlacement === "right")?.view,
    stacked: stacking.includes("percent") ? "percent" : stacking.includes("normal") ? "normal" : undefined,
    log: text(bag(main?.custom.scaleDistribution).type) === "log",
    thresholds: main ? thresholdLines(main) : [],
    legend: {
      show: flag(legend.showLegend, true) && legend.displayMode !== "hidden",
      table: legend.displayMode === "table",
      calcs,
    },
    calculated: sources.map(({ view }, i) => calcs.map((calc) => view.format(reduceValues(values[i], calc)))),
  };
}

function lineOf(view: FieldView, values: Values, index: number): ChartLine & { readonly color: string } {
  const { custom } = view;
  const negative = custom.transform === "negative-Y";
  const drawn = negative ? values.map((value) => (value === null ? null : -value)) : values;
  const style = bag(custom.lineStyle);
  const opacity = number(custom.fillOpacity) ?? 0;
  return {
    name: view.name,
    values: drawn,
    color: view.fixedColor ?? seriesColor(index),
    dash:
      text(style.fill) === "dash" || text(style.fill) === "dot"
        ? dashOf(style.dash)
        : view.fixedColor
          ? undefined
          : seriesDash(index),
    width: Math.max(1, Math.min(3, number(custom.lineWidth) ?? 1.5)),
    fill: opacity / 100,
    draw: custom.drawStyle === "bars" ? "bars" : custom.drawStyle === "points" ? "points" : "line",
    stepped: text(custom.lineInterpolation).startsWith("step"),
    spanGaps: custom.spanNulls === true || typeof custom.spanNulls === "number",
    axis: custom.axisPlacement === "right" ? "right" : undefined,
    format: view.format,
    shown: negative ? values : undefined,
  };
}

const dashOf = (dash: unknown): readonly number[] =>
  Array.isArray(dash) && dash.every((part) => typeof part === "number") && dash.length > 1 ? dash : [6, 4];

function thresholdLines(view: FieldView): ChartThreshold[] {
  const mode = text(bag(view.custom.thresholdsStyle).mode, "off");
  if (mode === "off") return [];
  return (view.thresholds?.steps ?? []).flatMap((step) =>
    step.value === null || step.value === undefined ? [] : [{ value: step.value, color: namedColor(step.color) }],
  );
}
