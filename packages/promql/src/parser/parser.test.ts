import { Matcher } from "@storewatch/model";
import { describe, expect, it } from "vitest";
import {
  addMatcher,
  collectSelectors,
  ParseError,
  parseExpression,
  parseMetric,
  parseMetricSelector,
  prettyExpression,
  printExpression,
  typeOf,
  visit,
  withTime,
} from "./index.ts";

const experimental = { experimental: true };

/** The canonical print with every operator in parentheses, to show what binds to what. */
function shape(text: string): string {
  const expr = parseExpression(text, experimental);
  const show = (node: typeof expr): string => {
    if (node.kind === "binary") return `(${show(node.left)} ${node.operator} ${show(node.right)})`;
    if (node.kind === "unary") return `(${node.operator}${show(node.expr)})`;
    return printExpression(node);
  };
  return show(expr);
}

function errorOf(text: string, options = {}): ParseError {
  try {
    parseExpression(text, options);
  } catch (error) {
    if (error instanceof ParseError) return error;
    throw error;
  }
  throw new Error(`accepted: ${text}`);
}

describe("precedence", () => {
  it.each([
    ["a + b * c ^ d ^ e", "(a + (b * (c ^ (d ^ e))))"],
    ["-a ^ 2", "(-(a ^ 2))"],
    ["-1 ^ 2", "(-(1 ^ 2))"],
    ["-a * b", "((-a) * b)"],
    ["2 ^ -3 * 4", "((2 ^ -3) * 4)"],
    ["a or b and c unless d", "(a or ((b and c) unless d))"],
    ["a == b + 1 or c", "((a == (b + 1)) or c)"],
    ["a % b atan2 c", "((a % b) atan2 c)"],
    ["-a offset 5m", "(-a offset 5m)"],
    ["a offset -2 ^ 2", "(a offset -2s ^ 2)"],
  ])("%s", (text, wanted) => {
    expect(shape(text)).toBe(wanted);
  });
});

describe("messages", () => {
  it.each([
    ["1 +", "1:4: parse error: unexpected end of input"],
    ["sum by (x) (a", "1:14: parse error: unclosed left parenthesis"],
    ["rate(a)", '1:6: parse error: expected type range vector in call to function "rate", got instant vector'],
    ["a{b=c}", '1:5: parse error: unexpected identifier "c" in label matching, expected string'],
    ["a\n + +\n)", '3:1: parse error: unexpected ")"'],
    ["nosuch(a)", '1:1: parse error: unknown function with name "nosuch"'],
    ["1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"],
    ["a[5m] offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times"],
    ['{a=""}', "1:1: parse error: vector selector must contain at least one non-empty matcher"],
    ['a{b=~"("}', "1:3: parse error: error parsing regexp"],
  ])("%s", (text, wanted) => {
    expect(errorOf(text).message).toContain(wanted);
  });

  it("gives line, column and offset", () => {
    const error = errorOf("sum(\n  rate(x)\n)");
    expect([error.line, error.column, error.position]).toEqual([2, 8, 12]);
  });

  it("refuses experimental parts unless they are enabled", () => {
    const flag = "must be enabled with --enable-feature=promql-experimental-functions";
    for (const [text, refusal] of [
      ["b + mad_over_time(a[5m])", '1:5: parse error: function "mad_over_time" is not enabled'],
      ["a[step()]", "1:3: parse error: experimental duration expression is not enabled"],
      ["1 + limitk(1, a)", `1:5: parse error: limitk() is experimental and ${flag}`],
      ["rate(a[5m] smoothed)", "1:6: parse error: smoothed modifier is experimental and not enabled"],
      ["a + fill(0) b", "1:1: parse error: binop fill modifiers are experimental and not enabled"],
    ]) {
      expect(() => parseExpression(text)).toThrow(refusal);
      parseExpression(text, experimental);
    }
    expect(() => parseExpression("a[5m] smoothed anchored", experimental)).toThrow("cannot be used together");
  });

  it("stand where the peer's stand", () => {
    for (const [text, position, reason] of [
      ["foo[5s/0d]", 6, "division by zero"],
      ["foo[step]", 8, 'unexpected "]" in subquery or range selector, expected number, duration, step(), or range()'],
      ['foo["5m"]', 4, "unexpected character in duration expression: '\"'"],
      ['m{a="\ufffd"}', 4, "invalid UTF-8 rune"],
      ["1_000__0", 0, 'bad number or duration syntax: "1_000_"'],
    ] as const) {
      const { position: at, reason: why } = errorOf(text, experimental);
      expect([at, why]).toEqual([position, reason]);
    }
  });

  it("are none for info()'s labels, which need not pick series", () => {
    parseExpression('info(a, {b!="c"})', experimental);
    expect(() => parseExpression('info(a, {b!="c"}) + {b!="c"}', experimental)).toThrow("at least one non-empty");
  });
});

describe("literals", () => {
  it.each([
    ["0x1F", 31],
    ["0755", 493],
    ["1_000", 1000],
    ["5.", 5],
    [".5e1", 5],
    ["-Inf", Number.NEGATIVE_INFINITY],
    ["nan", Number.NaN],
    ["1h30m", 5400],
  ])("%s", (text, value) => {
    const expr = parseExpression(text);
    expect(expr.kind === "number" && expr.value).toBe(value);
  });

  it("unquotes Go's escapes and keeps stray bytes apart", () => {
    const value = (text: string) => {
      const expr = parseExpression(text);
      return expr.kind === "string" ? expr.value : undefined;
    };
    expect(value(String.raw`"a\tb\"\u00e9\xc3\xa9"`)).toBe('a\tb"éé');
    expect(value("`a\\n`")).toBe("a\\n");
    expect(value(String.raw`'\''`)).toBe("'");
    expect(printExpression(parseExpression(String.raw`"a\xc5z"`))).toBe(String.raw`"a\xc5z"`);
  });
});

it("keeps the place of every node", () => {
  const text = "sum by (a) (rate(x[5m])) / 2";
  const places: string[] = [];
  visit(parseExpression(text), (node) => places.push(text.slice(node.from, node.to)));
  expect(places).toEqual([text, "sum by (a) (rate(x[5m]))", "rate(x[5m])", "x[5m]", "2"]);
});

it("adds a matcher to every selector", () => {
  const expr = parseExpression('sum(rate(a{b="c"}[5m])) / on (x) {__name__=~"d.*"} or max_over_time(e[1h:1m])');
  const scoped = addMatcher(expr, new Matcher("=", "tenant_id", "acme"));
  expect(collectSelectors(scoped).every(({ matchers }) => matchers.some((one) => one.name === "tenant_id"))).toBe(true);
  expect(printExpression(scoped)).toBe(
    'sum(rate(a{b="c",tenant_id="acme"}[5m])) / on (x) {__name__=~"d.*",tenant_id="acme"} or ' +
      'max_over_time(e{tenant_id="acme"}[1h:1m])',
  );
});

it("says which window each selector looks at", () => {
  const [selector] = collectSelectors(parseExpression("max_over_time(rate(a[5m] offset 1m)[1h:1m] offset 2m)"));
  expect([selector.range?.ms, selector.offset?.ms, selector.subqueryMs]).toEqual([300_000, 60_000, 3_720_000]);
});

it("pins selectors and subqueries to a time, but not what is inside a subquery", () => {
  const pinned = withTime(parseExpression("a + b @ 5 + rate(c[5m]) + max_over_time(d[5m:])"), {
    type: "time",
    ms: 9000,
  });
  expect(printExpression(pinned)).toBe("a @ 9.000 + b @ 5.000 + rate(c[5m] @ 9.000) + max_over_time(d[5m:] @ 9.000)");
});

it("breaks long expressions over lines", () => {
  const long = `sum by (tenant_id, route) (rate(http_requests_total{job="shop"}[5m])) / sum by (tenant_id) (rate(http_requests_total[5m]))`;
  const pretty = prettyExpression(parseExpression(long));
  expect(pretty.split("\n").length).toBe(3);
  expect(printExpression(parseExpression(pretty))).toBe(long);
});

it("types expressions", () => {
  const types = ["1", '"a"', "a", "a[5m]", "1 + 1", "1 + a", "a[5m:1m]", "time()", "sum(a)"].map((text) =>
    typeOf(parseExpression(text)),
  );
  expect(types).toEqual(["scalar", "string", "vector", "matrix", "scalar", "vector", "matrix", "scalar", "vector"]);
});

it("reads series descriptions", () => {
  expect(parseMetric('a{b="c d",e="}"} 1 2').labels.toJSON()).toEqual({ __name__: "a", b: "c d", e: "}" });
  expect(parseMetric("a 1 2").rest).toBe("1 2");
  expect(parseMetric('{"x.y", a="b"} {{}}')).toMatchObject({ rest: "{{}}" });
});

it("reads a selector alone", () => {
  expect(parseMetricSelector('a{b=~"c"}').map(String)).toEqual(['b=~"c"', '__name__="a"']);
  for (const text of ["", "a[5m]", "a offset 5m", "1", "{}", "a b"]) {
    expect(() => parseMetricSelector(text), text).toThrow(ParseError);
  }
});

it("refuses what is nested too deeply instead of overflowing the stack", () => {
  expect(() => parseExpression("(".repeat(100_000))).toThrow(ParseError);
  expect(() => parseExpression(`${"-".repeat(100_000)}1`)).toThrow(ParseError);
  expect(() => parseExpression(Array(50_000).fill("a").join(" + "))).toThrow(ParseError);
  printExpression(parseExpression(Array(1_500).fill("a").join(" + ")));
});
