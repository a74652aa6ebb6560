import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { duration, percent } from "../../design/numbers.ts";
import { StateMark, type StateName, severityState } from "../../design/state.tsx";
import { span } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import type { RuleItem } from "./rule-list.ts";

/** Quiet rules and recording rules are grey: a healthy page has no colour. */
export function ruleState(item: RuleItem): StateName {
  if (item.state === "failing") return "crit";
  if (item.state === "firing") return severityState(item.severity);
  return item.state === "pending" ? "warn" : "unknown";
}

/** One rule of the list: state, name and expression, alerts, last evaluation, cost. */
export function RuleRow({ item, showGroup = false }: { readonly item: RuleItem; readonly showGroup?: boolean }) {
  const { t } = useTranslation();
  return (
    <Link to="/rules/$group" params={{ group: item.group }} search={(old) => ruleSearch(old, item)} className="rule">
      <StateMark state={ruleState(item)} word={t(`rules.${item.state}`)} />
      <span className="rule-what">
        <span className="rule-name">
          <b>{item.name}</b>
          {item.severity && <span className="tag">{item.severity}</span>}
          {showGroup && <span className="muted">{item.group}</span>}
        </span>
        {item.state === "failing" ? (
          <span className="rule-error state-crit">{item.rule.lastError ?? t("rules.failingWhy")}</span>
        ) : (
          <code className="rule-expr">{item.rule.query}</code>
        )}
      </span>
      <span className="rule-alerts">
        {item.firing + item.pending > 0 && t("rules.alerts", { count: item.firing + item.pending })}
      </span>
      <span className="rule-evaluated muted">
        {item.lastEvaluationMs === null
          ? t("targets.never")
          : t("common.ago", { span: span(Date.now() - item.lastEvaluationMs, currentLanguage()) })}
      </span>
      <CostBar item={item} />
    </Link>
  );
}

/** The shared time range goes along, the list's own filters do not. */
export function ruleSearch(old: object, item: Pick<RuleItem, "index" | "file">): never {
  const { range, from, to, tenant } = old as Record<string, unknown>;
  return { range, from, to, tenant, rule: item.index, file: item.file } as never;
}

/** The rule against the most costly one, with the time of its last evaluation. */
export function CostBar({ item }: { readonly item: Pick<RuleItem, "share" | "bar" | "evaluationSeconds"> }) {
  const { t } = useTranslation();
  return (
    <span className="cost" title={t("rules.costShare", { share: percent(item.share) })}>
      <i aria-hidden="true">
        <b style={{ width: `${Math.max(item.bar > 0 ? 2 : 0, item.bar * 100)}%` }} />
      </i>
      <span>{duration(item.evaluationSeconds)}</span>
    </span>
  );
}
