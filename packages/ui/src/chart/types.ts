import type { Format } from "../design/units.ts";
import type { Values } from "./lines.ts";

export interface ChartLine {
  readonly name: string;
  readonly values: Values;
  /** A CSS colour or `var(--token)`; the palette's next one otherwise. */
  readonly color?: string;
  readonly dash?: readonly number[];
  readonly width?: number;
  /** Opacity of the area under the line, 0–1. */
  readonly fill?: number;
  readonly draw?: "line" | "bars" | "points";
  readonly stepped?: boolean;
  readonly spanGaps?: boolean;
  readonly axis?: "right";
  readonly format?: Format;
  /** What the tooltip says instead of the drawn value: for stacked and mirrored lines. */
  readonly shown?: Values;
}

export interface ChartMark {
  readonly timeMs: number;
  readonly kind: "deploy" | "alert";
  readonly label: string;
}

export interface ChartThreshold {
  readonly value: number;
  readonly color: string;
}

export interface TimeChartProps {
  readonly label: string;
  readonly timesMs: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly fromMs: number;
  readonly toMs: number;
  /** px */
  readonly height: number;
  readonly format: Format;
  readonly rightFormat?: Format;
  readonly stacked?: "normal" | "percent";
  readonly min?: number;
  readonly max?: number;
  /** A value that the axis reaches at least, so that noise near 0 looks like what it is. */
  readonly reach?: number;
  readonly log?: boolean;
  readonly binary?: boolean;
  readonly thresholds?: readonly ChartThreshold[];
  readonly marks?: readonly ChartMark[];
  /** Charts with the same key share the cross-hair. */
  readonly syncKey?: string;
  /** px; lanes above each other give the same, so that their time axes align. */
  readonly axisWidth?: number;
  readonly hideTimes?: boolean;
  readonly onSelect?: (fromMs: number, toMs: number) => void;
}
