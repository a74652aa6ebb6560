// What series of two vectors must share to match.
import { type Labels, METRIC_NAME } from "@storewatch/model";
import type { VectorMatching } from "../parser/ast.ts";
import type { Vector } from "./vector.ts";

/** The labels that two series must share to match. */
export function matchLabels(labels: Labels, matching: VectorMatching): Labels {
  return matching.on ? labels.keep(matching.labels) : labels.without([METRIC_NAME, ...matching.labels]);
}

export function signatures(vector: Vector, matching: VectorMatching): string[] {
  return vector.labels.map((labels) => matchLabels(labels, matching).key);
}
