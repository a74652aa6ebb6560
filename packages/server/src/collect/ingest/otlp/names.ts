// OpenTelemetry's names as Prometheus writes them: units and `_total` at the end, what is not in its alphabet as `_`.

export type TranslationStrategy =
  | "UnderscoreEscapingWithSuffixes"
  | "UnderscoreEscapingWithoutSuffixes"
  | "NoUTF8EscapingWithSuffixes"
  | "NoTranslation";

export type NameKind = "counter" | "gauge" | "other";

// UCUM units → words, from the OpenTelemetry specification "Prometheus and OpenMetrics Compatibility".
const UNITS: ReadonlyMap<string, string> = new Map([
  ["d", "days"],
  ["h", "hours"],
  ["min", "minutes"],
  ["s", "seconds"],
  ["ms", "milliseconds"],
  ["us", "microseconds"],
  ["ns", "nanoseconds"],
  ["By", "bytes"],
  ["KiBy", "kibibytes"],
  ["MiBy", "mebibytes"],
  ["GiBy", "gibibytes"],
  ["TiBy", "tebibytes"],
  ["KBy", "kilobytes"],
  ["MBy", "megabytes"],
  ["GBy", "gigabytes"],
  ["TBy", "terabytes"],
  ["m", "meters"],
  ["V", "volts"],
  ["A", "amperes"],
  ["J", "joules"],
  ["W", "watts"],
  ["g", "grams"],
  ["Cel", "celsius"],
  ["Hz", "hertz"],
  ["1", ""],
  ["%", "percent"],
]);
const PER_UNITS: ReadonlyMap<string, string> = new Map([
  ["s", "second"],
  ["m", "minute"],
  ["h", "hour"],
  ["d", "day"],
  ["w", "week"],
  ["mo", "month"],
  ["y", "year"],
]);

/** The family's name: without `_bucket`, `_sum` and the like. */
export function otlpMetricName(name: string, unit: string, kind: NameKind, strategy: TranslationStrategy): string {
  if (strategy === "NoTranslation") return name;
  const escapes = strategy.startsWith("Underscore");
  if (strategy === "UnderscoreEscapingWithoutSuffixes") return startLegal(name.replace(/[^a-zA-Z0-9:_]+/g, "_"));
  const suffixes = unitSuffixes(unit, escapes);
  let base = escapes ? tokensOf(name).join("_") : name;
  for (const suffix of suffixes) if (!hasWord(base, suffix, escapes)) base = join(base, suffix);
  if (kind === "counter") base = join(withoutWord(base, "total"), "total");
  if (kind === "gauge" && unit === "1") base = join(withoutWord(base, "ratio"), "ratio");
  return escapes ? startLegal(base) : base;
}

function tokensOf(text: string): string[] {
  return text.split(/[^a-zA-Z0-9:]+/).filter((token) => token !== "");
}

function join(base: string, suffix: string): string {
  return base === "" ? suffix : `${base}_${suffix}`;
}

function hasWord(name: string, word: string, escapes: boolean): boolean {
  return escapes ? name.split("_").includes(word) : name.endsWith(word);
}

function withoutWord(name: string, word: string): string {
  return name.endsWith(`_${word}`) ? name.slice(0, -word.length - 1) : name;
}

function startLegal(name: string): string {
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

/** `km/h` → ["km", "per_hour"]; what stands in braces is a remark, no unit. */
function unitSuffixes(unit: string, escapes: boolean): string[] {
  const [main, per] = unit.split("/", 2).map((part) => part.trim());
  const words: string[] = [];
  if (main && !main.includes("{")) words.push(UNITS.get(main) ?? main);
  if (per && !per.includes("{")) words.push(`per_${PER_UNITS.get(per) ?? per}`);
  return words
    .map((word) => (escapes ? tokensOf(word).join("_") : word))
    .filter((word) => word !== "" && word !== "per");
}

export function otlpLabelName(name: string, strategy: TranslationStrategy): string {
  if (strategy.startsWith("No")) return name;
  const clean = name.replace(/[^a-zA-Z0-9_]/g, "_");
  if (/^[0-9]/.test(clean)) return `key_${clean}`;
  return clean.startsWith("_") && !clean.startsWith("__") ? `key${clean}` : clean;
}
