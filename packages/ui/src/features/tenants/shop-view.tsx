import { Skeleton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import type { Annotation, TenantOverview } from "@storewatch/model/api";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { RequestError } from "../../api/http.ts";
import { readTenantOverview } from "../../api/storewatch.ts";
import { useTimeRange, useUrlActions } from "../../app/url-state.ts";
import { Legend } from "../../chart/legend.tsx";
import { SpanTrack } from "../../chart/span-track.tsx";
import { TimeChart } from "../../chart/time-chart.tsx";
import { Empty, Headline, Loaded, Panel } from "../../design/blocks.tsx";
import { duration, NOTHING, percent } from "../../design/numbers.ts";
import { moment, span } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { DeployFacts } from "../alerts/deploy-facts.tsx";
import { SilenceButton } from "../alerts/silence-button.tsx";
import { commonFigures, FigureRow } from "../overview/figures.tsx";
import { reasonText, shopSentence, toldReason } from "../overview/headline.ts";
import { alertRows, type Lane, shopLanes } from "./lanes.ts";
import { useShopDeploys } from "./use-deploys.ts";
import "./shop.css";

export function ShopPage() {
  const { t } = useTranslation();
  const { id } = useParams({ from: "/tenants/$id" });
  const range = useTimeRange();
  const query = useQuery({
    queryKey: ["samples", "shop", id, range.key],
    queryFn: () => {
      const { fromMs, toMs } = range.window();
      return readTenantOverview(id, fromMs, range.live ? undefined : toMs);
    },
    placeholderData: (old, previous) => (previous?.queryKey[2] === id ? keepPreviousData(old) : undefined),
  });
  if (query.error instanceof RequestError && query.error.status === 404) {
    return (
      <Empty title={t("shop.notFound", { id })} why={t("shop.notFoundHint")}>
        <Link to="/tenants">{t("shop.allShops")}</Link>
      </Empty>
    );
  }
  return (
    <Loaded query={query} skeleton={<ShopSkeleton />}>
      {(page) => <ShopBody page={page} />}
    </Loaded>
  );
}

function ShopBody({ page }: { readonly page: TenantOverview }) {
  const { t } = useTranslation();
  const { shop } = page;
  const language = currentLanguage();
  const told = toldReason(shop);
  // The same alert may fire in two severities.
  const others = [...new Set(shop.reasons.filter((reason) => reason !== told).map((reason) => reasonText(reason, t)))];
  const facts = [shop.tier, shop.timezone, shop.currency].filter(Boolean).join(" · ");
  const figures = [
    ...commonFigures(shop.figures, t),
    { name: t("shop.conversion"), value: rateText(page.conversionRate) },
    { name: t("shop.abandonment"), value: rateText(page.cartAbandonmentRate) },
    // Only shops whose pages have the browser entry.
    ...(page.pageLoadSeconds === null ? [] : [{ name: t("shop.pageLoad"), value: duration(page.pageLoadSeconds) }]),
  ];
  return (
    <div className="stack">
      <Headline
        state={shop.health}
        action={<SilenceButton labels={{ tenant_id: shop.id }} text={t("shop.silence")} />}
        detail={
          <>
            {others.length > 0 && <span className="also">{t("headline.also", { reasons: others.join(", ") })}</span>}
            <span className="facts-line">{facts}</span>
          </>
        }
      >
        {shopSentence(shop, page.atMs, t, language)}
      </Headline>
      <FigureRow figures={figures} />
      <Lanes page={page} />
    </div>
  );
}

/** The shop reports percent (0–100) or a ratio (0–1): what is above 1 cannot be a ratio. */
function rateText(value: number | null): string {
  if (value === null) return NOTHING;
  return percent(value > 1 ? value / 100 : value);
}

/** px; the same for all lanes, so that their time axes align. */
const AXIS_WIDTH = { wide: 74, phone: 56 } as const;

function Lanes({ page }: { readonly page: TenantOverview }) {
  const { t } = useTranslation();
  const { setWindow } = useUrlActions();
  const axisWidth = useMediaQuery("(max-width: 720px)") ? AXIS_WIDTH.phone : AXIS_WIDTH.wide;
  const { timesMs } = page;
  const [fromMs, toMs] = [timesMs[0] ?? page.fromMs, timesMs[timesMs.length - 1] ?? page.toMs];
  const { deploys, marks } = useShopDeploys(page.shop.id, fromMs, toMs);
  const lanes = shopLanes(page, t("overview.before", { span: span(page.toMs - page.fromMs, currentLanguage()) }), t);
  const chart = {
    timesMs,
    fromMs,
    toMs,
    min: 0,
    marks,
    syncKey: `shop-${page.shop.id}`,
    axisWidth,
    onSelect: setWindow,
  };
  return (
    <Panel className="lanes" aside={<span className="wide-only">{t("shop.brush")}</span>} title={page.shop.name}>
      {lanes.map((lane, i) => (
        <LaneRow key={lane.key} lane={lane}>
          <TimeChart
            label={lane.title}
            lines={lane.lines}
            format={lane.format}
            reach={lane.reach}
            height={i === lanes.length - 1 ? 138 : 116}
            hideTimes={i < lanes.length - 1}
            {...chart}
          />
        </LaneRow>
      ))}
      <AlertLane page={page} fromMs={fromMs} toMs={toMs} indent={axisWidth} />
      <DeployLane deploys={deploys} atMs={page.atMs} indent={axisWidth} />
    </Panel>
  );
}

function LaneRow({ lane, children }: { readonly lane: Lane; readonly children: React.ReactNode }) {
  const { t } = useTranslation();
  return (
    <div className="lane">
      <div className="lane-head">
        <h3>{lane.title}</h3>
        {lane.lines.length > 1 && (
          <Legend
            items={lane.lines.map((line) => ({ name: line.name, color: line.color ?? "", dash: Boolean(line.dash) }))}
          />
        )}
        <Link to="/explore" search={(old) => ({ ...old, expr: lane.expression })} className="lane-more">
          {t("shop.openExplore")}
        </Link>
      </div>
      <div className="lane-chart">{children}</div>
    </div>
  );
}

function AlertLane({
  page,
  fromMs,
  toMs,
  indent,
}: {
  readonly indent: number;
  readonly page: TenantOverview;
  readonly fromMs: number;
  readonly toMs: number;
}) {
  const { t } = useTranslation();
  const rows = alertRows(page, fromMs, toMs);
  return (
    <div className="lane lane-list">
      <div className="lane-head">
        <h3>{t("shop.alerts")}</h3>
      </div>
      <div className="lane-rows" style={{ paddingLeft: indent }}>
        {rows.length === 0 && <p className="muted">{t("shop.noAlerts")}</p>}
        {rows.map((row) => (
          <Link
            key={`${row.alert} ${row.severity}`}
            to="/alerts"
            search={(old) => ({ ...old, alert: row.alert, tenant: page.shop.id })}
            className="span-row"
          >
            <span className="span-name">
              {row.alert} <span className="muted">{row.severity}</span>
            </span>
            <SpanTrack spans={row.spans} critical={row.severity === "critical"} atMs={page.atMs} />
          </Link>
        ))}
      </div>
    </div>
  );
}

function DeployLane({
  deploys,
  atMs,
  indent,
}: {
  readonly indent: number;
  readonly deploys: readonly Annotation[];
  readonly atMs: number;
}) {
  const { t } = useTranslation();
  return (
    <div className="lane lane-list">
      <div className="lane-head">
        <h3>{t("shop.deploys")}</h3>
      </div>
      <div className="lane-rows" style={{ paddingLeft: indent }}>
        {deploys.length === 0 && <p className="muted">{t("shop.noDeploys")}</p>}
        {deploys.slice(0, 8).map((deploy) => (
          <p key={deploy.id} className="deploy">
            <i aria-hidden="true" />
            <span>{moment(deploy.time, atMs, currentLanguage())}</span>
            <span className="deploy-words">
              <span className="muted">{deploy.text}</span>{" "}
              <DeployFacts commit={deploy.data?.commit} link={deploy.data?.link} />
            </span>
          </p>
        ))}
      </div>
    </div>
  );
}

function ShopSkeleton() {
  return (
    <div className="stack" aria-busy="true">
      <div className="headline">
        <Skeleton height={26} width="min(520px, 90%)" mt={4} />
      </div>
      <Skeleton height={84} radius={8} />
      <Skeleton height={760} radius={8} />
    </div>
  );
}
