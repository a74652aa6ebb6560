import { sparklinePath, type Values } from "./lines.ts";

const WIDTH = 120;
const HEIGHT = 22;

/** A small line without axes; its table column says what it shows. */
export function Sparkline({ values, color = "var(--muted)" }: { readonly values: Values; readonly color?: string }) {
  const path = sparklinePath(values, WIDTH, HEIGHT - 3);
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {path !== "" && (
        <path
          d={path}
          transform="translate(0 1.5)"
          fill="none"
          stroke={color}
          strokeWidth="1.5"
          vectorEffect="non-scaling-stroke"
          strokeLinejoin="round"
        />
      )}
    </svg>
  );
}
