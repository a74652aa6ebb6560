import type { Figure, Figures, Overview } from "@storewatch/model/api";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { change, count, duration, money, percent, signedPercent } from "../../design/numbers.ts";
import { requestsPerSecond } from "../../design/units.ts";

type Translate = (key: string, options?: Record<string, unknown>) => string;

export interface FigureView {
  readonly name: string;
  readonly value: string;
  readonly delta?: { readonly text: string; readonly bad: boolean };
  readonly more?: ReactNode;
}

/** A change is coloured only when it is bad and large: colour means state. */
function deltaOf(figure: Figure, bad: "up" | "down" | "none"): FigureView["delta"] {
  const ratio = change(figure.value, figure.before);
  if (ratio === null) return undefined;
  const isBad = (bad === "down" && ratio <= -0.25) || (bad === "up" && ratio >= 1);
  return { text: signedPercent(ratio), bad: isBad };
}

export function commonFigures(figures: Figures, t: Translate): FigureView[] {
  const [main, ...others] = figures.revenuePerHour;
  return [
    {
      name: t("overview.ordersPerHour"),
      value: count(figures.ordersPerHour.value),
      delta: deltaOf(figures.ordersPerHour, "down"),
    },
    {
      name: t("overview.revenuePerHour"),
      value: main ? money(main.value, main.currency) : money(null, ""),
      delta: main && deltaOf(main, "down"),
      more: others.map((sum) => `+ ${money(sum.value, sum.currency)}`).join("  "),
    },
    {
      name: t("overview.errorRatio"),
      value: percent(figures.errorRatio.value),
      delta: (figures.errorRatio.value ?? 0) >= 0.01 ? deltaOf(figures.errorRatio, "up") : undefined,
    },
    {
      name: t("overview.p95"),
      value: duration(figures.p95Seconds.value),
      delta: deltaOf(figures.p95Seconds, (figures.p95Seconds.value ?? 0) > 0.5 ? "up" : "none"),
    },
    {
      name: t("overview.requests"),
      value: requestsPerSecond(figures.requestsPerSecond.value),
      delta: deltaOf(figures.requestsPerSecond, "none"),
    },
  ];
}

export function platformFigures(overview: Overview, t: Translate): FigureView[] {
  const list = commonFigures(overview.figures, t);
  if (overview.activeConnections !== null)
    list.push({ name: t("overview.connections"), value: count(overview.activeConnections) });
  return list;
}

export function FigureRow({ figures }: { readonly figures: readonly FigureView[] }) {
  const { t } = useTranslation();
  return (
    <dl className="figures">
      {figures.map((figure) => (
        <div key={figure.name} className="figure">
          <dt>{figure.name}</dt>
          <dd>
            {figure.value}
            {figure.delta && (
              <small
                className={figure.delta.bad ? "delta-bad" : "delta"}
                title={`${figure.delta.text} ${t("common.against")}`}
              >
                {figure.delta.text}
              </small>
            )}
          </dd>
          {figure.more && <div className="figure-more">{figure.more}</div>}
        </div>
      ))}
    </dl>
  );
}
