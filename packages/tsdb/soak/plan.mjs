// What the kill test writes: everything follows from the step's number. Some series are always there, some come and go
// (churn), some are in a row only now and then (markers), one has awkward bits.
export const START_MS = 1_700_000_000_000 - (1_700_000_000_000 % 3_600_000);
export const INTERVAL_MS = 15_000;
export const RETENTION_MS = 3 * 3_600_000;
const HOUR_MS = 3_600_000;
/** Two classes by target, intervals kept longer than samples. */
export const RETENTION = {
  default: { name: "default", timeMs: RETENTION_MS, fiveMinutesMs: 5 * HOUR_MS, oneHourMs: 8 * HOUR_MS },
  classes: [{ name: "long", timeMs: RETENTION_MS + 2 * HOUR_MS, fiveMinutesMs: 0, oneHourMs: 8 * HOUR_MS }],
  label: "target",
  classOf: (target) => (target === "2" ? "long" : undefined),
};
/** Samples of this series are deleted now and then, up to this many steps before the newest. */
export const DELETED = { name: "sometimes", target: 1, behindSteps: 25, everySteps: 60 };
export const TARGETS = 3;

export function rowNames(_target, step) {
  const names = ["steady_total", "gauge", "zero"];
  for (let i = 0; i < 20; i++) names.push(`series_${i}`);
  if (step % 7 < 4) names.push("sometimes");
  names.push(`pod_${Math.floor(step / 90)}`);
  return names;
}

export function sampleNames(step) {
  const names = ["rule:a", "rule:b"];
  if (step % 3 === 0) names.push(`job_${Math.floor(step / 200)}`);
  return names;
}

export function rowValue(name, target, step) {
  if (name === "steady_total") return step * 3 + target;
  if (name === "gauge") return Math.sqrt(step) + target;
  if (name === "zero") return step % 2 === 0 ? 0 : -0;
  return name.length * 1000 + (step % 500) / 4;
}

export function sampleValue(name, step) {
  return name.length + Math.sin(step);
}
