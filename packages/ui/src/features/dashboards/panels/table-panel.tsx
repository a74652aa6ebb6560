import type { Panel } from "@storewatch/model/dashboard";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { unitFormat } from "../../../design/units.ts";
import { cellText, stateColor } from "../field-config.ts";
import { bag, text } from "../options.ts";
import type { PanelData } from "../use-panel.ts";
import { type Column, defaultSort, type SortOrder, tableView } from "./table-view.ts";

/** Rows drawn; the rest is one click of sorting away. */
const ROWS = 300;
const asDate = unitFormat("dateTimeAsIso");

export function TablePanel({
  panel,
  data,
  height,
}: {
  readonly panel: Panel;
  readonly data: PanelData;
  readonly height: number;
}) {
  const { t } = useTranslation();
  const [sort, setSort] = useState<SortOrder | undefined>(() => defaultSort(panel));
  const view = useMemo(() => tableView(panel, data.frames, sort), [panel, data.frames, sort]);
  const order = (name: string) =>
    setSort(
      sort?.column === name ? { column: name, descending: !sort.descending } : { column: name, descending: true },
    );
  return (
    <div className="panel-table" style={{ height }}>
      <table className="table">
        <thead>
          <tr>
            {view.columns.map((column) => (
              <th
                key={column.view.name}
                style={{ textAlign: column.align }}
                aria-sort={
                  sort?.column === column.view.name ? (sort.descending ? "descending" : "ascending") : undefined
                }
              >
                <button type="button" onClick={() => order(column.view.name)}>
                  {column.view.name === "Name"
                    ? t("common.name")
                    : column.view.name === "Value"
                      ? t("common.value")
                      : column.view.name}
                  {sort?.column === column.view.name && (sort.descending ? " ↓" : " ↑")}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {view.rows.slice(0, ROWS).map((row) => (
            <tr key={row}>
              {view.columns.map((column) => (
                <TableCell key={column.view.name} column={column} row={row} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {view.rows.length > ROWS && <p className="hint">{t("common.others", { count: view.rows.length - ROWS })}</p>}
    </div>
  );
}

function TableCell({ column, row }: { readonly column: Column; readonly row: number }) {
  const { field, view, align } = column;
  const value = field.values[row];
  const style = text(bag(view.custom.cellOptions).type) || text(view.custom.displayMode);
  const color = style.startsWith("color") && typeof value === "number" ? stateColor(view, value) : undefined;
  const words = field.kind === "time" && typeof value === "number" ? asDate(value) : cellText(view, value);
  const background =
    color && style.startsWith("color-background") ? `color-mix(in srgb, ${color} 18%, transparent)` : undefined;
  return (
    <td style={{ textAlign: align, color, background }} title={words}>
      {words}
    </td>
  );
}
