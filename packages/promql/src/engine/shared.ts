import { METRIC_NAME } from "@storewatch/model";
import type { AggregateExpr } from "../parser/ast.ts";
import { printExpression } from "../parser/print.ts";
import { collectSelectors } from "../parser/walk.ts";
import type { Vector } from "./vector.ts";

interface Kept {
  readonly expr: AggregateExpr;
  readonly timeMs: number;
  readonly vector: Vector;
}

/**
 * Results of aggregations that instant queries of one moment have in common, as the rules of a group mostly do: what one
 * query worked out, the next one reads. For queries with the same look-back; nothing but what `forget` is told of may be
 * written to that moment meanwhile. Annotations come with the first query only.
 */
export class SharedResults {
  private readonly kept = new Map<string, Kept>();

  find(expr: AggregateExpr, timeMs: number): Vector | undefined {
    const found = this.kept.size === 0 ? undefined : this.kept.get(printExpression(expr));
    return found?.timeMs === timeMs ? found.vector : undefined;
  }

  keep(expr: AggregateExpr, timeMs: number, vector: Vector): void {
    this.kept.set(printExpression(expr), { expr, timeMs, vector });
  }

  /** Samples of this metric were written. */
  forget(metric: string): void {
    for (const [key, { expr }] of this.kept) if (mayRead(expr, metric)) this.kept.delete(key);
  }
}

function mayRead(expr: AggregateExpr, metric: string): boolean {
  return collectSelectors(expr).some(({ matchers }) =>
    matchers.every((matcher) => matcher.name !== METRIC_NAME || matcher.matches(metric)),
  );
}
