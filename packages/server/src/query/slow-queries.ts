// Queries that took long: a line in the log, and the last hundred to be asked for.
import type { Clock, TenantScope } from "@storewatch/model";
import type { SlowQuery } from "@storewatch/model/api";
import type { Logger } from "../kernel/logger.ts";
import { scopeKey } from "./gate.ts";

type FinishedQuery = Omit<SlowQuery, "at" | "tenants"> & { readonly scope: TenantScope };

export interface SlowQueryLog {
  note(query: FinishedQuery): void;
  /** The newest first; callers of some shops see those of the very same shops only. */
  list(scope: TenantScope): SlowQuery[];
}

const KEPT = 100;
const EXPRESSION_LENGTH_MAX = 2000;

interface Entry {
  readonly key: string;
  readonly query: SlowQuery;
}

export function createSlowQueryLog(options: {
  readonly slowMs: number;
  readonly clock: Pick<Clock, "nowMs">;
  readonly logger: Logger;
}): SlowQueryLog {
  const { slowMs, clock, logger } = options;
  let entries: readonly Entry[] = [];
  return {
    note({ scope, ...query }) {
      if (query.duration * 1000 < slowMs) return;
      const noted: SlowQuery = {
        at: new Date(clock.nowMs()).toISOString(),
        ...query,
        expression: query.expression.slice(0, EXPRESSION_LENGTH_MAX),
        ...(scope.kind === "all" ? {} : { tenants: [...scope.ids].sort() }),
      };
      entries = [{ key: scopeKey(scope), query: noted }, ...entries.slice(0, KEPT - 1)];
      logger.warn({ ...noted }, "a query was slow");
    },
    list(scope) {
      if (scope.kind === "all") return entries.map(({ query }) => query);
      const key = scopeKey(scope);
      return entries.filter((entry) => entry.key === key).map(({ query }) => query);
    },
  };
}
