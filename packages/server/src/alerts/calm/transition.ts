// When an alert began and ceased to fire.
import { type AlertRecord, isResolved } from "../alert.ts";

export interface Transition {
  readonly firing: boolean;
  readonly atMs: number;
}

/**
 * What a report changed. An alert that its sender stopped talking of resolved by itself meanwhile: that is told with the
 * next report.
 */
export function transitionsOf(
  before: AlertRecord | undefined,
  alert: AlertRecord,
  nowMs: number,
): readonly Transition[] {
  const fired = before !== undefined && before.endsAtMs > before.updatedAtMs;
  const fires = !isResolved(alert, nowMs);
  if (fired && isResolved(before, nowMs)) {
    const ended = { firing: false, atMs: before.endsAtMs };
    return fires ? [ended, { firing: true, atMs: nowMs }] : [ended];
  }
  return fired === fires ? [] : [{ firing: fires, atMs: nowMs }];
}
