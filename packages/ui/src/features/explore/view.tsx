import { Button, Menu, SegmentedControl, Skeleton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { History, Play } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { InstantResult, RangeResult } from "../../api/prometheus.ts";
import { useUrlActions } from "../../app/url-state.ts";
import { Legend } from "../../chart/legend.tsx";
import { seriesColor, seriesDash } from "../../chart/palette.ts";
import { TimeChart } from "../../chart/time-chart.tsx";
import { Empty, Panel, Problem } from "../../design/blocks.tsx";
import { duration, plainNumber } from "../../design/numbers.ts";
import { span } from "../../design/times.ts";
import { unitFormat } from "../../design/units.ts";
import { currentLanguage } from "../../text/index.ts";
import { exploreChart, resultTable } from "./result.ts";
import { useExplore } from "./use-explore.ts";
import "./explore.css";

const PromqlEditor = lazy(() => import("./editor.tsx"));

const EXAMPLES = [
  ["orders", 'sum by (tenant_id) (rate(orders_total{status="paid"}[10m])) * 3600'],
  [
    "errors",
    'sum by (tenant_id) (rate(http_requests_total{status_code=~"5.."}[5m])) / sum by (tenant_id) (rate(http_requests_total[5m]))',
  ],
  ["latency", "histogram_quantile(0.95, sum by (le, route) (rate(http_request_duration_seconds_bucket[5m])))"],
  ["up", "up"],
] as const;

export function ExplorePage() {
  const { t } = useTranslation();
  const explore = useExplore();
  const { chart, table, stepMs } = explore.results;
  return (
    <div className="stack">
      <h1 className="sr-only">{t("explore.title")}</h1>
      <div className="explore-editor">
        <Suspense fallback={<Skeleton height={38} m={1} />}>
          <PromqlEditor
            value={explore.draft}
            label="PromQL"
            hint={t("explore.placeholder")}
            onChange={explore.setDraft}
            onRun={explore.run}
          />
        </Suspense>
        <div className="explore-actions">
          <HistoryMenu history={explore.history} onPick={explore.run} onClear={explore.clearHistory} />
          <Button
            leftSection={<Play size={14} />}
            onClick={() => explore.run(explore.draft)}
            loading={chart.isFetching && !chart.isRefetching}
          >
            {t("explore.run")}
          </Button>
        </div>
      </div>
      {explore.expression === undefined ? (
        <Examples onPick={explore.run} />
      ) : (
        <>
          <div className="spread">
            <SegmentedControl
              size="xs"
              value={explore.view}
              onChange={explore.setView}
              data={[
                { value: "both", label: t("explore.both") },
                { value: "chart", label: t("explore.chart") },
                { value: "table", label: t("explore.table") },
              ]}
            />
            {chart.data && (
              <span className="hint">
                {t("explore.series", { count: chart.data.result.series.length })} ·{" "}
                {t("explore.step", { step: span(stepMs, currentLanguage()) })} · {duration(chart.data.tookMs / 1000)}
              </span>
            )}
          </div>
          {chart.isError && <Problem title={t("explore.failed")} error={chart.error} />}
          {!chart.isError && explore.view !== "table" && (
            <ResultChart result={chart.data?.result} expression={explore.expression} />
          )}
          {!chart.isError && explore.view !== "chart" && <ResultTableView result={table.data} />}
        </>
      )}
      <p className="hint wide-only">{t("explore.hint")}</p>
    </div>
  );
}

function HistoryMenu({
  history,
  onPick,
  onClear,
}: {
  readonly history: readonly string[];
  readonly onPick: (text: string) => void;
  readonly onClear: () => void;
}) {
  const { t } = useTranslation();
  return (
    <Menu position="bottom-end" width={520}>
      <Menu.Target>
        <Button variant="default" leftSection={<History size={14} />}>
          {t("explore.history")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: "auto", maxWidth: "94vw" }}>
        {history.length === 0 && <Menu.Label>{t("explore.noHistory")}</Menu.Label>}
        {history.map((text) => (
          <Menu.Item key={text} onClick={() => onPick(text)}>
            <code className="history-item">{text}</code>
          </Menu.Item>
        ))}
        {history.length > 0 && <Menu.Divider />}
        {history.length > 0 && <Menu.Item onClick={onClear}>{t("explore.clear")}</Menu.Item>}
      </Menu.Dropdown>
    </Menu>
  );
}

function Examples({ onPick }: { readonly onPick: (text: string) => void }) {
  const { t } = useTranslation();
  return (
    <Panel>
      <Empty title={t("explore.empty")} why={t("explore.emptyWhy")}>
        <div className="examples">
          {EXAMPLES.map(([key, text]) => (
            <button key={key} type="button" onClick={() => onPick(text)}>
              <b>{t(`explore.examples.${key}`)}</b>
              <code>{text}</code>
            </button>
          ))}
        </div>
      </Empty>
    </Panel>
  );
}

function ResultChart({
  result,
  expression,
}: {
  readonly result: RangeResult | undefined;
  readonly expression: string;
}) {
  const { t } = useTranslation();
  const { setWindow } = useUrlActions();
  const [picked, setPicked] = useState<string>();
  if (!result) {
    return (
      <Panel>
        <Skeleton height={320} />
      </Panel>
    );
  }
  if (result.series.length === 0) {
    return (
      <Panel>
        <Empty title={t("explore.noResult")} why={t("explore.noResultWhy")}>
          <Link to="/targets">{t("nav.targets")}</Link>
        </Empty>
      </Panel>
    );
  }
  const chart = exploreChart(result, expression);
  const coloured = chart.lines.map((line, i) => ({ ...line, color: seriesColor(i), dash: seriesDash(i) }));
  const shown = picked === undefined ? coloured : coloured.filter((line) => line.name === picked);
  return (
    <Panel>
      <TimeChart
        label={expression}
        timesMs={chart.timesMs}
        lines={shown.length > 0 ? shown : coloured}
        fromMs={result.fromMs}
        toMs={result.toMs}
        height={320}
        format={unitFormat("short")}
        onSelect={setWindow}
      />
      <Legend
        items={coloured.map((line) => ({ name: line.name, color: line.color, dash: Boolean(line.dash) }))}
        picked={picked}
        onPick={(name) => setPicked(picked === name ? undefined : name)}
      />
      {chart.drawn < chart.total && (
        <p className="hint">{t("explore.legendMore", { shown: chart.drawn, count: chart.total })}</p>
      )}
      {result.warnings.map((warning) => (
        <p key={warning} className="hint state-warn">
          {warning}
        </p>
      ))}
    </Panel>
  );
}

/** Rows drawn at once: more make the page slow and nobody reads them. */
const ROWS = 500;

function ResultTableView({ result }: { readonly result: InstantResult | undefined }) {
  const { t } = useTranslation();
  if (!result || result.samples.length === 0) return null;
  const { columns, rows } = resultTable(result.samples);
  return (
    <Panel flush>
      <div className="table-scroll">
        <table className="table">
          <thead>
            <tr>
              {columns.map((name) => (
                <th key={name}>{name === "__name__" ? "metric" : name}</th>
              ))}
              <th className="number">{t("common.value")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, ROWS).map((row) => (
              <tr key={JSON.stringify(row.labels)}>
                {columns.map((name) => (
                  <td key={name}>{row.labels[name] ?? ""}</td>
                ))}
                <td className="number" title={String(row.value)}>
                  {plainNumber(row.value)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > ROWS && <p className="table-foot">{t("common.others", { count: rows.length - ROWS })}</p>}
    </Panel>
  );
}
