// Whether the last reload was taken: a refused one keeps the old configuration, which then is not what the files say.
import type { Clock } from "@storewatch/model";
import { Gauge } from "prom-client";
import type { SelfMetrics } from "../kernel/self-metrics.ts";

/** `reload`, told in metrics; the start counts as the first one. */
export function watchedReload(reload: () => Promise<void>, metrics: SelfMetrics, clock: Clock): () => Promise<void> {
  const registers = [metrics];
  const isTaken = new Gauge({
    name: "storewatch_config_last_reload_successful",
    help: "1 when the last reload of the configuration was taken, 0 when it was refused and the old one stays in force.",
    registers,
  });
  const takenAt = new Gauge({
    name: "storewatch_config_last_reload_success_timestamp_seconds",
    help: "When the configuration in force was taken, Unix time.",
    registers,
  });
  const taken = () => {
    isTaken.set(1);
    takenAt.set(clock.nowMs() / 1000);
  };
  taken();
  return async () => {
    try {
      await reload();
    } catch (error) {
      isTaken.set(0);
      throw error;
    }
    taken();
  };
}
