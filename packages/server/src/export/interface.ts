import type { Clock, Labels } from "@storewatch/model";
import type { QueryService } from "../query/interface.ts";
import type { MetricStore } from "../store/interface.ts";

export interface ExportDependencies {
  readonly query: Pick<QueryService, "read">;
  readonly store: Pick<MetricStore, "selectSlices">;
  readonly clock: Clock;
  /** Lets others have their turn while much is read. */
  readonly nextTurn: () => Promise<void>;
  /** Put on what leaves, where a series has no such label. */
  readonly externalLabels: () => Labels;
}
