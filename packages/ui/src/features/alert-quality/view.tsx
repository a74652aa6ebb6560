import { SegmentedControl } from "@mantine/core";
import type { AlertQuality, RuleQuality } from "@storewatch/model/api";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { SectionTabs } from "../../app/section-tabs.tsx";
import { Empty, Headline, Lines, Loaded, Panel } from "../../design/blocks.tsx";
import { count, duration, NOTHING } from "../../design/numbers.ts";
import { StateMark } from "../../design/state.tsx";
import { moment } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { FigureRow } from "../overview/figures.tsx";
import "../overview/overview.css";
import { LEVEL_STATE, noiseReasons, noisyCount, type QualitySort, SORTS, sortRules } from "./noise.ts";
import { readAlertQuality } from "./quality-api.ts";
import "./quality.css";

const DAYS = [7, 30, 90] as const;

/** Which alerts are worth their noise: by rule, the noisiest first. */
export function AlertQualityPage() {
  const { days: chosen } = useSearch({ from: "/alert-quality" });
  const days = DAYS.find((one) => one === chosen) ?? 30;
  const query = useQuery({
    queryKey: ["alerts", "quality", days],
    queryFn: () => readAlertQuality(days),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
  return (
    <div className="stack">
      <SectionTabs section="/alerts" />
      <Loaded query={query} skeleton={<Lines count={10} height={18} />}>
        {(report) => <Report report={report} days={days} />}
      </Loaded>
    </div>
  );
}

function Report({ report, days }: { readonly report: AlertQuality; readonly days: number }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { sort } = useSearch({ from: "/alert-quality" });
  const by: QualitySort = SORTS.find((one) => one === sort) ?? "noise";
  const change = (next: object) => void navigate({ to: "/alert-quality", search: (old) => ({ ...old, ...next }) });
  return (
    <>
      <ReportHeadline report={report} />
      <ReportFigures totals={report.totals} />
      <div className="spread">
        <SegmentedControl
          value={String(days)}
          onChange={(value) => change({ days: value === "30" ? undefined : Number(value) })}
          data={DAYS.map((one) => ({ value: String(one), label: t("quality.days", { count: one }) }))}
        />
        <div className="row group-by">
          <span className="muted">{t("quality.sortBy")}</span>
          <SegmentedControl
            size="xs"
            value={by}
            onChange={(value) => change({ sort: value === "noise" ? undefined : value })}
            data={SORTS.map((one) => ({ value: one, label: t(`quality.sort.${one}`) }))}
          />
        </div>
      </div>
      <Panel flush>
        {report.rules.length === 0 ? (
          <Empty title={t("quality.none")} why={t("quality.noneWhy")} />
        ) : (
          <RuleTable rules={sortRules(report.rules, by)} />
        )}
      </Panel>
      <p className="hint">{t("quality.how")}</p>
    </>
  );
}

function ReportHeadline({ report }: { readonly report: AlertQuality }) {
  const { t } = useTranslation();
  const noisy = noisyCount(report.rules);
  const since = report.recordedSinceMs;
  const detail =
    since !== null && since > report.fromMs
      ? t("quality.recordedSince", { time: moment(since, Date.now(), currentLanguage()) })
      : undefined;
  if (report.totals.fired === 0)
    return (
      <Headline state="unknown" detail={detail}>
        {t("quality.headlineNone")}
      </Headline>
    );
  return (
    <Headline state={noisy > 0 ? "warn" : "ok"} detail={detail}>
      {noisy > 0 ? t("quality.headlineNoisy", { count: noisy }) : t("quality.headlineFine")}
    </Headline>
  );
}

function ReportFigures({ totals }: { readonly totals: AlertQuality["totals"] }) {
  const { t } = useTranslation();
  const figures = [
    { name: t("quality.fired"), value: count(totals.fired) },
    { name: t("quality.notified"), value: count(totals.notified) },
    { name: t("quality.messages"), value: count(totals.messages) },
    { name: t("quality.seen"), value: count(totals.seen) },
    { name: t("quality.actedUpon"), value: count(totals.actedUpon) },
    { name: t("quality.median"), value: medianText(totals.medianDurationMs) },
  ];
  return <FigureRow figures={figures} />;
}

const medianText = (ms: number | null): string => (ms === null ? NOTHING : duration(ms / 1000));

function RuleTable({ rules }: { readonly rules: readonly RuleQuality[] }) {
  const { t } = useTranslation();
  return (
    <div className="table-scroll">
      <table className="table quality">
        <thead>
          <tr>
            <th>{t("quality.rule")}</th>
            <th className="grow wide-only">{t("quality.judgement")}</th>
            <th className="number">{t("quality.fired")}</th>
            <th className="number wide-only">{t("quality.notified")}</th>
            <th className="number wide-only">{t("quality.messages")}</th>
            <th className="number wide-only">{t("quality.seen")}</th>
            <th className="number wide-only">{t("quality.actedUpon")}</th>
            <th className="number wide-only">{t("quality.short")}</th>
            <th className="number wide-only">{t("quality.flapping")}</th>
            <th className="number wide-only">{t("quality.median")}</th>
          </tr>
        </thead>
        <tbody>
          {rules.map((rule) => (
            <RuleLine key={rule.alertname} rule={rule} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RuleLine({ rule }: { readonly rule: RuleQuality }) {
  const { t } = useTranslation();
  const last = rule.lastFiredMs && moment(rule.lastFiredMs, Date.now(), currentLanguage());
  return (
    <tr>
      <td>
        <Link to="/rules" search={(old) => ({ ...old, q: rule.alertname })} className="name-link">
          {rule.alertname}
        </Link>
        <span className="hint quality-second">
          {rule.tenants > 0 && t("quality.forShops", { count: rule.tenants })}
          {rule.tenants > 0 && last && " · "}
          {last && t("quality.lastFired", { time: last })}
        </span>
        <div className="phone-only">
          <Judgement rule={rule} />
        </div>
      </td>
      <td className="grow wide-only">
        <Judgement rule={rule} />
      </td>
      <td className="number">{count(rule.fired)}</td>
      <td className="number wide-only">{count(rule.notified)}</td>
      <td className="number wide-only">{count(rule.messages)}</td>
      <td className="number wide-only">{count(rule.seen)}</td>
      <td className="number wide-only">{count(rule.actedUpon)}</td>
      <td className="number wide-only">{count(rule.short)}</td>
      <td className="number wide-only">{count(rule.flapping)}</td>
      <td className="number wide-only">{medianText(rule.medianDurationMs)}</td>
    </tr>
  );
}

function Judgement({ rule }: { readonly rule: RuleQuality }) {
  const { t } = useTranslation();
  const { level, score } = rule.noise;
  const noisy = level === "noisy" || level === "very-noisy";
  const reasons = noisy ? noiseReasons(rule) : [];
  return (
    <div className="judgement" title={score === null ? undefined : t("quality.score", { score })}>
      <StateMark state={LEVEL_STATE[level]} word={t(`quality.level.${level}`)} />
      {reasons.map((reason) => (
        <span key={reason} className="muted">
          {t(`quality.reason.${reason}`)}
        </span>
      ))}
      {reasons[0] && <span>{t(`quality.advice.${reasons[0]}`)}</span>}
    </div>
  );
}
