import { Skeleton } from "@mantine/core";
import type { Overview } from "@storewatch/model/api";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { overviewQuery } from "../../api/queries.ts";
import { useTimeRange, useUrlActions } from "../../app/url-state.ts";
import { Legend } from "../../chart/legend.tsx";
import { SERIES_COLORS } from "../../chart/palette.ts";
import { TimeChart } from "../../chart/time-chart.tsx";
import type { ChartLine } from "../../chart/types.ts";
import { Empty, Headline, Lines, Loaded, Panel } from "../../design/blocks.tsx";
import { count, duration } from "../../design/numbers.ts";
import { span } from "../../design/times.ts";
import { requestsPerSecond } from "../../design/units.ts";
import { currentLanguage } from "../../text/index.ts";
import { useDeployMarks } from "../tenants/use-deploys.ts";
import { FigureRow, platformFigures } from "./figures.tsx";
import { overviewHeadline } from "./headline.ts";
import { ShopTable } from "./shop-table.tsx";
import "./overview.css";

export function OverviewPage() {
  const range = useTimeRange();
  // Absolute ranges: the overview is about now, so it shows the length of the range up to now.
  const query = useQuery({
    ...overviewQuery(`${Math.round(range.rangeMs / 1000)}s`),
    placeholderData: keepPreviousData,
  });
  return (
    <Loaded query={query} skeleton={<OverviewSkeleton />}>
      {(overview) => <OverviewBody overview={overview} />}
    </Loaded>
  );
}

function OverviewBody({ overview }: { readonly overview: Overview }) {
  const { t } = useTranslation();
  if (overview.shops.length === 0) {
    return <Empty title={t("overview.noShops")} why={t("overview.noShopsWhy")} command="npm start" />;
  }
  const words = overviewHeadline(overview, t, currentLanguage());
  return (
    <div className="stack overview">
      <Headline state={words.state} detail={words.detail} action={<SeeWhy shop={words.shop} alerts={words.alerts} />}>
        {words.sentence}
      </Headline>
      <FigureRow figures={platformFigures(overview, t)} />
      <OverviewCharts overview={overview} />
      <ShopTable overview={overview} />
    </div>
  );
}

function SeeWhy({ shop, alerts }: { readonly shop: string | undefined; readonly alerts: boolean }) {
  const { t } = useTranslation();
  if (alerts)
    return (
      <Link to="/alerts" className="see-why">
        {t("overview.seeWhy")}
      </Link>
    );
  if (shop === undefined) return null;
  return (
    <Link to="/tenants/$id" params={{ id: shop }} className="see-why">
      {t("overview.seeWhy")}
    </Link>
  );
}

const OUTCOME_COLORS: Readonly<Record<string, string>> = {
  "2xx": SERIES_COLORS[0],
  "3xx": SERIES_COLORS[2],
  "4xx": SERIES_COLORS[1],
  "5xx": "var(--crit)",
};

function OverviewCharts({ overview }: { readonly overview: Overview }) {
  const { t } = useTranslation();
  const { setWindow } = useUrlActions();
  const { timesMs, charts, stepMs } = overview;
  const [fromMs, toMs] = [timesMs[0] ?? overview.atMs - overview.rangeMs, timesMs[timesMs.length - 1] ?? overview.atMs];
  const marks = useDeployMarks(fromMs, toMs);
  const before = t("overview.before", { span: span(overview.rangeMs, currentLanguage()) });
  const shared = { timesMs, fromMs, toMs, height: 190, min: 0, marks, syncKey: "overview", onSelect: setWindow };
  const orders: ChartLine[] = charts.orders.map((line) =>
    line.name === "before"
      ? { name: before, values: line.values, color: "var(--faint)", dash: [4, 4], width: 1.2 }
      : { name: t("overview.orders"), values: line.values, color: SERIES_COLORS[0], fill: 0.08 },
  );
  const requests: ChartLine[] = charts.requests.map((line) => ({
    name: t(`overview.outcome${line.name}`),
    values: line.values,
    color: OUTCOME_COLORS[line.name],
  }));
  const latency: ChartLine[] = charts.latency.map((line, i) => ({
    name: line.name,
    values: line.values,
    color: SERIES_COLORS[i === 0 ? 2 : 4],
    dash: i === 0 ? [5, 3] : undefined,
  }));
  const step = span(stepMs, currentLanguage());
  return (
    <div className="panels">
      <ChartPanel
        title={t("overview.chartOrders")}
        lines={orders}
        format={count}
        shared={shared}
        aside={t("explore.step", { step })}
      />
      <ChartPanel title={t("overview.chartRequests")} lines={requests} format={requestsPerSecond} shared={shared} />
      <ChartPanel title={t("overview.chartLatency")} lines={latency} format={duration} shared={shared} />
    </div>
  );
}

type Shared = Omit<Parameters<typeof TimeChart>[0], "label" | "lines" | "format">;

function ChartPanel(props: {
  readonly title: string;
  readonly lines: readonly ChartLine[];
  readonly format: (value: number | null | undefined) => string;
  readonly shared: Shared;
  readonly aside?: string;
}) {
  return (
    <Panel title={props.title} aside={props.aside}>
      <TimeChart label={props.title} lines={props.lines} format={props.format} {...props.shared} />
      <Legend
        items={props.lines.map((line) => ({ name: line.name, color: line.color ?? "", dash: Boolean(line.dash) }))}
      />
    </Panel>
  );
}

/** The shape of what comes, so that nothing jumps. */
function OverviewSkeleton() {
  return (
    <div className="stack" aria-busy="true">
      <div className="headline">
        <Skeleton height={26} width="min(560px, 90%)" mt={4} />
      </div>
      <Skeleton height={84} radius={8} />
      <div className="panels">
        <Skeleton height={260} radius={8} />
        <Skeleton height={260} radius={8} />
        <Skeleton height={260} radius={8} />
      </div>
      <Panel>
        <Lines count={8} height={16} />
      </Panel>
    </div>
  );
}
