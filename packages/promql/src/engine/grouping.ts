// Which group of an aggregation each series belongs to.
import { type Labels, METRIC_NAME } from "@storewatch/model";
import type { AggregateExpr } from "../parser/ast.ts";
import type { Vector } from "./vector.ts";

export interface Grouping {
  /** For each series the number of its group. */
  readonly groupOf: Uint32Array;
  readonly labels: readonly Labels[];
  readonly dropName: readonly boolean[];
}

export function groupSeries(expr: AggregateExpr, vector: Vector): Grouping {
  const groupOf = new Uint32Array(vector.labels.length);
  const ids = new Map<string, number>();
  const labels: Labels[] = [];
  const dropName: boolean[] = [];
  const names = expr.grouping;
  vector.labels.forEach((series, i) => {
    const key = expr.without ? undefined : names.map((name) => series.get(name)).join("\u0000");
    const grouped = key === undefined ? groupLabels(expr, series) : undefined;
    const id = key ?? grouped!.key;
    let group = ids.get(id);
    if (group === undefined) {
      group = labels.length;
      ids.set(id, group);
      labels.push(grouped ?? groupLabels(expr, series));
      dropName.push(false);
    }
    groupOf[i] = group;
    if (vector.dropName[i]) dropName[group] = true;
  });
  return { groupOf, labels, dropName };
}

export function groupLabels(expr: AggregateExpr, labels: Labels): Labels {
  return expr.without ? labels.without([METRIC_NAME, ...expr.grouping]) : labels.keep(expr.grouping);
}

/** The series of each group. */
export function membersOf(grouping: Grouping): number[][] {
  const members: number[][] = grouping.labels.map(() => []);
  grouping.groupOf.forEach((group, i) => {
    members[group].push(i);
  });
  return members;
}
