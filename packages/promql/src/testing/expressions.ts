// Random expressions of the whole grammar for tests, valid as far as types go. Made from the tables of functions and
// aggregations, so that a new one is tried without a change here.
import fc from "fast-check";
import type { ValueType } from "../parser/ast.ts";
import { AGGREGATIONS, FUNCTIONS, type FunctionSignature } from "../parser/functions.ts";

/** The names that `SCRIPT` loads, and one that it does not. */
const METRICS = ["requests_total", "temperature", "latency_bucket", "up", "nosuch", "sizes", "mixed", '"a.dotted"'];
const LABELS = ["job", "instance", "le", "zone", '"a-b"'];

const durations = fc.constantFrom("1m", "90s", "5m", "17s", "1h30m", "0.5", "100", "500ms");
const ranges = fc.oneof(
  { weight: 6, arbitrary: durations },
  fc.constantFrom("step() + 1m", "max_of(step(), 1m)", "2 * (30s + 5s)", "-(1m) + 2m", "range() / 2 + 10"),
);
const names = fc.constantFrom(...METRICS);
const labelLists = fc.uniqueArray(fc.constantFrom(...LABELS), { maxLength: 3 }).map((list) => list.join(", "));
const matchers = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('job="a"', 'job!="c"', 'job=~"a|b"', '"a-b"!~`y+`') },
  fc.constantFrom('instance=~"i.*"', 'le!~"0.1|1"', 'zone=""', '"a-b"=`x`'),
);

const selector = fc.tuple(names, fc.array(matchers, { maxLength: 2 })).map(([name, list]) => {
  const inner = name.startsWith('"') ? [name, ...list] : list;
  const braces = inner.length > 0 ? `{${inner.join(",")}}` : "";
  return name.startsWith('"') ? braces : name + braces;
});
const timing = fc.oneof(
  { weight: 5, arbitrary: fc.constant("") },
  fc.constantFrom(" offset 1m", " offset -30s", " @ 300", " @ 250.5 offset 20s", " offset (step() / 2)"),
  fc.constantFrom(" @ start()", " @ end() offset 10s"),
);
const number = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("0.5", "1", "2", "3") },
  fc.constantFrom("0", "1", "-1", "2.5", "0.9", "1e3", "NaN", "Inf", "-Inf", "0x1f", "1_000", "5m"),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => String(Math.abs(value))),
);
const string = fc.constantFrom('"job"', '"$1"', '"(.*)"', '"zone"', '""', "'é'", '"~x"', '"[("', '"le"');
const EXTENSIONS: Readonly<Record<string, readonly string[]>> = {
  anchored: ["changes", "delta", "increase", "rate", "resets"],
  smoothed: ["delta", "increase", "rate"],
};

type Kinds = Record<ValueType, string>;
type Tie = (kind: ValueType) => fc.Arbitrary<string>;

function argumentsOf({ args, variadic }: FunctionSignature, tie: Tie): fc.Arbitrary<string[]> {
  const last = args[args.length - 1];
  if (variadic < 0) {
    return fc
      .tuple(fc.tuple(...args.map(tie)), fc.array(tie(last), { maxLength: 2 }))
      .map(([fixed, more]) => [...fixed, ...more]);
  }
  const all = fc.tuple(...args.map(tie));
  return variadic === 0 ? all : fc.tuple(all, fc.boolean()).map(([list, cut]) => (cut ? list.slice(0, -1) : list));
}

function call(signature: FunctionSignature, tie: Tie): fc.Arbitrary<string> {
  const { name } = signature;
  if (name === "info") {
    const which = fc.constantFrom("", ', {__name__="up"}', ", {zone=~'.+'}", ', {__name__!="x"}');
    return fc.tuple(tie("vector"), which).map(([vector, selected]) => `info(${vector}${selected})`);
  }
  const plain = argumentsOf(signature, tie).map((list) => `${name}(${list.join(", ")})`);
  const extensions = Object.keys(EXTENSIONS).filter((extension) => EXTENSIONS[extension].includes(name));
  if (extensions.length === 0) return plain;
  const extended = fc
    .tuple(selector, durations, fc.constantFrom(...extensions), timing)
    .map(([one, range, extension, when]) => `${name}(${one}[${range}] ${extension}${when})`);
  return fc.oneof({ weight: 3, arbitrary: plain }, extended);
}

function calls(returns: ValueType, tie: Tie): fc.Arbitrary<string> {
  const signatures = [...FUNCTIONS.values()].filter((signature) => signature.returns === returns);
  return fc.oneof(...signatures.map((signature) => call(signature, tie)));
}

function aggregation(tie: Tie): fc.Arbitrary<string> {
  const modifier = fc.tuple(fc.constantFrom("by", "without"), labelLists).map(([word, list]) => ` ${word} (${list}) `);
  return fc
    .tuple(fc.constantFrom(...AGGREGATIONS.values()), fc.oneof(fc.constant(""), modifier), tie("vector"), tie("scalar"))
    .chain(([{ name, param }, grouping, vector, scalar]) => {
      const first = param === "string" ? string : param ? fc.constant(scalar) : fc.constant("");
      return first.map((text) => `${name}${grouping}(${text}${text && ", "}${vector})`);
    });
}

function binary(tie: Tie): fc.Arbitrary<string> {
  const arithmetic = fc.constantFrom("+", "-", "*", "/", "%", "^", "atan2");
  const comparison = fc.constantFrom("==", "!=", ">", "<", ">=", "<=");
  const operator = fc.oneof(
    arithmetic,
    comparison,
    comparison.map((text) => `${text} bool`),
  );
  const matching = fc
    .tuple(fc.constantFrom("on", "ignoring"), labelLists, fc.constantFrom("", " group_left ()", " group_right (zone)"))
    .map(([word, list, group]) => ` ${word} (${list})${list.includes("zone") ? "" : group}`);
  const fill = fc.constantFrom("", "", "", " fill (0)", " fill_left (1) fill_right (-2)");
  return fc.oneof(
    fc.tuple(tie("vector"), operator, tie("scalar")).map((parts) => parts.join(" ")),
    fc.tuple(tie("scalar"), operator, tie("vector")).map((parts) => parts.join(" ")),
    fc
      .tuple(tie("vector"), operator, fc.oneof(fc.constant(""), matching), fill, tie("vector"))
      .map(([left, op, match, filled, right]) => `${left} ${op}${match}${filled} ${right}`),
    fc
      .tuple(tie("vector"), fc.constantFrom("and", "or", "unless"), labelLists, tie("vector"))
      .map(([left, op, list, right]) => `${left} ${op} on (${list}) ${right}`),
  );
}

/** An expression of type vector or scalar, with everything that is experimental. */
export const expressions: fc.Arbitrary<string> = fc.letrec<Kinds & { any: string }>((tie) => ({
  string: fc.constant('""').chain(() => string),
  scalar: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    number,
    calls("scalar", tie as Tie),
    fc
      .tuple(tie("scalar"), fc.constantFrom("+", "*", "^", "%", "< bool"), tie("scalar"))
      .map((parts) => `(${parts.join(" ")})`),
  ),
  vector: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.tuple(selector, timing).map((parts) => parts.join("")),
    fc.tuple(selector, timing).map(([one, when]) => `(${one} smoothed${when})`),
    calls("vector", tie as Tie),
    calls("vector", tie as Tie),
    aggregation(tie as Tie),
    binary(tie as Tie).map((text) => `(${text})`),
    tie("vector").map((inner) => `-(${inner})`),
  ),
  matrix: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.tuple(selector, ranges, timing).map(([one, range, when]) => `${one}[${range}]${when}`),
    fc
      .tuple(tie("vector"), durations, fc.oneof(fc.constant(""), durations), timing)
      .map(([inner, range, step, when]) => `(${inner})[${range}:${step}]${when}`),
  ),
  any: fc.oneof({ weight: 4, arbitrary: tie("vector") }, tie("scalar"), binary(tie as Tie)),
})).any;

/** Series for these expressions: counters with resets and gaps, NaN, staleness, buckets, equal names. */
export const SCRIPT = `
load 15s
  requests_total{job="a",instance="i1"} 0+7x20 3+5x20
  requests_total{job="a",instance="i2"} 1 _ 4 NaN 9 12 stale _ 20+3x30
  requests_total{job="b",instance="i1",zone="z"} 5x10 _x5 50+1.5x25
  temperature{job="a",instance="i1"} 21.5 -3 0 -0 Inf 4 NaN NaN 7 8 9 -Inf 1 2 3x30
  temperature{job="b",instance="i1",zone="z"} _x12 1e300 1e308 1e308 -1e308 0.1+0.1x20
  up{job="a",instance="i1",zone="one"} 1x15 stale
  up{job="a",instance="i1",zone="two"} _x16 1x20
  up{job="b",instance="i1"} 1 0 1 0 1 0 1 0 1 0 1 0 1x20
  latency_bucket{job="a",le="0.1"} 0+1x40
  latency_bucket{job="a",le="1"} 0+3x40
  latency_bucket{job="a",le="+Inf"} 0+4x40
  latency_bucket{job="b",le="0.1"} 5 4 3 2 1 _x5 0+1x30
  latency_bucket{job="b",le="+Inf"} 1+2x40
  sizes{job="a"} {{schema:1 sum:3 count:22 buckets:[5 10 7]}}+{{schema:1 sum:2 count:4 buckets:[1 2 1]}}x20 _x3 {{schema:0 sum:1 count:3 buckets:[1 2]}}x12
  sizes{job="b"} {{schema:-53 sum:4 count:6 custom_values:[1 2 4] buckets:[1 2 2 1]}}x10 stale {{schema:-53 sum:9 count:8 custom_values:[1 4] buckets:[3 4 1]}}x20
  sizes{job="b",zone="z"} {{schema:2 z_bucket:2 z_bucket_w:0.01 sum:-1 count:7 buckets:[1] n_buckets:[2 2] counter_reset_hint:gauge}}x30
  mixed{job="a"} 1+1x12 {{schema:1 sum:3 count:3 buckets:[1 1 1]}}x8 5x12
  {"a.dotted",job="a",instance="i1","a-b"="x"} 1+1x40
`;
