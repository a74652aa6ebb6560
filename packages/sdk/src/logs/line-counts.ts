import type { SafeCounter } from "../metrics/instruments.ts";
import type { Storewatch } from "../storewatch.ts";
import type { DropReason as ShippingLoss } from "./elasticsearch/shipper.ts";

export type DropReason = "sampled" | "flood" | "slow_output" | "unwritable";

/** Lines written and left out, as metrics of the service. */
export class LineCounts {
  private readonly lines: SafeCounter;
  private readonly dropped: SafeCounter;
  private readonly unshipped: SafeCounter;

  constructor(sw: Storewatch) {
    this.lines = sw.metrics.counter({
      name: "storewatch_sdk_log_lines_total",
      help: "Log lines written, by level",
      labelNames: ["level"],
    });
    this.dropped = sw.metrics.counter({
      name: "storewatch_sdk_log_lines_dropped_total",
      help: "Log lines left out: sampled as asked, beyond the rate of a tenant, because an output was too slow, or because a file could not be written",
      labelNames: ["reason"],
    });
    this.unshipped = sw.metrics.counter({
      name: "storewatch_sdk_log_lines_unshipped_total",
      help: "Log lines written that did not arrive at Elasticsearch: full, refused, expired or closed",
      labelNames: ["reason"],
    });
  }

  written(level: string): void {
    this.lines.inc({ level });
  }

  left(reason: DropReason): void {
    this.dropped.inc({ reason });
  }
  /** Lines that other outputs have and Elasticsearch does not. */
  notShipped(reason: ShippingLoss, lines: number): void {
    this.unshipped.inc({ reason }, lines);
  }
}
