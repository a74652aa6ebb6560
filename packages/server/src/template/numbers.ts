// strconv.FormatFloat: Go's decimal forms of a float64, correctly rounded (half to even on the exact value).

const BITS = new DataView(new ArrayBuffer(8));

interface Digits {
  /** Significant decimal digits without leading zeros; "" for zero. */
  readonly digits: string;
  /** The decimal point stands before digit 0 + point. */
  readonly point: number;
}

/** `format` as in Go; `precision` -1 = the fewest digits that read back as the same number. */
export function formatFloat(value: number, format: string, precision: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  if (format === "b") return sign + binaryForm(size);
  if (format === "x" || format === "X") return sign + hexForm(size, precision, format === "X");
  const lower = format.toLowerCase();
  const text =
    lower === "e" ? scientific(size, precision) : lower === "f" ? fixed(size, precision) : general(size, precision);
  return sign + (format === "E" || format === "G" ? text.toUpperCase() : text);
}

function shortest(size: number): Digits {
  if (size === 0) return { digits: "", point: 0 };
  const [mantissa, exponent] = size.toExponential().split("e");
  return { digits: mantissa.replace(".", ""), point: Number(exponent) + 1 };
}

/** The value × 10^places, rounded half to even, exactly. */
function scaled(size: number, places: number): bigint {
  BITS.setFloat64(0, size);
  const bits = BITS.getBigUint64(0);
  const raw = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & 0xfffffffffffffn) | (raw === 0 ? 0n : 1n << 52n);
  const exponent = (raw === 0 ? 1 : raw) - 1075;
  let above = mantissa;
  let below = 1n;
  if (exponent >= 0) above <<= BigInt(exponent);
  else below <<= BigInt(-exponent);
  if (places >= 0) above *= 10n ** BigInt(places);
  else below *= 10n ** BigInt(-places);
  const quotient = above / below;
  const twice = (above % below) * 2n;
  return twice > below || (twice === below && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

function fixed(size: number, precision: number): string {
  if (precision < 0) {
    const { digits, point } = shortest(size);
    return plain(digits, point, Math.max(digits.length - point, 0));
  }
  const text = scaled(size, precision)
    .toString()
    .padStart(precision + 1, "0");
  return precision === 0 ? text : `${text.slice(0, -precision)}.${text.slice(-precision)}`;
}

function plain(digits: string, point: number, places: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  if (places === 0) return whole || "0";
  const fraction = (point < 0 ? "0".repeat(-point) : "") + digits.slice(Math.max(point, 0));
  return `${whole || "0"}.${fraction.padEnd(places, "0").slice(0, places)}`;
}

/** `count` significant digits, correctly rounded. */
function rounded(size: number, count: number): Digits {
  if (size === 0) return { digits: "0".repeat(count), point: 1 };
  const estimate = shortest(size).point;
  const text = scaled(size, count - estimate).toString();
  // Rounding up can carry into a further digit (9.99 → 10.0).
  return text.length > count
    ? { digits: text.slice(0, count), point: estimate + 1 }
    : { digits: text, point: estimate };
}

function scientific(size: number, precision: number): string {
  const { digits, point } = precision < 0 ? shortest(size) : rounded(size, precision + 1);
  return scientificText(digits || "0", size === 0 ? 0 : point - 1);
}

function scientificText(digits: string, exponent: number): string {
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
  return `${digits[0]}${fraction}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function general(size: number, precision: number): string {
  const isShortest = precision < 0;
  const found = isShortest ? shortest(size) : rounded(size, Math.max(precision, 1));
  const digits = found.digits.replace(/0+$/, "");
  const point = digits === "" ? 0 : found.point;
  let limit = isShortest ? 6 : Math.max(precision, 1);
  if (!isShortest && limit > digits.length && digits.length >= point) limit = digits.length;
  const exponent = point - 1;
  if (exponent < -4 || exponent >= limit) return scientificText(digits || "0", digits === "" ? 0 : exponent);
  return plain(digits, point, Math.max(digits.length - point, 0));
}

function binaryForm(size: number): string {
  BITS.setFloat64(0, size);
  const bits = BITS.getBigUint64(0);
  const raw = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & 0xfffffffffffffn) | (raw === 0 ? 0n : 1n << 52n);
  const exponent = (raw === 0 ? 1 : raw) - 1075;
  return `${mantissa}p${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`;
}

function hexForm(size: number, precision: number, upper: boolean): string {
  BITS.setFloat64(0, size);
  const bits = BITS.getBigUint64(0);
  let exponent = size === 0 ? 0 : Number((bits >> 52n) & 0x7ffn) - 1023;
  let mantissa = (bits & 0xfffffffffffffn) | (size === 0 ? 0n : 1n << 52n);
  while (size !== 0 && mantissa < 1n << 52n) {
    mantissa <<= 1n;
    exponent -= 1;
  }
  if (precision >= 0 && precision < 13) {
    const drop = BigInt((13 - precision) * 4);
    const rest = mantissa & ((1n << drop) - 1n);
    const half = 1n << (drop - 1n);
    mantissa >>= drop;
    if (rest > half || (rest === half && mantissa % 2n === 1n)) mantissa += 1n;
    mantissa <<= drop;
    if (mantissa >= 1n << 53n) {
      mantissa >>= 1n;
      exponent += 1;
    }
  }
  let fraction = (mantissa & 0xfffffffffffffn).toString(16).padStart(13, "0");
  fraction = precision < 0 ? fraction.replace(/0+$/, "") : fraction.padEnd(precision, "0").slice(0, precision);
  const head = mantissa === 0n ? "0" : "1";
  const text = `0x${head}${fraction ? `.${fraction}` : ""}p${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  return upper ? text.toUpperCase() : text;
}

/** strconv.ParseFloat: undefined when the text is no number. */
export function parseFloatText(text: string): number | undefined {
  const lower = text.toLowerCase();
  if (/^[+-]?(inf|infinity)$/.test(lower)) return lower.startsWith("-") ? -Infinity : Infinity;
  if (/^[+-]?nan$/.test(lower)) return lower === "nan" ? Number.NaN : undefined;
  const hex = /^([+-]?)0x([0-9a-f_]*)(?:\.([0-9a-f_]*))?p([+-]?\d+)$/.exec(lower);
  if (hex && (hex[2] || hex[3])) {
    const digits = (hex[2] + (hex[3] ?? "")).replaceAll("_", "");
    const size =
      Number(BigInt(`0x${digits || "0"}`)) * 2 ** (Number(hex[4]) - 4 * (hex[3] ?? "").replaceAll("_", "").length);
    return hex[1] === "-" ? -size : size;
  }
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(lower)) return undefined;
  return Number(lower);
}
