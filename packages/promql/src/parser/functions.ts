// Signatures of the functions.
import type { ValueType } from "./ast.ts";

export interface FunctionSignature {
  readonly name: string;
  readonly args: readonly ValueType[];
  /** How many of the last arguments may be missing (n > 0), or -1 when the last one may come any number of times. */
  readonly variadic: number;
  readonly returns: ValueType;
  readonly experimental: boolean;
}

const TYPE_LETTERS: Readonly<Record<string, ValueType>> = { v: "vector", m: "matrix", s: "scalar", t: "string" };

/** name: argument letters, `?` behind an optional one, `*` behind one that may repeat or be absent, → result. */
const STABLE = `
abs v→v|absent v→v|absent_over_time m→v|acos v→v|acosh v→v|asin v→v|asinh v→v|atan v→v|atanh v→v|avg_over_time m→v
ceil v→v|changes m→v|clamp vss→v|clamp_max vs→v|clamp_min vs→v|cos v→v|cosh v→v|count_over_time m→v
days_in_month v?→v|day_of_month v?→v|day_of_week v?→v|day_of_year v?→v|deg v→v|delta m→v|deriv m→v|exp v→v|floor v→v
histogram_avg v→v|histogram_count v→v|histogram_fraction ssv→v|histogram_quantile sv→v|histogram_stddev v→v
histogram_stdvar v→v|histogram_sum v→v|hour v?→v|idelta m→v|increase m→v|irate m→v|label_join vttt*→v
label_replace vtttt→v|last_over_time m→v|ln v→v|log10 v→v|log2 v→v|max_over_time m→v|min_over_time m→v|minute v?→v
month v?→v|pi →s|predict_linear ms→v|present_over_time m→v|quantile_over_time sm→v|rad v→v|rate m→v|resets m→v
round vs?→v|scalar v→s|sgn v→v|sin v→v|sinh v→v|sort v→v|sort_desc v→v|sqrt v→v|stddev_over_time m→v
stdvar_over_time m→v|sum_over_time m→v|tan v→v|tanh v→v|time →s|timestamp v→v|vector s→v|year v?→v`;

const EXPERIMENTAL = `
double_exponential_smoothing mss→v|end →s|first_over_time m→v|histogram_quantiles vtss*→v|info vv?→v|mad_over_time m→v
max_of ss→s|min_of ss→s|range →s|sort_by_label vt*→v|sort_by_label_desc vt*→v|start →s|start_timestamp v→v|step →s
ts_of_first_over_time m→v|ts_of_last_over_time m→v|ts_of_max_over_time m→v|ts_of_min_over_time m→v`;

export const FUNCTIONS: ReadonlyMap<string, FunctionSignature> = new Map(
  [...read(STABLE, false), ...read(EXPERIMENTAL, true)].map((signature) => [signature.name, signature]),
);

function* read(table: string, experimental: boolean): Generator<FunctionSignature> {
  for (const entry of table.trim().split(/[|\n]/)) {
    const [name, shape] = entry.split(" ");
    const [letters, result] = shape.split("→");
    const args = [...letters].filter((letter) => letter in TYPE_LETTERS).map((letter) => TYPE_LETTERS[letter]);
    const variadic = letters.endsWith("*") ? -1 : letters.endsWith("?") ? 1 : 0;
    yield { name, args, variadic, returns: TYPE_LETTERS[result], experimental };
  }
}

export interface AggregationSignature {
  readonly name: string;
  /** The type of its parameter, if it takes one. */
  readonly param: ValueType | undefined;
  readonly experimental: boolean;
}

export const AGGREGATIONS: ReadonlyMap<string, AggregationSignature> = new Map(
  [
    ...aggregations(["sum", "min", "max", "avg", "group", "stddev", "stdvar", "count"], undefined, false),
    ...aggregations(["count_values"], "string", false),
    ...aggregations(["topk", "bottomk", "quantile"], "scalar", false),
    ...aggregations(["limitk", "limit_ratio"], "scalar", true),
  ].map((signature) => [signature.name, signature]),
);

function aggregations(
  names: readonly string[],
  param: ValueType | undefined,
  experimental: boolean,
): AggregationSignature[] {
  return names.map((name) => ({ name, param, experimental }));
}
