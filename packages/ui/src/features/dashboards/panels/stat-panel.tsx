import type { Panel } from "@storewatch/model/dashboard";
import { sparklinePath } from "../../../chart/lines.ts";
import { text } from "../options.ts";
import type { PanelData } from "../use-panel.ts";
import { type SingleValue, singleValues } from "./single-values.ts";

export function StatPanel({
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
  const mode = text(panel.options.textMode, "auto");
  const named = mode === "value_and_name" || mode === "name" || (mode === "auto" && values.length > 1);
  const area = text(panel.options.graphMode, "area") === "area" && height > 70;
  const colorMode = text(panel.options.colorMode, "value");
  const background = colorMode.startsWith("background");
  const columns = Math.max(1, Math.min(values.length, Math.floor(width / 120)));
  const rows = Math.ceil(values.length / columns);
  const tile = { width: width / columns, height: height / Math.max(1, rows) };
  return (
    <div className="stats" style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`, height }}>
      {values.map((one) => (
        <Stat
          key={one.key}
          one={colorMode === "none" ? { ...one, color: undefined } : one}
          named={named}
          area={area && tile.height > 70}
          background={background}
          size={fontSize(one.text, tile, named)}
        />
      ))}
    </div>
  );
}

/** As large as fits, within what still looks calm. */
function fontSize(words: string, tile: { readonly width: number; readonly height: number }, named: boolean): number {
  const byWidth = (tile.width - 16) / Math.max(3, words.length * 0.6);
  const byHeight = (tile.height - (named ? 22 : 4)) * 0.55;
  return Math.max(13, Math.min(34, byWidth, byHeight));
}

interface StatProps {
  readonly one: SingleValue;
  readonly named: boolean;
  readonly area: boolean;
  readonly background: boolean;
  readonly size: number;
}

function Stat({ one, named, area, background, size }: StatProps) {
  const path = area ? sparklinePath(one.values, 200, 40, undefined) : "";
  const color = one.color ?? "var(--muted)";
  return (
    <div
      className="stat"
      style={background && one.color ? { background: `color-mix(in srgb, ${one.color} 16%, transparent)` } : undefined}
    >
      <b style={{ fontSize: size, color: one.color }}>{one.text}</b>
      {named && <span title={one.name}>{one.name}</span>}
      {path !== "" && (
        <svg viewBox="0 0 200 44" preserveAspectRatio="none" aria-hidden="true">
          <path
            d={path}
            transform="translate(0 3)"
            fill="none"
            stroke={color}
            strokeWidth="1.4"
            vectorEffect="non-scaling-stroke"
          />
        </svg>
      )}
    </div>
  );
}
