/** Eight series colours, each at least 3:1 on both surfaces. */
export const SERIES_COLORS = ["#3B78C4", "#C9770F", "#2A9183", "#C4527E", "#7A5FC0", "#7C8118", "#2F8CC4", "#A8643A"];

/** Where colours repeat, the dash tells the lines apart. */
export const SERIES_DASHES: ReadonlyArray<number[] | undefined> = [undefined, [6, 3], [2, 3]];

export const seriesColor = (index: number): string => SERIES_COLORS[index % SERIES_COLORS.length];
export const seriesDash = (index: number): number[] | undefined =>
  SERIES_DASHES[Math.floor(index / SERIES_COLORS.length) % SERIES_DASHES.length];

/** Grafana's named colours as our tokens or palette, so that they fit both themes; anything else goes through. */
export function namedColor(name: string): string {
  const shade = /^(?:(?:super|semi)-)?(light|dark)?-?(green|red|yellow|orange|blue|purple)$/.exec(
    name.trim().toLowerCase(),
  );
  if (!shade)
    return name === "text" ? "var(--text)" : name === "rgb(255, 255, 255)" || name === "white" ? "var(--text)" : name;
  const tokens: Record<string, string> = {
    green: "var(--ok)",
    red: "var(--crit)",
    yellow: "var(--warn)",
    orange: "var(--warn)",
    blue: "var(--info)",
    purple: "var(--silent)",
  };
  return tokens[shade[2]];
}

/** A CSS colour that a canvas understands: variables are looked up. */
export function resolveColor(color: string, element: Element): string {
  const variable = /^var\((--[\w-]+)\)$/.exec(color);
  return variable ? getComputedStyle(element).getPropertyValue(variable[1]).trim() : color;
}

/** The colour with an opacity (0–1), for #rrggbb; other forms get CSS's own mixing. */
export function withOpacity(color: string, opacity: number): string {
  const hex = /^#([0-9a-f]{6})$/i.exec(color);
  if (!hex) return `color-mix(in srgb, ${color} ${Math.round(opacity * 100)}%, transparent)`;
  const number = Number.parseInt(hex[1], 16);
  return `rgb(${number >> 16} ${(number >> 8) & 255} ${number & 255} / ${opacity})`;
}
