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
    const key = expr.without ? undefined : valuesOf(series, names);
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

/** The values of these labels as one text: without an array in between, because there may be many series. */
function valuesOf(labels: Labels, names: readonly string[]): string {
  let text = names.length === 0 ? "" : labels.get(names[0]);
  for (let i = 1; i < names.length; i++) text += `\u0000${labels.get(names[i])}`;
  return text;
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
