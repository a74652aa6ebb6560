// Places on the 24-column grid: from the rows of schema versions before 16, or for panels that have no place at all.
import { asFlag, asNumber, asRecord, asText, type Json, records } from "./json.ts";

/** A grid unit is 30 px plus 8 px of gap. */
const UNIT_PX = 38;
const COLUMNS = 24;
const DEFAULT_HEIGHT = 8;

/** `rows: [{ panels: [{ span }] }]` → one flat list with row panels and grid places. */
export function flattenRows(rows: readonly Json[]): Json[] {
  const flat: Json[] = [];
  const showAny = rows.some((row) => asFlag(row.collapse) || asFlag(row.showTitle) || asText(row.repeat));
  let y = 0;
  for (const row of rows) {
    const height = Math.max(3, Math.ceil(pixels(row.height ?? 250) / UNIT_PX));
    const collapsed = asFlag(row.collapse) === true;
    const { panels, bottom } = placeSpans(records(row.panels), showAny ? y + 1 : y, height);
    if (showAny) {
      flat.push({
        ...row,
        type: "row",
        title: asText(row.title) ?? "",
        collapsed,
        gridPos: { x: 0, y, w: COLUMNS, h: 1 },
        panels: collapsed ? panels : [],
      });
    }
    if (!collapsed || !showAny) flat.push(...panels);
    y = collapsed && showAny ? y + 1 : bottom;
  }
  return flat;
}

function placeSpans(panels: readonly Json[], top: number, rowHeight: number): { panels: Json[]; bottom: number } {
  let x = 0;
  let y = top;
  let lineHeight = 0;
  const placed = panels.map((panel) => {
    const w = Math.min(COLUMNS, Math.max(1, Math.round((asNumber(panel.span) ?? 4) * 2)));
    const h = panel.height === undefined ? rowHeight : Math.max(3, Math.ceil(pixels(panel.height) / UNIT_PX));
    if (x + w > COLUMNS) {
      x = 0;
      y += lineHeight;
      lineHeight = 0;
    }
    const gridPos = { x, y, w, h };
    x += w;
    lineHeight = Math.max(lineHeight, h);
    return { ...panel, gridPos };
  });
  return { panels: placed, bottom: y + lineHeight };
}

const pixels = (value: unknown): number =>
  asNumber(typeof value === "string" ? value.replace(/px$/, "") : value) ?? 250;

/** Gives a place to panels without one: two to a line, rows over the full width, stats smaller. */
export function placeMissing(panels: readonly Json[]): Json[] {
  let y = panels.reduce((bottom, panel) => Math.max(bottom, bottomOf(panel)), 0);
  let x = 0;
  let lineHeight = 0;
  return panels.map((panel) => {
    const old = asRecord(panel.gridPos);
    const full = panel.type === "row";
    if (old) {
      const at = (key: string, fallback: number) => asNumber(old[key]) ?? fallback;
      return {
        ...panel,
        gridPos: { ...old, x: at("x", 0), y: at("y", 0), w: at("w", 12), h: at("h", full ? 1 : DEFAULT_HEIGHT) },
      };
    }
    const w = full ? COLUMNS : 12;
    const h = full ? 1 : DEFAULT_HEIGHT;
    if (x + w > COLUMNS) {
      x = 0;
      y += lineHeight;
      lineHeight = 0;
    }
    const gridPos = { x, y, w, h };
    x += w;
    lineHeight = Math.max(lineHeight, h);
    return { ...panel, gridPos };
  });
}

function bottomOf(panel: Json): number {
  const place = asRecord(panel.gridPos);
  return place ? (asNumber(place.y) ?? 0) + (asNumber(place.h) ?? 0) : 0;
}
