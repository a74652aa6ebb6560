// uPlot's options. What changes with the data is read from `latest` when it is needed, so no rebuild is.
import type { RefObject } from "react";
import uPlot from "uplot";
import { moment } from "../design/times.ts";
import { currentLanguage } from "../text/index.ts";
import type { Values } from "./lines.ts";
import { resolveColor, withOpacity } from "./palette.ts";
import { binarySteps, timeLabels, valueRange } from "./time-axis.ts";
import { createTooltip, cursorIndex, type TooltipRow } from "./tooltip.ts";
import type { ChartLine, TimeChartProps } from "./types.ts";

export interface ChartView extends Omit<TimeChartProps, "lines" | "stacked"> {
  readonly lines: ReadonlyArray<ChartLine & { readonly color: string }>;
  readonly stacked: boolean;
}

type Latest = RefObject<ChartView>;

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

export function plotOptions(latest: Latest, element: HTMLElement, width: number, height: number): uPlot.Options {
  const view = latest.current;
  const css = (color: string) => resolveColor(color, element);
  const [muted, line] = [css("var(--muted)"), css("var(--line)")];
  const hasRight = view.lines.some((one) => one.axis === "right");
  const yScale = (right: boolean): uPlot.Scale => ({
    distr: view.log ? 3 : 1,
    range: (_plot, min, max) => {
      const { min: low, max: high, thresholds, reach } = latest.current;
      if (latest.current.log) return [Math.max(min ?? 1, 1e-9), max ?? 10];
      const include = right
        ? []
        : [...(thresholds ?? []).map((threshold) => threshold.value), ...(reach === undefined ? [] : [reach])];
      return valueRange(min ?? null, max ?? null, right ? {} : { min: low, max: high, include });
    },
  });
  return {
    width,
    height,
    ms: 1,
    pxAlign: 1,
    padding: [8, hasRight ? 0 : 18, view.hideTimes ? 6 : 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 7, width: 1.5 },
      drag: { x: Boolean(view.onSelect), y: false, setScale: false },
      sync: view.syncKey ? { key: view.syncKey, setSeries: false } : undefined,
      // Among many lines the nearest stands out; among few it would only make the others pale.
      focus: { prox: view.lines.length > 8 ? 24 : -1 },
    },
    scales: {
      x: { time: true, range: () => [latest.current.fromMs, latest.current.toMs] },
      y: yScale(false),
      right: yScale(true),
    },
    axes: [
      {
        stroke: muted,
        font: FONT,
        size: view.hideTimes ? 0 : 28,
        gap: 6,
        space: 72,
        show: !view.hideTimes,
        grid: { stroke: line, width: 1, show: false },
        ticks: { stroke: line, width: 1, size: 4 },
        values: (_plot, ticks) => timeLabels(ticks, currentLanguage()),
      },
      valueAxis(latest, muted, line, "y"),
      ...(hasRight ? [valueAxis(latest, muted, line, "right")] : []),
    ],
    series: [{}, ...view.lines.map((one) => seriesOptions(one, css(one.color), view))],
    // Stacked lines come top first: each fills down to the next only, so that colours do not mix.
    bands: view.stacked ? view.lines.slice(1).map((_, i) => ({ series: [i + 1, i + 2] as [number, number] })) : [],
    plugins: [tooltipPlugin(latest, css), overlayPlugin(latest, css)],
    hooks: { setSelect: [(plot) => selected(plot, latest)] },
  };
}

function valueAxis(latest: Latest, muted: string, line: string, scale: "y" | "right"): uPlot.Axis {
  const right = scale === "right";
  const view = latest.current;
  return {
    scale,
    side: right ? 1 : 3,
    stroke: muted,
    font: FONT,
    gap: 6,
    space: 34,
    size: (_plot, values) =>
      view.axisWidth ?? Math.max(34, 18 + 6.4 * Math.max(0, ...(values ?? []).map((text) => text.length))),
    grid: right ? { show: false } : { stroke: line, width: 1 },
    ticks: { show: false },
    ...(view.binary ? { incrs: binarySteps() } : {}),
    values: (_plot, ticks) => {
      const format = right ? (latest.current.rightFormat ?? latest.current.format) : latest.current.format;
      return ticks.map((tick) => (tick === null ? "" : format(tick)));
    },
  };
}

function seriesOptions(line: ChartLine, color: string, view: ChartView): uPlot.Series {
  const draw = line.draw ?? "line";
  const fill = line.fill ?? (view.stacked ? 0.85 : view.lines.length === 1 && draw === "line" ? 0.08 : 0);
  const paths =
    draw === "bars"
      ? uPlot.paths.bars?.({ size: [0.7, 40] })
      : line.stepped
        ? uPlot.paths.stepped?.({ align: 1 })
        : undefined;
  return {
    label: line.name,
    scale: line.axis === "right" ? "right" : "y",
    stroke: color,
    width: draw === "points" ? 0 : (line.width ?? 1.5),
    dash: line.dash ? [...line.dash] : undefined,
    fill: fill > 0 ? withOpacity(color, draw === "bars" ? Math.max(fill, 0.7) : fill) : undefined,
    spanGaps: line.spanGaps ?? false,
    paths: draw === "points" ? () => null : paths,
    points: {
      show: true,
      size: draw === "points" ? 5 : 3.5,
      fill: color,
      filter: (plot, index) => (draw === "points" ? null : isolated(plot.data[index] as Values)),
    },
  };
}

/** Places of points without neighbours: a line would not show them. */
function isolated(values: Values): number[] {
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null) found.push(i);
  }
  return found;
}

function selected(plot: uPlot, latest: Latest): void {
  const { left, width } = plot.select;
  if (width < 6) return;
  const fromMs = plot.posToVal(left, "x");
  const toMs = plot.posToVal(left + width, "x");
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  latest.current.onSelect?.(fromMs, toMs);
}

/** px within which a mark belongs to the cursor. */
const MARK_REACH = 8;

function tooltipPlugin(latest: Latest, css: (color: string) => string): uPlot.Plugin {
  let tip: ReturnType<typeof createTooltip> | undefined;
  let hovered = false;
  const update = (plot: uPlot) => {
    const index = cursorIndex(plot);
    const left = plot.cursor.left ?? -1;
    if (!hovered || index === undefined || left < 0) return tip?.hide();
    const view = latest.current;
    const rows: TooltipRow[] = view.lines.flatMap((line) => {
      const value = (line.shown ?? line.values)[index];
      if (value === null || value === undefined) return [];
      return [{ name: line.name, color: css(line.color), value, format: line.format ?? view.format }];
    });
    if (view.lines.length > 6) rows.sort((a, b) => b.value - a.value);
    const notes = (view.marks ?? [])
      .filter((mark) => Math.abs(plot.valToPos(mark.timeMs, "x") - left) <= MARK_REACH)
      .map((mark) => `${mark.kind === "deploy" ? "■" : "◆"} ${mark.label}`);
    const title = moment(view.timesMs[index], view.toMs, currentLanguage(), true);
    tip?.show({ title, rows, notes }, left);
  };
  return {
    hooks: {
      init: (plot) => {
        tip = createTooltip(plot.over);
        plot.over.addEventListener("mouseenter", () => {
          hovered = true;
        });
        plot.over.addEventListener("mouseleave", () => {
          hovered = false;
          tip?.hide();
        });
      },
      setCursor: update,
    },
  };
}

/** Thresholds as dashed lines with their value; deploys and alerts as marks that stand on the time axis. */
function overlayPlugin(latest: Latest, css: (color: string) => string): uPlot.Plugin {
  const draw = (plot: uPlot) => {
    const view = latest.current;
    const { ctx, bbox } = plot;
    const ratio = uPlot.pxRatio;
    ctx.save();
    for (const threshold of view.thresholds ?? []) {
      const y = plot.valToPos(threshold.value, "y", true);
      if (y < bbox.top || y > bbox.top + bbox.height) continue;
      ctx.strokeStyle = ctx.fillStyle = css(threshold.color);
      ctx.lineWidth = ratio;
      ctx.setLineDash([5 * ratio, 4 * ratio]);
      strokeLine(ctx, bbox.left, y, bbox.left + bbox.width, y);
      ctx.font = FONT.replace("11px", `${10 * ratio}px`);
      ctx.textAlign = "right";
      ctx.fillText(view.format(threshold.value), bbox.left + bbox.width - 4 * ratio, y - 4 * ratio);
    }
    for (const mark of view.marks ?? []) {
      const x = Math.round(plot.valToPos(mark.timeMs, "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      const bottom = bbox.top + bbox.height;
      ctx.strokeStyle = ctx.fillStyle = css(mark.kind === "deploy" ? "var(--info)" : "var(--crit)");
      ctx.lineWidth = ratio;
      ctx.globalAlpha = 0.55;
      ctx.setLineDash([2 * ratio, 3 * ratio]);
      strokeLine(ctx, x, bbox.top, x, bottom);
      ctx.globalAlpha = 1;
      const size = 7 * ratio;
      ctx.fillRect(x - size / 2, bottom - size, size, size);
    }
    ctx.restore();
  };
  return { hooks: { draw } };
}

function strokeLine(ctx: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}
