// Numbers for people: at most three significant digits, a narrow space before the unit, deltas with their sign.

export type Language = "en" | "vi";

/** Narrow no-break space: groups digits and stands before units. */
export const THIN = "\u202f";
export const MINUS = "\u2212";
export const NOTHING = "–";

let language: Language = "en";
/** Set once by the app, when the language changes. */
export function setNumberLanguage(next: Language): void {
  language = next;
}

const SCALES: Readonly<Record<Language, ReadonlyArray<readonly [number, string]>>> = {
  en: [
    [1e12, "T"],
    [1e9, "B"],
    [1e6, "M"],
    [1e3, "k"],
  ],
  vi: [
    [1e12, "nghìn tỷ"],
    [1e9, "tỷ"],
    [1e6, "tr"],
    [1e3, "k"],
  ],
};

/** Digits grouped by three, decimal point of the language. `decimals` undefined: at most three significant digits. */
export function plainNumber(value: number, decimals?: number): string {
  if (Number.isNaN(value)) return NOTHING;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  const fixed =
    decimals === undefined
      ? threeDigits(Math.abs(value))
      : Math.abs(value).toFixed(Math.min(20, Math.max(0, decimals)));
  const [whole, fraction] = fixed.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
  const sign = value < 0 && Number(fixed) !== 0 ? MINUS : "";
  return sign + grouped + (fraction ? (language === "vi" ? "," : ".") + fraction : "");
}

function threeDigits(abs: number): string {
  if (abs === 0) return "0";
  if (abs >= 100) return abs.toFixed(0);
  if (abs < 0.0005) return abs.toExponential(1).replace("-", MINUS);
  const decimals = abs >= 10 ? 1 : abs >= 1 ? 2 : Math.min(5, 2 - Math.floor(Math.log10(abs)));
  return trimZeros(abs.toFixed(decimals));
}

const trimZeros = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

/** A count: whole below 10 000, beyond that scaled ("18.2 k"). */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  return Math.abs(value) < 10_000 ? plainNumber(value) : scaled(value, "");
}

/** Scaled with k, M, B (in Vietnamese k, tr, tỷ), the unit sign stuck to it: "182 M₫". */
export function scaled(value: number, sign: string, decimals?: number): string {
  const scale = SCALES[language].find(([size]) => Math.abs(value) >= size);
  if (!scale) return sign === "" ? plainNumber(value, decimals) : plainNumber(value, decimals) + THIN + sign;
  // "M₫", but "tr ₫": Vietnamese scales are words.
  const gap = language === "vi" && scale[1] !== "k" && sign !== "" ? THIN : "";
  return plainNumber(value / scale[0], decimals) + THIN + scale[1] + gap + sign;
}

const SIGNS: Readonly<Record<string, string>> = {
  VND: "₫",
  USD: "$",
  EUR: "€",
  GBP: "£",
  JPY: "¥",
  THB: "฿",
  KRW: "₩",
};

/** Money in its own currency: "1.2 M₫"; small ₫ amounts without decimals. */
export function money(value: number | null | undefined, currency: string): string {
  if (value === null || value === undefined) return NOTHING;
  const sign = SIGNS[currency] ?? (currency === "" ? "" : THIN + currency);
  // Cents matter in small prices only; ₫, ¥ and ₩ have none.
  const whole = currency === "VND" || currency === "JPY" || currency === "KRW" || value === 0 || Math.abs(value) >= 100;
  const small = Math.abs(value) < 10_000;
  if (small) return plainNumber(value, whole ? 0 : 2) + (sign.startsWith(THIN) || sign === "" ? sign : THIN + sign);
  return scaled(value, sign.trim());
}

/** 0.061 → "6.1 %". Tiny but not zero stays visible: "<0.01 %". */
export function percent(ratio: number | null | undefined): string {
  if (ratio === null || ratio === undefined || Number.isNaN(ratio)) return NOTHING;
  const value = ratio * 100;
  if (value !== 0 && Math.abs(value) < 0.01) return `<${plainNumber(0.01)}${THIN}%`;
  const decimals = Math.abs(value) >= 10 ? 0 : Math.abs(value) >= 1 ? 1 : 2;
  return `${plainNumber(Number(value.toFixed(decimals)))}${THIN}%`;
}

/** Seconds in the unit that reads best: "890 ms", "1.42 s", "12 min". */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return NOTHING;
  const abs = Math.abs(seconds);
  if (abs === 0) return `0${THIN}s`;
  if (abs < 0.001) return `${plainNumber(seconds * 1e6)}${THIN}µs`;
  if (abs < 1) return `${plainNumber(seconds * 1000)}${THIN}ms`;
  if (abs < 120) return `${plainNumber(seconds)}${THIN}s`;
  if (abs < 7200) return `${plainNumber(seconds / 60)}${THIN}min`;
  if (abs < 172_800) return `${plainNumber(seconds / 3600)}${THIN}${language === "vi" ? "giờ" : "h"}`;
  return `${plainNumber(seconds / 86_400)}${THIN}${language === "vi" ? "ngày" : "d"}`;
}

/** The change from `before` to `value` as a signed ratio; null when it says nothing. */
export function change(value: number | null, before: number | null): number | null {
  if (value === null || before === null || before === 0) return null;
  return value / before - 1;
}

/** "−38 %", "+4 %", "±0 %"; beyond ten times "×12". */
export function signedPercent(ratio: number | null): string {
  if (ratio === null) return "";
  if (ratio >= 9) return `×${plainNumber(ratio + 1)}`;
  const rounded = Math.round(ratio * 100);
  const sign = rounded > 0 ? "+" : rounded < 0 ? MINUS : "±";
  return `${sign}${plainNumber(Math.abs(rounded))}${THIN}%`;
}
