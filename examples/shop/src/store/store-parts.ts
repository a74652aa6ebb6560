import type { Performance } from "@storewatch/sdk";
import type { FaultSwitches } from "../faults/switches.ts";

/** What the store takes from the rest of the shop. */
export interface StoreParts {
  readonly faults: FaultSwitches;
  /** Tells slow statements. */
  readonly performance: Pick<Performance, "timeQuery">;
  readonly random: () => number;
}
