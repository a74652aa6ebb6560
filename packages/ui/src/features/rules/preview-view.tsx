import { useMediaQuery } from "@mantine/hooks";
import type { RulePreview } from "@storewatch/model/api";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useUrlActions } from "../../app/url-state.ts";
import { Legend } from "../../chart/legend.tsx";
import { seriesColor, seriesDash } from "../../chart/palette.ts";
import { SpanTrack } from "../../chart/span-track.tsx";
import { TimeChart } from "../../chart/time-chart.tsx";
import { Chips } from "../../design/blocks.tsx";
import { duration, plainNumber, scaled } from "../../design/numbers.ts";
import { moment, span } from "../../design/times.ts";
import { unitFormat } from "../../design/units.ts";
import { currentLanguage } from "../../text/index.ts";
import { previewChart } from "./preview-chart.ts";

const AXIS_WIDTH = { wide: 62, phone: 52 } as const;

/** What the rule would have done: a sentence, the value beside its threshold, the times of each alert on the same axis. */
export function PreviewView({ preview, height = 220 }: { readonly preview: RulePreview; readonly height?: number }) {
  const { t } = useTranslation();
  const { setWindow } = useUrlActions();
  const axisWidth = useMediaQuery("(max-width: 720px)") ? AXIS_WIDTH.phone : AXIS_WIDTH.wide;
  const chart = useMemo(() => previewChart(preview), [preview]);
  const critical = preview.lastFiring?.labels.severity === "critical" || preview.lastFiring?.labels.severity === "page";
  const lines = chart.lines.map((line, i) => ({ ...line, color: seriesColor(i), dash: seriesDash(i) }));
  const { threshold } = preview;
  return (
    <div className="rule-preview">
      {preview.type === "alerting" && <PreviewSentence preview={preview} />}
      {preview.seriesTotal === 0 ? (
        <p className="muted rule-preview-none">{t("rules.noValues")}</p>
      ) : (
        <TimeChart
          label={preview.name}
          timesMs={chart.timesMs}
          lines={lines}
          fromMs={preview.fromMs}
          toMs={preview.toMs}
          height={height}
          axisWidth={axisWidth}
          format={unitFormat("short")}
          thresholds={threshold ? [{ value: threshold.value, color: "var(--crit)" }] : []}
          reach={threshold?.value}
          onSelect={setWindow}
        />
      )}
      {chart.rows.length > 0 && (
        <div className="rule-preview-rows" style={{ paddingLeft: axisWidth }}>
          {chart.rows.map((row) => (
            <div key={row.key} className="span-row">
              <span className="span-name">{row.name || preview.name}</span>
              <SpanTrack spans={row.spans} critical={critical} atMs={preview.toMs} />
            </div>
          ))}
          {chart.moreRows > 0 && <p className="hint">{t("rules.moreAlerts", { count: chart.moreRows })}</p>}
        </div>
      )}
      {lines.length > 1 && (
        <Legend items={lines.map((line) => ({ name: line.name, color: line.color, dash: Boolean(line.dash) }))} />
      )}
      {chart.hidden > 0 && (
        <p className="hint">{t("explore.legendMore", { shown: chart.lines.length, count: preview.seriesTotal })}</p>
      )}
      <p className="hint">
        {t("rules.previewCost", {
          time: duration(preview.cost.evaluationMs / 1000),
          samples: scaled(preview.cost.samples, ""),
          step: span(preview.stepMs, currentLanguage()),
        })}
      </p>
    </div>
  );
}

/** "Would have fired 3 times in 6 h; it fires for 2 now." */
function PreviewSentence({ preview }: { readonly preview: RulePreview }) {
  const { t } = useTranslation();
  const range = span(preview.toMs - preview.fromMs, currentLanguage());
  const first =
    preview.firings === 0
      ? preview.alertsTotal === 0
        ? t("rules.neverTrue", { span: range })
        : t("rules.neverLongEnough", { span: range })
      : t("rules.wouldFire", { count: preview.firings, span: range });
  const now = [
    preview.firingNow > 0 ? t("rules.firesNow", { count: preview.firingNow }) : "",
    preview.pendingNow > 0 ? t("rules.pendingNow", { count: preview.pendingNow }) : "",
  ].filter((text) => text !== "");
  return <p className="rule-preview-words">{[first, ...now].join(" ")}</p>;
}

/** The newest alert with its texts, as a receiver would get them. */
export function LastFiring({ last }: { readonly last: NonNullable<RulePreview["lastFiring"]> }) {
  const { t } = useTranslation();
  return (
    <div className="last-firing">
      <p className="muted">
        {t("rules.asTold", { time: moment(last.atMs, Date.now(), currentLanguage()) })}
        {last.value !== null && ` · ${t("alerts.value")} ${plainNumber(last.value)}`}
      </p>
      <Chips labels={last.labels} />
      <dl>
        {Object.entries(last.annotations).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
