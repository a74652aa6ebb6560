// What a panel asks: its targets with variables and macros put in.
import {
  interpolateExpression,
  interpolateText,
  macroValues,
  niceInterval,
  type Panel,
  parseMinInterval,
  type Target,
  type VariableValues,
} from "@storewatch/model/dashboard";

export interface PlannedTarget {
  readonly target: Target;
  readonly expression: string;
  readonly legend: string | undefined;
  readonly stepMs: number;
  readonly instant: boolean;
  readonly table: boolean;
}

/** Grafana's default, which dashboards count on: $__rate_interval is four of these at least. */
const SCRAPE_INTERVAL_MS = 15_000;
const MIN_STEP_MS = 1000;

export interface PlanInput {
  readonly panel: Panel;
  readonly values: VariableValues;
  readonly fromMs: number;
  readonly toMs: number;
  /** px of the panel, for the number of points. */
  readonly widthPx: number;
}

export function planTargets({ panel, values, fromMs, toMs, widthPx }: PlanInput): PlannedTarget[] {
  const chart = panel.type === "timeseries";
  const points = panel.maxDataPoints ?? (chart ? Math.min(600, Math.max(100, Math.round(widthPx / 2))) : 100);
  return panel.targets
    .filter((target) => target.hide !== true && target.expr)
    .map((target) => {
      const own = (text: string | null | undefined) =>
        parseMinInterval(text ? interpolateText(text, values) : undefined);
      const minMs = own(target.interval) ?? own(panel.interval) ?? MIN_STEP_MS;
      const stepMs = niceInterval(toMs - fromMs, points, minMs);
      const macros = macroValues({ fromMs, toMs, intervalMs: stepMs, scrapeIntervalMs: SCRAPE_INTERVAL_MS });
      const all = new Map([...macros, ...values]);
      const table = target.format === "table";
      return {
        target,
        expression: interpolateExpression(target.expr ?? "", all),
        legend: target.legendFormat
          ? interpolateText(target.legendFormat.replaceAll("{{", "\u0001{"), values).replaceAll("\u0001{", "{{")
          : undefined,
        stepMs,
        // A table of labels is made of an instant result, unless the dashboard asks for a range in so many words.
        instant:
          target.instant === true ||
          (table && target.range !== true) ||
          (panel.type === "table" && target.range !== true),
        table,
      };
    });
}
