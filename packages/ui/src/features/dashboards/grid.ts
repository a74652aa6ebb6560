// Which panels stand where: sections under their row panels, repeats laid out, closed rows left out.
import type { Panel, VariableValue, VariableValues } from "@storewatch/model/dashboard";

export interface PlacedPanel {
  readonly key: string;
  readonly panel: Panel;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  /** Values of this copy of a repeated panel. */
  readonly own: ReadonlyMap<string, VariableValue>;
}

export interface Section {
  readonly key: string;
  /** undefined: the panels before the first row. */
  readonly row: Panel | undefined;
  readonly open: boolean;
  readonly panels: readonly PlacedPanel[];
  readonly height: number;
}

const COLUMNS = 24;

/** `toggled` holds the ids of rows that were opened or closed by hand. */
export function sectionsOf(panels: readonly Panel[], values: VariableValues, toggled: ReadonlySet<number>): Section[] {
  const sorted = [...panels].sort((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x);
  const groups: Array<{ row: Panel | undefined; panels: Panel[] }> = [{ row: undefined, panels: [] }];
  for (const panel of sorted) {
    if (panel.type === "row") groups.push({ row: panel, panels: [...((panel.panels ?? []) as Panel[])] });
    else groups[groups.length - 1].panels.push(panel);
  }
  return groups
    .filter((group) => group.row || group.panels.length > 0)
    .map((group) => {
      const placed = place(group.panels, values);
      const closed = group.row?.collapsed === true;
      const open = group.row === undefined || closed === toggled.has(group.row.id);
      return {
        key: group.row ? `row-${group.row.id}` : "top",
        row: group.row,
        open,
        panels: placed,
        height: placed.reduce((bottom, one) => Math.max(bottom, one.y + one.h), 0),
      };
    });
}

/** Places relative to the section; repeated panels push what stands below them down. */
function place(panels: readonly Panel[], values: VariableValues): PlacedPanel[] {
  const top = panels.reduce((min, panel) => Math.min(min, panel.gridPos.y), Number.POSITIVE_INFINITY);
  const sorted = [...panels].sort((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x);
  const placed: PlacedPanel[] = [];
  let pushed = 0;
  for (const panel of sorted) {
    const { x, w, h } = panel.gridPos;
    const y = panel.gridPos.y - top + pushed;
    const variable = panel.repeat ? values.get(panel.repeat) : undefined;
    if (!variable || variable.values.length < 2) {
      const [only] = variable?.values ?? [];
      const own = new Map(
        variable && only !== undefined
          ? [[panel.repeat as string, { ...variable, values: [only], raw: undefined }]]
          : [],
      );
      placed.push({ key: String(panel.id), panel, x, y, w: Math.min(w, COLUMNS), h, own });
      continue;
    }
    const down = panel.repeatDirection === "v";
    const perLine = down ? 1 : Math.min(variable.values.length, Number(panel.maxPerRow ?? 4) || 4);
    const width = down ? w : Math.floor(COLUMNS / perLine);
    variable.values.forEach((value, i) => {
      const own = new Map([[panel.repeat as string, { values: [value], texts: [value], multi: variable.multi }]]);
      const column = down ? x : (i % perLine) * width;
      placed.push({
        key: `${panel.id}-${value}`,
        panel,
        x: column,
        y: y + Math.floor(i / perLine) * h,
        w: width,
        h,
        own,
      });
    });
    pushed += (Math.ceil(variable.values.length / perLine) - 1) * h;
  }
  return placed;
}
