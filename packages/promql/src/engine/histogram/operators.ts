// Binary operators where a side is a histogram.
import type { NativeHistogram } from "@storewatch/model";
import type { BinaryOperator } from "../../parser/ast.ts";
import type { HistogramNotes, SampleType } from "./annotations.ts";
import { areEqual } from "./resets.ts";
import { divided, HistogramSum, multiplied } from "./sum.ts";
import { trimmed } from "./trim.ts";

/** A float, where `histogram` is undefined, or a histogram. */
interface Operand {
  readonly value: number;
  readonly histogram: NativeHistogram | undefined;
}

/** A comparison gives true or false; undefined: the operator does not work on these. */
type OperatorResult = NativeHistogram | boolean | undefined;

/** At least one side is a histogram, or the operator is one that needs one. */
export function histogramOperator(
  operator: BinaryOperator,
  left: Operand,
  right: Operand,
  notes: HistogramNotes,
): OperatorResult {
  if (left.histogram && right.histogram) {
    const result = betweenHistograms(operator, left.histogram, right.histogram, notes);
    if (result !== "incompatible") return result;
  } else if (left.histogram) {
    const result = withFloat(operator, left.histogram, right.value);
    if (result) return result;
  } else if (right.histogram && operator === "*") return multiplied(right.histogram, left.value);
  notes.incompatibleTypes(typeOf(left), operator, typeOf(right));
  return undefined;
}

function typeOf({ histogram }: Operand): SampleType {
  return histogram ? "histogram" : "float";
}

function withFloat(operator: BinaryOperator, histogram: NativeHistogram, value: number): NativeHistogram | undefined {
  switch (operator) {
    case "*":
      return multiplied(histogram, value);
    case "/":
      return divided(histogram, value);
    case "</":
      return trimmed(histogram, value, true);
    case ">/":
      return trimmed(histogram, value, false);
    default:
      return undefined;
  }
}

function betweenHistograms(
  operator: BinaryOperator,
  left: NativeHistogram,
  right: NativeHistogram,
  notes: HistogramNotes,
): OperatorResult | "incompatible" {
  switch (operator) {
    case "+":
    case "-":
      return combined(operator, left, right, notes);
    case "==":
      return areEqual(left, right);
    case "!=":
      return !areEqual(left, right);
    default:
      return "incompatible";
  }
}

function combined(
  operator: "+" | "-",
  left: NativeHistogram,
  right: NativeHistogram,
  notes: HistogramNotes,
): NativeHistogram | undefined {
  const sum = new HistogramSum(left);
  if (!(operator === "+" ? sum.add(right) : sum.subtract(right))) {
    notes.incompatibleLayout(operator);
    return undefined;
  }
  const operation = operator === "+" ? "addition" : "subtraction";
  if (sum.collision) notes.conflictingResets(operation);
  if (sum.reconciled) notes.reconciled(operation);
  // A difference may go down.
  if (operator === "-") sum.hint = "gauge";
  return sum.result();
}
