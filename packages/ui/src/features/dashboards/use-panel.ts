import type { VariableValues } from "@storewatch/model/dashboard";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { queryInstant, queryRange } from "../../api/prometheus.ts";
import type { TimeRange } from "../../app/url-state.ts";
import { type Frame, instantSeriesFrames, seriesFrames, tableFrame } from "./frames.ts";
import type { PlacedPanel } from "./grid.ts";
import { type PlannedTarget, planTargets } from "./panel-query.ts";
import { transform } from "./transformations.ts";

export interface PanelData {
  readonly frames: readonly Frame[];
  readonly fromMs: number;
  readonly toMs: number;
  /** Of the queries that failed; the others' data are there. */
  readonly problems: readonly unknown[];
}

/** Asks a panel's queries while it is in view. */
export function usePanelData(
  placed: PlacedPanel,
  values: VariableValues,
  range: TimeRange,
  widthPx: number,
  inView: boolean,
) {
  const { panel, own } = placed;
  const all = useMemo(() => new Map([...values, ...own]), [values, own]);
  const roundedWidth = Math.ceil(widthPx / 200) * 200;
  const keyPlan = useMemo(() => {
    const { fromMs, toMs } = range.window();
    return planTargets({ panel, values: all, fromMs, toMs, widthPx: roundedWidth });
  }, [panel, all, range, roundedWidth]);
  const query = useQuery({
    queryKey: [
      "samples",
      "panel",
      range.key,
      keyPlan.map((plan) => [plan.expression, plan.stepMs, plan.instant, plan.legend, plan.table]),
      panel.transformations,
    ],
    enabled: inView && widthPx > 0 && keyPlan.length > 0,
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: async ({ signal }): Promise<PanelData> => {
      const { fromMs, toMs } = range.window();
      const results = await Promise.allSettled(
        keyPlan.map((plan) => askTarget(plan, fromMs, toMs, keyPlan.length > 1, signal)),
      );
      const frames = results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
      const problems = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
      if (problems.length > 0 && problems.length === keyPlan.length) throw problems[0];
      return { frames: transform(frames, panel.transformations), fromMs, toMs, problems };
    },
  });
  return { query, plan: keyPlan };
}

async function askTarget(
  plan: PlannedTarget,
  fromMs: number,
  toMs: number,
  several: boolean,
  signal: AbortSignal,
): Promise<Frame[]> {
  if (plan.instant) {
    const result = await queryInstant(plan.expression, toMs, signal);
    return plan.table
      ? [tableFrame(plan.target, result, several)]
      : instantSeriesFrames(plan.target, plan.expression, result, plan.legend);
  }
  return seriesFrames(
    plan.target,
    plan.expression,
    await queryRange(plan.expression, fromMs, toMs, plan.stepMs, signal),
    plan.legend,
  );
}
