import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { currentLanguage } from "../text/index.ts";
import { stackLines } from "./lines.ts";
import { seriesColor, seriesDash } from "./palette.ts";
import { type ChartView, plotOptions } from "./plot-options.ts";
import type { TimeChartProps } from "./types.ts";

/** uPlot in React: rebuilt when the shape of the chart changes, fed in place when only its data does. */
export function TimeChart(props: TimeChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const scheme = useComputedColorScheme("light");
  const view = useMemo(() => chartView(props), [props]);
  const latest = useRef(view);
  latest.current = view;
  const shape = `${scheme} ${currentLanguage()} ${shapeOf(props)}`;

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for all that the options are made of.
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const width = Math.max(50, element.clientWidth);
    const made = new uPlot(plotOptions(latest, element, width, props.height), dataOf(latest.current), element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      const next = element.clientWidth;
      if (next > 0 && next !== made.width) made.setSize({ width: next, height: latest.current.height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    const current = plot.current;
    if (!current) return;
    if (current.height !== view.height) current.setSize({ width: current.width, height: view.height });
    current.batch(() => {
      current.setData(dataOf(view), false);
      current.setScale("x", { min: view.fromMs, max: view.toMs });
    });
  }, [view]);

  return <div ref={host} className="chart" style={{ height: props.height }} role="img" aria-label={props.label} />;
}

function dataOf(view: ChartView): uPlot.AlignedData {
  return [view.timesMs as number[], ...view.lines.map((line) => line.values as (number | null)[])];
}

/** Lines with their colours and dashes settled, and stacked where asked for. */
function chartView(props: TimeChartProps): ChartView {
  let next = 0;
  const lines = props.lines.map((line) => {
    const index = line.color ? 0 : next++;
    return {
      ...line,
      color: line.color ?? seriesColor(index),
      dash: line.dash ?? (line.color ? undefined : seriesDash(index)),
    };
  });
  if (!props.stacked) return { ...props, lines, stacked: false };
  const stacked = stackLines(
    lines.map((line) => line.values),
    props.stacked,
  );
  // The last line lies on top of all: it is drawn first, and the others over it.
  const drawn = lines.map((line, i) => ({ ...line, values: stacked[i], shown: line.shown ?? line.values })).reverse();
  return { ...props, lines: drawn, stacked: true };
}

function shapeOf(props: TimeChartProps): string {
  const lines = props.lines.map((line) => [
    line.name,
    line.color,
    line.dash,
    line.width,
    line.fill,
    line.draw,
    line.stepped,
    line.spanGaps,
    line.axis,
  ]);
  const { stacked, log, binary, syncKey, axisWidth, hideTimes } = props;
  return JSON.stringify([lines, stacked, log, binary, syncKey, axisWidth, hideTimes, Boolean(props.onSelect)]);
}
