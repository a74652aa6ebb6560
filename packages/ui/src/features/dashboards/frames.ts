// Tables of columns: the form in which results go through transformations and into panels.
import { nameSeries, type Target } from "@storewatch/model/dashboard";
import type { InstantResult, LabelSet, RangeResult } from "../../api/prometheus.ts";

export type Cell = number | string | null;

export interface Field {
  readonly name: string;
  readonly kind: "time" | "number" | "string";
  readonly values: readonly Cell[];
  readonly labels?: LabelSet;
  readonly refId?: string;
}

export interface Frame {
  readonly refId: string;
  readonly fields: readonly Field[];
}

export const frameLength = (frame: Frame): number => frame.fields[0]?.values.length ?? 0;
export const timeField = (frame: Frame): Field | undefined => frame.fields.find((field) => field.kind === "time");
export const numberFields = (frame: Frame): readonly Field[] => frame.fields.filter((field) => field.kind === "number");

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** One frame for each series: its times and its values, named by the legend. */
export function seriesFrames(
  target: Target,
  expression: string,
  result: RangeResult,
  legend: string | undefined,
): Frame[] {
  const names = nameSeries(
    result.series.map((one) => one.labels),
    legend,
    expression,
  );
  return result.series.map((one, i) => ({
    refId: target.refId,
    fields: [
      { name: "Time", kind: "time", values: one.timesMs },
      { name: names[i], kind: "number", values: one.values.map(finite), labels: one.labels, refId: target.refId },
    ],
  }));
}

/** The same for an instant result: series of one point. */
export function instantSeriesFrames(
  target: Target,
  expression: string,
  result: InstantResult,
  legend: string | undefined,
): Frame[] {
  const names = nameSeries(
    result.samples.map((one) => one.labels),
    legend,
    expression,
  );
  return result.samples.map((one, i) => ({
    refId: target.refId,
    fields: [
      { name: "Time", kind: "time", values: [one.timeMs] },
      { name: names[i], kind: "number", values: [finite(one.value)], labels: one.labels, refId: target.refId },
    ],
  }));
}

/** An instant result as a table: a column for each label, and "Value", or "Value #A" where there are several queries. */
export function tableFrame(target: Target, result: InstantResult, several: boolean): Frame {
  const names = [...new Set(result.samples.flatMap((sample) => Object.keys(sample.labels)))].sort();
  return {
    refId: target.refId,
    fields: [
      { name: "Time", kind: "time", values: result.samples.map((sample) => sample.timeMs) },
      ...names.map(
        (name): Field => ({
          name,
          kind: "string",
          values: result.samples.map((sample) => sample.labels[name] ?? null),
        }),
      ),
      {
        name: several ? `Value #${target.refId}` : "Value",
        kind: "number",
        values: result.samples.map((sample) => finite(sample.value)),
        refId: target.refId,
      },
    ],
  };
}
