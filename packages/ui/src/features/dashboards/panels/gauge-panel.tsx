import type { Panel } from "@storewatch/model/dashboard";
import { namedColor } from "../../../chart/palette.ts";
import type { PanelData } from "../use-panel.ts";
import { type SingleValue, shareOf, singleValues } from "./single-values.ts";

/** Degrees: the gauge is open at the bottom. */
const [START, SWEEP] = [-210, 240];

export function GaugePanel({
  panel,
  data,
  width,
  height,
}: {
  readonly panel: Panel;
  readonly data: PanelData;
  readonly width: number;
  readonly height: number;
}) {
  const values = singleValues(panel, data.frames);
  const columns = bestColumns(values.length, width, height);
  const rows = Math.ceil(values.length / columns);
  const size = Math.max(54, Math.min(width / columns - 8, (height / rows - (values.length > 1 ? 22 : 0)) * 1.2, 190));
  return (
    <div className="gauges" style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`, height }}>
      {values.map((one) => (
        <Gauge key={one.key} one={one} size={size} named={values.length > 1} />
      ))}
    </div>
  );
}

/** The number of columns that makes the gauges largest. */
function bestColumns(count: number, width: number, height: number): number {
  let best = 1;
  let bestSize = 0;
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const size = Math.min(width / columns, (height / Math.ceil(count / columns) - 20) * 1.2);
    if (size > bestSize) [best, bestSize] = [columns, size];
  }
  return best;
}

function Gauge({ one, size, named }: { readonly one: SingleValue; readonly size: number; readonly named: boolean }) {
  const share = shareOf(one);
  const fontSize = Math.max(9, Math.min(19, 88 / Math.max(4, one.text.length)));
  return (
    <figure className="gauge">
      <svg width={size} height={size * 0.8} viewBox="0 0 100 80" role="img" aria-label={`${one.name}: ${one.text}`}>
        <path d={arc(0, 1, 42)} className="gauge-track" />
        {share > 0 && (
          <path d={arc(0, share, 42)} className="gauge-value" style={{ stroke: one.color ?? "var(--accent)" }} />
        )}
        {thresholdArcs(one)}
        <text x="50" y="56" textAnchor="middle" fontSize={fontSize} fill={one.color ?? "var(--text)"}>
          {one.text}
        </text>
      </svg>
      {named && <figcaption title={one.name}>{one.name}</figcaption>}
    </figure>
  );
}

/** Thin outer marks where thresholds lie. */
function thresholdArcs(one: SingleValue) {
  return (one.view.thresholds?.steps ?? []).flatMap((step) => {
    if (step.value === null || step.value === undefined) return [];
    const value =
      one.view.thresholds?.mode === "percentage" ? one.min + (step.value / 100) * (one.max - one.min) : step.value;
    const share = shareOf({ ...one, value });
    if (share <= 0 || share >= 1) return [];
    return [
      <path
        key={step.value}
        d={arc(share - 0.006, share + 0.006, 42)}
        className="gauge-mark"
        style={{ stroke: namedColor(step.color) }}
      />,
    ];
  });
}

function arc(from: number, to: number, radius: number): string {
  const point = (share: number) => {
    const angle = ((START + share * SWEEP) * Math.PI) / 180;
    return `${(50 + radius * Math.cos(angle)).toFixed(2)} ${(52 + radius * Math.sin(angle)).toFixed(2)}`;
  };
  return `M${point(from)}A${radius} ${radius} 0 ${(to - from) * SWEEP > 180 ? 1 : 0} 1 ${point(to)}`;
}
