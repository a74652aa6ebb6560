// The rule engine's own metrics.
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export interface RuleMetrics {
  /** One evaluation of a group. */
  evaluated(occasion: "tick" | "arrival", seconds: number): void;
  failed(): void;
  missed(count: number): void;
}

export function createRuleMetrics(
  registry: Registry,
  alertCount: (state: "pending" | "firing") => number,
): RuleMetrics {
  const duration = new Histogram({
    name: "storewatch_rule_evaluation_duration_seconds",
    help: "Time for one evaluation of a rule group, by what caused it: its interval or the arrival of data.",
    labelNames: ["occasion"],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
    registers: [registry],
  });
  const failures = new Counter({
    name: "storewatch_rule_evaluation_failures_total",
    help: "Rules that could not be evaluated.",
    registers: [registry],
  });
  const missed = new Counter({
    name: "storewatch_rule_group_iterations_missed_total",
    help: "Interval ticks of rule groups that were left out because evaluation was late.",
    registers: [registry],
  });
  new Gauge({
    name: "storewatch_rule_alerts",
    help: "Alerts of the rules, by state.",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      for (const state of ["pending", "firing"] as const) this.set({ state }, alertCount(state));
    },
  });
  return {
    evaluated: (occasion, seconds) => duration.observe({ occasion }, seconds),
    failed: () => failures.inc(),
    missed: (count) => missed.inc(count),
  };
}
