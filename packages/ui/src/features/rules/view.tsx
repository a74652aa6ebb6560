import { Button, SegmentedControl, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Download, Plus, Search } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ruleGroupsQuery, rulesQuery } from "../../api/queries.ts";
import { useMayEditRules } from "../../app/rights.ts";
import { SectionTabs } from "../../app/section-tabs.tsx";
import { Empty, Headline, Lines, Loaded, Panel } from "../../design/blocks.tsx";
import { duration, percent } from "../../design/numbers.ts";
import { StateMark } from "../../design/state.tsx";
import { Findings } from "./findings.tsx";
import {
  byCost,
  filterRules,
  RULE_STATES,
  type RuleGroupItem,
  type RuleSummary,
  ruleGroupItems,
  summariseRules,
} from "./rule-list.ts";
import { RuleRow } from "./rule-row.tsx";
import { EXPORT_URL } from "./rules-api.ts";
import "./rules.css";

/** All rules with their state and what they cost. */
export function RulesPage() {
  const rules = useQuery(rulesQuery);
  const heads = useQuery(ruleGroupsQuery);
  return (
    <div className="stack">
      <SectionTabs section="/alerts" />
      <Loaded query={rules} skeleton={<Lines count={10} height={18} />}>
        {(groups) => <RulesBody groups={ruleGroupItems(groups, heads.data?.groups ?? [])} />}
      </Loaded>
    </div>
  );
}

function RulesBody({ groups }: { readonly groups: readonly RuleGroupItem[] }) {
  const { t } = useTranslation();
  const search = useSearch({ from: "/rules" });
  const problems = useQuery(ruleGroupsQuery).data?.problems ?? [];
  const summary = summariseRules(groups);
  const shown = filterRules(groups, { search: search.q ?? "", state: search.state });
  const sorted = search.sort === "cost";
  return (
    <>
      <RulesHeadline summary={summary} />
      {problems.length > 0 && <Findings findings={problems} />}
      <RuleFilters groups={groups} />
      {shown.length === 0 && (
        <Panel>
          {groups.length === 0 ? (
            <Empty title={t("alerts.noRules")} why={t("alerts.noRulesStep")} command="npx storewatch check rules.yml" />
          ) : (
            <Empty title={t("rules.noneFound")} />
          )}
        </Panel>
      )}
      {sorted && shown.length > 0 && (
        <Panel flush>
          {byCost(shown).map((item) => (
            <RuleRow key={`${item.file} ${item.group} ${item.index}`} item={item} showGroup />
          ))}
        </Panel>
      )}
      {!sorted && shown.map((group) => <RuleGroupPanel key={group.key} group={group} />)}
    </>
  );
}

function RulesHeadline({ summary }: { readonly summary: RuleSummary }) {
  const { t } = useTranslation();
  const { rules, firing, failing, load } = summary;
  const state = failing > 0 ? "crit" : firing > 0 ? "warn" : "ok";
  const sentence =
    failing > 0
      ? t("rules.headlineFailing", { count: failing, total: rules })
      : firing > 0
        ? t("rules.headlineFiring", { count: firing, total: rules })
        : t("rules.headlineQuiet", { count: rules });
  return (
    <Headline state={state} detail={t("rules.load", { share: percent(load) })} action={<RuleActions />}>
      {sentence}
    </Headline>
  );
}

function RuleActions() {
  const { t } = useTranslation();
  const mayEdit = useMayEditRules();
  const stored = useQuery(ruleGroupsQuery).data?.groups.some((group) => group.origin === "stored") ?? false;
  if (!mayEdit) return null;
  return (
    <>
      {stored && (
        <Button component="a" href={EXPORT_URL} download variant="default" leftSection={<Download size={14} />}>
          {t("rules.export")}
        </Button>
      )}
      <Button component={Link} to="/new-rules" leftSection={<Plus size={14} />}>
        {t("rules.newGroup")}
      </Button>
    </>
  );
}

function RuleFilters({ groups }: { readonly groups: readonly RuleGroupItem[] }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: "/rules" });
  const change = (next: Record<string, string | undefined>) =>
    void navigate({ to: "/rules", search: (old) => ({ ...old, ...next }) as never, replace: true });
  const all = groups.flatMap((group) => group.rules);
  const count = (state: string) => all.filter((item) => item.state === state).length;
  return (
    <div className="spread">
      <div className="row rules-filter">
        <TextInput
          value={search.q ?? ""}
          onChange={(event) => change({ q: event.target.value || undefined })}
          placeholder={t("rules.filter")}
          aria-label={t("rules.filter")}
          leftSection={<Search size={15} />}
          w={280}
          maw="100%"
        />
        <SegmentedControl
          value={search.state ?? "all"}
          onChange={(state) => change({ state: state === "all" ? undefined : state })}
          data={[
            { value: "all", label: `${t("common.all")} ${all.length}` },
            ...RULE_STATES.map((state) => ({ value: state, label: `${t(`rules.${state}`)} ${count(state)}` })),
          ]}
        />
      </div>
      <div className="row group-by">
        <SegmentedControl
          size="xs"
          value={search.sort === "cost" ? "cost" : "group"}
          onChange={(sort) => change({ sort: sort === "cost" ? sort : undefined })}
          data={[
            { value: "group", label: t("rules.byGroup") },
            { value: "cost", label: t("rules.byCost") },
          ]}
        />
      </div>
    </div>
  );
}

function RuleGroupPanel({ group }: { readonly group: RuleGroupItem }) {
  const { t } = useTranslation();
  const mayEdit = useMayEditRules();
  const worst = group.rules.find((rule) => rule.state === "failing");
  return (
    <Panel
      flush
      title={
        <span className="group-title">
          {worst && <StateMark state="crit" />}
          {group.name}
          <span className="tag">{group.rules.length}</span>
        </span>
      }
      aside={
        <>
          <span className="wide-only">
            {t("targets.every", { span: duration(group.intervalSeconds) })} · {duration(group.evaluationSeconds)}
          </span>
          {group.stored && mayEdit && (
            <Link to="/rules/$group/edit" params={{ group: group.name }}>
              {t("rules.edit")}
            </Link>
          )}
          {!group.stored && <span title={group.file}>{t("rules.fromFile", { file: fileName(group.file) })}</span>}
        </>
      }
    >
      {group.rules.map((item) => (
        <RuleRow key={item.index} item={item} />
      ))}
    </Panel>
  );
}

const fileName = (path: string): string => path.split("/").at(-1) ?? path;
