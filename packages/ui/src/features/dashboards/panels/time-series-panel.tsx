import type { Panel } from "@storewatch/model/dashboard";
import { useMemo, useState } from "react";
import { useUrlActions } from "../../../app/url-state.ts";
import { TimeChart } from "../../../chart/time-chart.tsx";
import { unitFormat } from "../../../design/units.ts";
import type { PanelData } from "../use-panel.ts";
import { type TimeSeriesView, timeSeriesView } from "./timeseries.ts";

const BINARY_UNITS = new Set(["bytes", "kbytes", "mbytes", "bits", "binBps", "binbps"]);
/** px of a line of the legend. */
const LEGEND_LINE = 20;

export function TimeSeriesPanel({
  panel,
  data,
  width,
  height,
  syncKey,
}: {
  readonly panel: Panel;
  readonly data: PanelData;
  readonly width: number;
  readonly height: number;
  readonly syncKey: string;
}) {
  const { setWindow } = useUrlActions();
  const view = useMemo(() => timeSeriesView(panel, data.frames), [panel, data.frames]);
  const [picked, setPicked] = useState<string>();
  const legendHeight = legendRoom(view, width, height);
  const lines = picked === undefined ? view.lines : view.lines.filter((line) => line.name === picked);
  return (
    <div className="panel-chart">
      <TimeChart
        label={panel.title}
        timesMs={view.timesMs}
        lines={lines.length > 0 ? lines : view.lines}
        fromMs={data.fromMs}
        toMs={data.toMs}
        height={Math.max(60, height - legendHeight)}
        format={view.main?.format ?? unitFormat("short")}
        rightFormat={view.right?.format}
        stacked={picked === undefined ? view.stacked : undefined}
        min={view.main?.min}
        max={view.main?.max}
        log={view.log}
        binary={BINARY_UNITS.has(view.main?.unit ?? "")}
        thresholds={view.thresholds}
        syncKey={syncKey}
        onSelect={setWindow}
      />
      {legendHeight > 0 && (
        <PanelLegend
          view={view}
          height={legendHeight}
          picked={picked}
          onPick={(name) => setPicked(picked === name ? undefined : name)}
        />
      )}
    </div>
  );
}

/** The legend gets what its lines need, at most two fifths of a panel; a small panel does without. */
function legendRoom(view: TimeSeriesView, width: number, height: number): number {
  if (!view.legend.show || view.lines.length === 0 || height < 110) return 0;
  const table = view.legend.calcs.length > 1;
  const letters = view.lines.reduce(
    (sum, line, i) => sum + (line.name.length + (view.calculated[i][0]?.length ?? 0)) * 6.4 + 38,
    0,
  );
  const rows = table ? view.lines.length + 1 : Math.ceil(letters / Math.max(1, width));
  return Math.min(rows * LEGEND_LINE + 6, Math.max(LEGEND_LINE + 6, Math.round(height * 0.4)));
}

interface LegendProps {
  readonly view: TimeSeriesView;
  readonly height: number;
  readonly picked: string | undefined;
  readonly onPick: (name: string) => void;
}

function PanelLegend({ view, height, picked, onPick }: LegendProps) {
  const { calcs } = view.legend;
  // One value fits beside the name: denser than a table.
  if (calcs.length < 2) {
    return (
      <ul className="legend panel-legend" style={{ height }}>
        {view.lines.map((line, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: names may repeat.
          <li key={i} className={picked !== undefined && picked !== line.name ? "legend-off" : undefined}>
            <LegendName
              name={line.name}
              color={line.color}
              dashed={Boolean(line.dash)}
              value={view.calculated[i][0]}
              onPick={onPick}
            />
          </li>
        ))}
      </ul>
    );
  }
  return (
    <div className="panel-legend legend-table" style={{ height }}>
      <table>
        <thead>
          <tr>
            <th />
            {calcs.map((calc) => (
              <th key={calc}>{CALC_NAMES[calc] ?? calc}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {view.lines.map((line, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: names may repeat.
            <tr key={i} className={picked !== undefined && picked !== line.name ? "legend-off" : undefined}>
              <td>
                <LegendName name={line.name} color={line.color} dashed={Boolean(line.dash)} onPick={onPick} />
              </td>
              {view.calculated[i].map((value, place) => (
                <td key={calcs[place]}>{value}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const CALC_NAMES: Readonly<Record<string, string>> = { lastNotNull: "last", firstNotNull: "first" };

function LegendName({
  name,
  color,
  dashed,
  value,
  onPick,
}: {
  readonly name: string;
  readonly color: string;
  readonly dashed: boolean;
  readonly value?: string;
  readonly onPick: (name: string) => void;
}) {
  return (
    <button type="button" className="legend-item" onClick={() => onPick(name)}>
      <i className={dashed ? "dashed" : undefined} style={{ color }} />
      <span>{name}</span>
      {value !== undefined && <b>{value}</b>}
    </button>
  );
}
