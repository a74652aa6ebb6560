// Trees back to text: the canonical one-line form, and an indented one for people.
import { formatDurationMs, type Matcher, METRIC_NAME } from "@storewatch/model";
import type {
  AggregateExpr,
  BinaryExpr,
  Duration,
  DurationExpr,
  Expr,
  Subquery,
  TimeModifiers,
  VectorSelector,
} from "./ast.ts";
import { formatFloat, quoteString } from "./text.ts";

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** The canonical form, as upstream's String(). Parsing it gives the same tree again. */
export function printExpression(expr: Expr): string {
  switch (expr.kind) {
    case "number":
      return expr.isDuration ? formatDurationMs(Math.round(expr.value * 1000)) : formatFloat(expr.value);
    case "string":
      return quoteString(expr.value);
    case "selector":
      return printSelectorHead(expr) + printModifiers(expr);
    case "matrix":
      return `${printSelectorHead(expr.selector)}[${printDuration(expr.range)}]${printModifiers(expr.selector)}`;
    case "subquery":
      return printExpression(expr.expr) + printSubqueryTail(expr);
    case "unary":
      return expr.operator + printExpression(expr.expr);
    case "binary":
      return `${printLeft(expr)} ${printOperator(expr)} ${printExpression(expr.right)}`;
    case "aggregate":
      return `${printAggregateHead(expr)}(${aggregateArgs(expr).map(printExpression).join(", ")})`;
    case "call":
      return `${expr.func}(${expr.args.map(printExpression).join(", ")})`;
    case "paren":
      return `(${printExpression(expr.expr)})`;
  }
}

const WIDTH = 100;
const INDENT = "  ";

/** A form that breaks what does not fit on a line of 100 characters. */
export function prettyExpression(expr: Expr, level = 0): string {
  const indent = INDENT.repeat(level);
  const oneLine = indent + printExpression(expr);
  if (oneLine.length <= WIDTH) return oneLine;
  const block = (parts: readonly Expr[]) => parts.map((part) => prettyExpression(part, level + 1)).join(",\n");
  switch (expr.kind) {
    case "binary":
      return [
        prettyExpression(expr.left, level + 1),
        indent + printOperator(expr),
        prettyExpression(expr.right, level + 1),
      ].join("\n");
    case "aggregate":
      return `${indent}${printAggregateHead(expr)}(\n${block(aggregateArgs(expr))}\n${indent})`;
    case "call":
      return `${indent}${expr.func}(\n${block(expr.args)}\n${indent})`;
    case "paren":
      return `${indent}(\n${block([expr.expr])}\n${indent})`;
    case "unary":
      return `${indent}${expr.operator}${prettyExpression(expr.expr, level).trimStart()}`;
    case "subquery":
      return prettyExpression(expr.expr, level) + printSubqueryTail(expr);
    default:
      return oneLine;
  }
}

/** The sign of +Inf would take the whole power for its operand. */
function printLeft(expr: BinaryExpr): string {
  const text = printExpression(expr.left);
  return expr.operator === "^" && text === "+Inf" ? "Inf" : text;
}

function aggregateArgs(expr: AggregateExpr): Expr[] {
  return expr.param ? [expr.param, expr.expr] : [expr.expr];
}

function printAggregateHead(expr: AggregateExpr): string {
  if (expr.without) return `${expr.operator} without (${printLabels(expr.grouping)}) `;
  if (expr.grouping.length > 0) return `${expr.operator} by (${printLabels(expr.grouping)}) `;
  return expr.operator;
}

function printOperator(expr: BinaryExpr): string {
  let text: string = expr.operator;
  if (expr.returnBool) text += " bool";
  const matching = expr.matching;
  if (!matching) return text;
  const grouped = matching.card === "many-to-one" || matching.card === "one-to-many";
  if (matching.on || matching.labels.length > 0 || grouped) {
    text += ` ${matching.on ? "on" : "ignoring"} (${printLabels(matching.labels)})`;
  }
  if (grouped) {
    text += ` ${matching.card === "many-to-one" ? "group_left" : "group_right"} (${printLabels(matching.include)})`;
  }
  const { fillLeft, fillRight } = matching;
  if (fillLeft !== undefined && Object.is(fillLeft, fillRight)) return `${text} fill (${formatFloat(fillLeft)})`;
  if (fillLeft !== undefined) text += ` fill_left (${formatFloat(fillLeft)})`;
  if (fillRight !== undefined) text += ` fill_right (${formatFloat(fillRight)})`;
  return text;
}

function printLabels(labels: readonly string[]): string {
  return labels.map(printLabelName).join(", ");
}

function printLabelName(name: string): string {
  return LABEL_NAME.test(name) ? name : quoteString(name);
}

function printSelectorHead(selector: VectorSelector): string {
  const { name } = selector;
  const plain = METRIC.test(name);
  const parts: string[] = name !== "" && !plain ? [quoteString(name)] : [];
  for (const matcher of selector.matchers) {
    if (name !== "" && matcher.name === METRIC_NAME && matcher.operator === "=" && matcher.value === name) continue;
    parts.push(printMatcher(matcher));
  }
  return (plain ? name : "") + (parts.length > 0 ? `{${parts.join(",")}}` : "");
}

function printMatcher(matcher: Matcher): string {
  return `${printLabelName(matcher.name)}${matcher.operator}${quoteString(matcher.value)}`;
}

function printModifiers(node: TimeModifiers & { readonly extension?: VectorSelector["extension"] }): string {
  let text = node.extension ? ` ${node.extension}` : "";
  if (node.at) text += ` @ ${node.at.type === "time" ? (node.at.ms / 1000).toFixed(3) : `${node.at.type}()`}`;
  if (node.offset && (node.offset.expr || node.offset.ms !== 0)) text += ` offset ${printDuration(node.offset)}`;
  return text;
}

function printSubqueryTail(expr: Subquery): string {
  return `[${printDuration(expr.range)}:${expr.step ? printDuration(expr.step) : ""}]${printModifiers(expr)}`;
}

function printDuration(duration: Duration): string {
  return duration.expr ? printDurationExpr(duration.expr) : formatDurationMs(duration.ms ?? 0);
}

function printDurationExpr(expr: DurationExpr): string {
  switch (expr.kind) {
    case "literal":
      return expr.isDuration ? formatDurationMs(Math.round(expr.seconds * 1000)) : formatFloat(expr.seconds);
    case "step":
    case "range":
      return `${expr.kind}()`;
    case "min_of":
    case "max_of":
      return `${expr.kind}(${printDurationExpr(expr.left)}, ${printDurationExpr(expr.right)})`;
    case "negate":
      return `-${printDurationExpr(expr.inner)}`;
    case "paren":
      return `(${printDurationExpr(expr.inner)})`;
    case "binary":
      return `${printDurationExpr(expr.left)} ${expr.operator} ${printDurationExpr(expr.right)}`;
  }
}
