// The routing tree as rows with their connecting lines, and what a test did at each node.
import type { RouteNode, RoutingStep, RoutingTestResult, VisitedNode } from "@storewatch/model/api";

/** How a node stands in a test: it handles the alert, the way led through it, it did not match, nobody looked at it. */
export type NodePlace = "chosen" | "way" | "refused" | "unseen";

export interface TreeRow {
  readonly node: RouteNode;
  /** For each level above this one: whether a line passes on to a later branch. */
  readonly passing: readonly boolean[];
  /** The last branch of its parent. */
  readonly last: boolean;
  /** undefined without a test. */
  readonly place: NodePlace | undefined;
  readonly matchers: ReadonlyArray<{ readonly text: string; readonly matched: boolean | undefined }>;
}

export function treeRows(nodes: readonly RouteNode[], test: RoutingTestResult | undefined): TreeRow[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const visited = new Map(test?.path.map((step) => [step.id, step]));
  const isLast = (node: RouteNode): boolean =>
    node.parent === null || byId.get(node.parent)?.children.at(-1) === node.id;
  return nodes.map((node) => {
    const passing: boolean[] = [];
    for (let above = parentOf(node, byId); above && above.parent !== null; above = parentOf(above, byId))
      passing.unshift(!isLast(above));
    const step = visited.get(node.id);
    return {
      node,
      passing,
      last: isLast(node),
      place: test && placeOf(step),
      matchers: step?.matchers ?? node.matchers.map((text) => ({ text, matched: undefined })),
    };
  });
}

const parentOf = (node: RouteNode, byId: ReadonlyMap<string, RouteNode>): RouteNode | undefined =>
  node.parent === null ? undefined : byId.get(node.parent);

function placeOf(step: VisitedNode | undefined): NodePlace {
  if (!step) return "unseen";
  if (step.chosen) return "chosen";
  return step.matched ? "way" : "refused";
}

/** Receivers that a test names, by what happens: told ones first. */
export function outcomes(steps: readonly RoutingStep[]): {
  readonly told: readonly string[];
  readonly held: readonly RoutingStep[];
} {
  const told = [...new Set(steps.filter((step) => step.outcome === "told").map((step) => step.receiver))];
  return { told, held: steps.filter((step) => step.outcome !== "told") };
}
