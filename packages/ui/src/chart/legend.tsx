import type { ReactNode } from "react";

export interface LegendItem {
  readonly name: string;
  readonly color: string;
  readonly dash?: boolean;
  readonly value?: string;
}

/** The names under a chart; with onPick a click shows that line alone, a second one all again. */
export function Legend({
  items,
  picked,
  onPick,
}: {
  readonly items: readonly LegendItem[];
  readonly picked?: string;
  readonly onPick?: (name: string) => void;
}) {
  return (
    <ul className="legend">
      {items.map((item, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: names may repeat, places do not change.
        <li key={i} className={picked !== undefined && picked !== item.name ? "legend-off" : undefined}>
          <LegendButton onPick={onPick && (() => onPick(item.name))}>
            <i className={item.dash ? "dashed" : undefined} style={{ color: item.color }} />
            <span>{item.name}</span>
            {item.value !== undefined && <b>{item.value}</b>}
          </LegendButton>
        </li>
      ))}
    </ul>
  );
}

function LegendButton({ onPick, children }: { readonly onPick?: () => void; readonly children: ReactNode }) {
  if (!onPick) return <span className="legend-item">{children}</span>;
  return (
    <button type="button" className="legend-item" onClick={onPick}>
      {children}
    </button>
  );
}
