// Table panel: one table out of the frames, columns with their settings.
import type { Panel } from "@storewatch/model/dashboard";
import { type FieldView, viewField } from "../field-config.ts";
import { type Cell, type Field, type Frame, frameLength, numberFields } from "../frames.ts";
import { bags, flag, text } from "../options.ts";
import { reduceValues } from "../reduce.ts";

export interface Column {
  readonly field: Field;
  readonly view: FieldView;
  readonly align: "left" | "right" | "center";
}

export interface TableView {
  readonly columns: readonly Column[];
  readonly rows: readonly number[];
}

export interface SortOrder {
  readonly column: string;
  readonly descending: boolean;
}

/** What the panel itself wants to be sorted by. */
export function defaultSort(panel: Panel): SortOrder | undefined {
  const [first] = bags(panel.options.sortBy);
  return first ? { column: text(first.displayName), descending: flag(first.desc) } : undefined;
}

export function tableView(panel: Panel, frames: readonly Frame[], sort: SortOrder | undefined): TableView {
  const frame = oneTable(frames);
  const columns = frame.fields
    .map((field) => ({ field, view: viewField(panel, field) }))
    .filter(({ view }) => !flag(view.custom.hidden))
    .map(({ field, view }): Column => {
      const wish = text(view.custom.align, "auto");
      const align =
        wish === "left" || wish === "right" || wish === "center" ? wish : field.kind === "number" ? "right" : "left";
      return { field, view: field.kind === "time" ? { ...view, unit: "dateTimeAsIso" } : view, align };
    });
  const rows = Array.from({ length: frameLength(frame) }, (_, i) => i);
  const by = sort && columns.find((column) => column.view.name === sort.column);
  if (by) {
    rows.sort((a, b) => compareCells(by.field.values[a], by.field.values[b]));
    if (sort.descending) rows.reverse();
  }
  return { columns, rows };
}

function compareCells(a: Cell, b: Cell): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return typeof a === "number" && typeof b === "number"
    ? a - b
    : String(a).localeCompare(String(b), "en", { numeric: true });
}

/**
 * Real tables as they are (the first one). Time series, which a table of its own each would be useless for, become
 * one row each: the name and the last value.
 */
function oneTable(frames: readonly Frame[]): Frame {
  const [first] = frames;
  if (!first) return { refId: "A", fields: [] };
  const isSeries = (frame: Frame) =>
    frame.fields.length === 2 && frame.fields[0].kind === "time" && frame.fields[1].labels !== undefined;
  if (!frames.every(isSeries)) return withoutLoneTime(first);
  const series = frames.flatMap((frame) => numberFields(frame));
  return {
    refId: first.refId,
    fields: [
      { name: "Name", kind: "string", values: series.map((field) => field.name) },
      {
        name: "Value",
        kind: "number",
        values: series.map((field) => reduceValues(field.values, "lastNotNull")),
        refId: first.refId,
      },
    ],
  };
}

/** An instant table's time is the same in every row: it says nothing. */
function withoutLoneTime(frame: Frame): Frame {
  const fields = frame.fields.filter((field) => field.kind !== "time" || new Set(field.values).size > 1);
  return fields.length === 0 ? frame : { ...frame, fields };
}
