import { Button } from "@mantine/core";
import type { RulePreview } from "@storewatch/model/api";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { Copy, Pencil } from "lucide-react";
import { useTranslation } from "react-i18next";
import { routedAlertsQuery, ruleGroupsQuery, rulesQuery, silencesQuery } from "../../api/queries.ts";
import { useMayEditRules } from "../../app/rights.ts";
import { SectionTabs } from "../../app/section-tabs.tsx";
import { type TimeRange, useTimeRange } from "../../app/url-state.ts";
import { Chips, Empty, Headline, Lines, Loaded, Panel, Problem } from "../../design/blocks.tsx";
import { duration, percent } from "../../design/numbers.ts";
import { span } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { mergeAlerts } from "../alerts/alert-list.ts";
import { AlertRow } from "../alerts/alert-row.tsx";
import { useShopName } from "../alerts/shop-name.ts";
import { SilenceButton, useSilencing } from "../alerts/silence-button.tsx";
import { Findings } from "./findings.tsx";
import { LastFiring, PreviewView } from "./preview-view.tsx";
import { findRule, isAlerting, type RuleItem, ruleGroupItems } from "./rule-list.ts";
import { CostBar, RuleRow, ruleState } from "./rule-row.tsx";
import { previewRule, refusedFindings } from "./rules-api.ts";
import "./rules.css";

/** One rule: what it says now, how it behaved in the time range, its alerts, and where it stands. */
export function RulePage() {
  const { t } = useTranslation();
  const { group } = useParams({ from: "/rules/$group" });
  const search = useSearch({ from: "/rules/$group" });
  const rules = useQuery(rulesQuery);
  const heads = useQuery(ruleGroupsQuery);
  return (
    <div className="stack">
      <SectionTabs section="/alerts" />
      <Loaded query={rules} skeleton={<Lines count={8} height={18} />}>
        {(groups) => {
          const items = ruleGroupItems(groups, heads.data?.groups ?? []);
          const item = findRule(items, group, search.file, search.rule ?? 0);
          if (!item) {
            return (
              <Empty title={t("rules.notFound", { group })} why={t("rules.notFoundWhy")}>
                <Link to="/rules">{t("nav.rules")}</Link>
              </Empty>
            );
          }
          const own = items.find((one) => one.name === group && one.file === item.file);
          return <RuleBody item={item} stored={own?.stored ?? false} siblings={own?.rules ?? []} />;
        }}
      </Loaded>
    </div>
  );
}

interface BodyProps {
  readonly item: RuleItem;
  readonly stored: boolean;
  readonly siblings: readonly RuleItem[];
}

function RuleBody({ item, stored, siblings }: BodyProps) {
  const { t } = useTranslation();
  const { rule } = item;
  return (
    <>
      <Headline
        state={ruleState(item)}
        detail={isAlerting(rule) && rule.annotations?.summary ? <code>{rule.annotations.summary}</code> : undefined}
        action={<RuleActions item={item} stored={stored} />}
      >
        {t(`rules.says.${item.state}`, { name: item.name, count: item.firing || item.pending })}
      </Headline>
      {item.state === "failing" && rule.lastError && (
        <div className="problem" role="alert">
          <div>
            <strong>{t("rules.failingTitle")}</strong>
            <p>{rule.lastError}</p>
          </div>
        </div>
      )}
      <RuleHistory item={item} />
      {isAlerting(rule) && rule.alerts.length > 0 && <RuleAlerts item={item} />}
      <RuleFacts item={item} />
      {siblings.length > 1 && (
        <Panel flush title={t("rules.sameGroup", { group: item.group })}>
          {siblings
            .filter((other) => other.index !== item.index)
            .map((other) => (
              <RuleRow key={other.index} item={other} />
            ))}
        </Panel>
      )}
    </>
  );
}

function RuleActions({ item, stored }: Pick<BodyProps, "item" | "stored">) {
  const { t } = useTranslation();
  const mayEdit = useMayEditRules();
  return (
    <>
      {item.type === "alerting" && (
        <SilenceButton labels={{ alertname: item.name, ...(item.severity ? { severity: item.severity } : {}) }} />
      )}
      {mayEdit && stored && (
        <Button
          component={Link}
          to={`/rules/${encodeURIComponent(item.group)}/edit`}
          variant="default"
          leftSection={<Pencil size={14} />}
        >
          {t("rules.edit")}
        </Button>
      )}
      {mayEdit && !stored && (
        <Button
          component={Link}
          to={`/new-rules?copy=${encodeURIComponent(item.group)}`}
          variant="default"
          leftSection={<Copy size={14} />}
          title={t("rules.copyHint")}
        >
          {t("rules.copy")}
        </Button>
      )}
    </>
  );
}

function RuleHistory({ item }: { readonly item: RuleItem }) {
  const { t } = useTranslation();
  const range = useTimeRange();
  const query = useRulePreview(item, range);
  const findings = query.data?.findings ?? refusedFindings(query.error) ?? [];
  return (
    <Panel title={t("rules.history", { span: span(range.rangeMs, currentLanguage()) })}>
      {query.data ? (
        <PreviewView preview={query.data} />
      ) : query.isError ? (
        <Problem error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <div className="rule-preview-skeleton">
          <Lines count={5} />
        </div>
      )}
      <Findings findings={findings} />
      {query.data?.lastFiring && <LastFiring last={query.data.lastFiring} />}
    </Panel>
  );
}

/** The rule as the server knows it, over the page's time range. */
function useRulePreview(item: RuleItem, range: TimeRange) {
  const { rule } = item;
  return useQuery<RulePreview>({
    queryKey: ["samples", "rule", item.file, item.group, item.index, rule.query, range.key],
    queryFn: ({ signal }) => {
      const { toMs } = range.window();
      const times = isAlerting(rule) && {
        alert: rule.name,
        for: `${Math.round(rule.duration * 1000)}ms`,
        keepFiringFor: `${Math.round((rule.keepFiringFor ?? 0) * 1000)}ms`,
        annotations: { ...rule.annotations },
      };
      const wanted = {
        ...(times || { record: rule.name }),
        expr: rule.query,
        labels: { ...rule.labels },
        rangeMs: Math.max(60_000, Math.round(range.rangeMs)),
        ...(range.live ? {} : { endMs: toMs }),
      };
      return previewRule(wanted, signal);
    },
    placeholderData: (old, previous) =>
      previous?.queryKey[4] === item.index && previous.queryKey[3] === item.group ? keepPreviousData(old) : undefined,
    // A preview reads the whole range again: not with every sample that arrives.
    staleTime: 15_000,
    retry: false,
  });
}

function RuleAlerts({ item }: { readonly item: RuleItem }) {
  const { t } = useTranslation();
  const routed = useQuery(routedAlertsQuery).data ?? [];
  const silences = useQuery(silencesQuery).data ?? [];
  const shopName = useShopName();
  const silencing = useSilencing();
  const group = { name: item.group, file: item.file, rules: [item.rule] };
  const known = new Set(isAlerting(item.rule) ? item.rule.alerts.map((alert) => JSON.stringify(alert.labels)) : []);
  const items = mergeAlerts([group], routed).filter((alert) => known.has(JSON.stringify(alert.labels)));
  return (
    <Panel flush title={t("rules.alertsNow")}>
      {items.map((alert) => (
        <AlertRow
          key={alert.key}
          item={alert}
          showName={false}
          silences={silences}
          shopName={shopName}
          onSilence={silencing.start}
        />
      ))}
      {silencing.dialog}
    </Panel>
  );
}

function RuleFacts({ item }: { readonly item: RuleItem }) {
  const { t } = useTranslation();
  const { rule } = item;
  const language = currentLanguage();
  const facts: Array<[string, React.ReactNode]> = [
    [t("alerts.expression"), <RuleExpression key="e" query={rule.query} />],
  ];
  if (isAlerting(rule)) {
    facts.push([t("rules.for"), rule.duration === 0 ? t("rules.atOnce") : span(rule.duration * 1000, language)]);
    if (rule.keepFiringFor) facts.push([t("rules.keep"), span(rule.keepFiringFor * 1000, language)]);
  }
  if (Object.keys(rule.labels ?? {}).length > 0)
    facts.push([t("alerts.labels"), <Chips key="l" labels={rule.labels ?? {}} />]);
  for (const [name, value] of isAlerting(rule) ? Object.entries(rule.annotations ?? {}) : [])
    facts.push([name, <code key={name}>{value}</code>]);
  facts.push([
    t("rules.cost"),
    <span key="c" className="row">
      <CostBar item={item} /> <span className="muted">{t("rules.costShare", { share: percent(item.share) })}</span>
    </span>,
  ]);
  facts.push([
    t("rules.evaluated"),
    item.lastEvaluationMs === null
      ? t("targets.never")
      : t("common.ago", { span: duration(Math.round((Date.now() - item.lastEvaluationMs) / 1000)) }),
  ]);
  facts.push([t("rules.file"), <code key="f">{item.file}</code>]);
  return (
    <Panel title={t("rules.facts")}>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

function RuleExpression({ query }: { readonly query: string }) {
  const { t } = useTranslation();
  return (
    <>
      <code className="rule-code">{query}</code>{" "}
      <Link to="/explore" search={(old) => ({ ...old, expr: query })}>
        {t("shop.openExplore")}
      </Link>
    </>
  );
}
