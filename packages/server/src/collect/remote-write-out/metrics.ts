// What sending to remote receivers tells of itself, by the remote's name.
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export interface RemoteState {
  readonly name: string;
  readonly lagSeconds: number;
  readonly shards: number;
}

const LABELS = ["remote"] as const;

export class RemoteWriteMetrics {
  readonly sent: Counter<"remote" | "kind">;
  readonly failed: Counter<"remote" | "reason">;
  readonly retried: Counter<"remote">;
  readonly dropped: Counter<"remote">;
  readonly bytes: Counter<"remote">;
  readonly duration: Histogram<"remote">;
  readonly segmentsDropped: Counter;

  constructor(registry: Registry, states: () => readonly RemoteState[], log: () => { bytes: number; lost: number }) {
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
      new Counter({
        name: `storewatch_remote_write_${name}`,
        help,
        labelNames: [...labelNames],
        registers: [registry],
      });
    const kinds = ["remote", "kind"] as const;
    this.sent = counter("sent_total", "What a receiver has taken: samples, histograms, exemplars, metadata.", kinds);
    const reasons = ["remote", "reason"] as const;
    this.failed = counter("failed_samples_total", "Samples never to be sent again: refused, or too old.", reasons);
    this.retried = counter("retried_samples_total", "Samples whose request is tried again.", LABELS);
    this.dropped = counter("dropped_samples_total", "Samples that write_relabel_configs left out.", LABELS);
    this.bytes = counter("sent_bytes_total", "Compressed bytes that a receiver has taken.", LABELS);
    this.duration = new Histogram({
      name: "storewatch_remote_write_request_duration_seconds",
      help: "From the request to the receiver's answer.",
      labelNames: LABELS,
      buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers: [registry],
    });
    this.segmentsDropped = counter("log_files_dropped_total", "Files of samples removed before all were sent.", []);
    const gauge = (name: string, help: string, read: (state: RemoteState) => number) =>
      new Gauge({
        name: `storewatch_remote_write_${name}`,
        help,
        labelNames: LABELS,
        registers: [registry],
        collect() {
          this.reset();
          for (const state of states()) this.set({ remote: state.name }, read(state));
        },
      });
    gauge("lag_seconds", "Age of the oldest sample that is being sent; 0: nothing waits.", (state) => state.lagSeconds);
    gauge("shards", "Requests that ran side by side the last time.", (state) => state.shards);
    const total = (name: string, help: string, read: () => number) =>
      new Gauge({
        name: `storewatch_remote_write_${name}`,
        help,
        registers: [registry],
        collect() {
          this.set(read());
        },
      });
    total("log_bytes", "Size of the samples that are kept for receivers.", () => log().bytes);
    total(
      "log_lost_samples",
      "Samples that no receiver gets because they could not be written to disk.",
      () => log().lost,
    );
  }
}
