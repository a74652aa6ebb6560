import type { Panel } from "@storewatch/model/dashboard";
import type { PanelData } from "../use-panel.ts";
import { shareOf, singleValues } from "./single-values.ts";

export function BarGaugePanel({
  panel,
  data,
  height,
}: {
  readonly panel: Panel;
  readonly data: PanelData;
  readonly height: number;
}) {
  const values = singleValues(panel, data.frames);
  return (
    <div className="bar-gauges" style={{ height }}>
      {values.map((one) => (
        <div key={one.key} className="bar-gauge">
          <span title={one.name}>{one.name}</span>
          <b style={{ color: one.color }}>{one.text}</b>
          <i>
            <i style={{ width: `${shareOf(one) * 100}%`, background: one.color ?? "var(--accent)" }} />
          </i>
        </div>
      ))}
    </div>
  );
}
