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
  if (!shade) {
    const isText = name === "text" || name === "white" || /^rgb\(255, ?255, ?255\)$/.test(name);
    return isText ? "var(--text)" : readableColor(name);
  }
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

/**
 * A colour written for one theme, made readable on both: its luminance is brought between 0.13 and 0.30, which is 3:1
 * against white and against the dark surface. Takes #rgb, #rrggbb and rgb(); other forms go through.
 */
export function readableColor(color: string): string {
  const parts = channels(color);
  if (!parts) return color;
  const linear = parts.map((part) =>
    part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
  );
  const luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  if (luminance >= 0.13 && luminance <= 0.3) return color;
  const target = luminance < 0.13 ? 0.13 : 0.3;
  // Dark colours are mixed with white, bright ones dimmed: the hue stays.
  const mix = luminance < 0.13 ? (target - luminance) / (1 - luminance) : 0;
  const scale = luminance > 0.3 ? target / luminance : 1;
  const out = linear.map((part) => {
    const value = (part + (1 - part) * mix) * scale;
    return Math.round(255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055));
  });
  return `#${out.map((part) => Math.min(255, Math.max(0, part)).toString(16).padStart(2, "0")).join("")}`;
}

function channels(color: string): readonly number[] | undefined {
  const hex = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(color)?.[1];
  if (hex) {
    const long = hex.length === 3 ? [...hex].map((digit) => digit + digit).join("") : hex;
    return [0, 2, 4].map((at) => Number.parseInt(long.slice(at, at + 2), 16));
  }
  const rgb = /^rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)/i.exec(color);
  return rgb ? [Number(rgb[1]), Number(rgb[2]), Number(rgb[3])] : undefined;
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
