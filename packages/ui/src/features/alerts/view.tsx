import { Button, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { BellOff, X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { routedAlertsQuery, rulesQuery, sessionQuery, silencesQuery, tenantsQuery } from "../../api/queries.ts";
import { useUrlState } from "../../app/url-state.ts";
import { Empty, Headline, Lines, Panel, Problem } from "../../design/blocks.tsx";
import { StateMark, severityState } from "../../design/state.tsx";
import { moment } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import {
  type AlertGroup,
  type AlertItem,
  type AlertTab,
  alertingRuleCount,
  type GroupBy,
  groupAlerts,
  inTab,
  mergeAlerts,
  silenceLabels,
  summarise,
} from "./alert-list.ts";
import { AlertRow } from "./alert-row.tsx";
import { SilenceDialog } from "./silence-dialog.tsx";
import { SilenceList } from "./silence-list.tsx";
import "./alerts.css";

const TABS: readonly AlertTab[] = ["firing", "pending", "silenced"];

export function AlertsPage() {
  const rules = useQuery(rulesQuery);
  const routed = useQuery(routedAlertsQuery);
  const silences = useQuery(silencesQuery);
  const session = useQuery(sessionQuery).data;
  const search = useSearch({ from: "/alerts" });
  const { tenant } = useUrlState();
  const [silencing, setSilencing] = useState<readonly AlertItem[]>();
  if (!rules.data)
    return rules.isError ? (
      <Problem error={rules.error} onRetry={() => void rules.refetch()} />
    ) : (
      <Lines count={8} height={18} />
    );
  const all = mergeAlerts(rules.data, routed.data ?? []);
  const items = all.filter(
    (item) =>
      (tenant === undefined || item.tenant === tenant) && (search.alert === undefined || item.name === search.alert),
  );
  const tab = TABS.find((name) => name === search.state) ?? "firing";
  const by: GroupBy = search.group === "shop" || search.group === "severity" ? search.group : "alert";
  const groups = groupAlerts(
    items.filter((item) => inTab(item, tab)),
    by,
  );
  const maySilence = session !== undefined && session.role !== "viewer";
  return (
    <div className="stack">
      <AlertsHeadline items={items} />
      <AlertFilters items={items} tab={tab} by={by} />
      {routed.isError && <Problem error={routed.error} onRetry={() => void routed.refetch()} />}
      {groups.length === 0 && (
        <Panel>
          <NoAlerts tab={tab} rules={alertingRuleCount(rules.data)} />
        </Panel>
      )}
      {groups.map((group) => (
        <GroupPanel
          key={group.name}
          group={group}
          by={by}
          silences={silences.data ?? []}
          onSilence={maySilence ? setSilencing : undefined}
        />
      ))}
      <SilenceList silences={silences.data ?? []} mayExpire={maySilence} />
      {silencing && session && (
        <SilenceDialog
          labels={silenceLabels(silencing)}
          author={session.name}
          onClose={() => setSilencing(undefined)}
        />
      )}
    </div>
  );
}

function AlertsHeadline({ items }: { readonly items: readonly AlertItem[] }) {
  const { t } = useTranslation();
  const { firing, critical, shops, oldestMs } = summarise(items);
  const state = firing === 0 ? "ok" : critical > 0 ? "crit" : "warn";
  if (firing === 0 || oldestMs === undefined) return <Headline state="ok">{t("alerts.headlineNone")}</Headline>;
  const oldest = t("alerts.oldest", { time: moment(oldestMs, Date.now(), currentLanguage()) });
  return (
    <Headline state={state} detail={critical > 0 ? t("alerts.critical", { count: critical }) : undefined}>
      {t("alerts.headlineFiring", { count: firing })}
      {shops > 0 && t("alerts.forShops", { count: shops })}
      {oldest}
    </Headline>
  );
}

function AlertFilters({
  items,
  tab,
  by,
}: {
  readonly items: readonly AlertItem[];
  readonly tab: AlertTab;
  readonly by: GroupBy;
}) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: "/alerts" });
  const { tenant } = useUrlState();
  const change = (next: Record<string, string | undefined>) =>
    void navigate({ to: "/alerts", search: (old) => ({ ...old, ...next }) as never });
  return (
    <div className="spread">
      <div className="row">
        <SegmentedControl
          value={tab}
          onChange={(state) => change({ state: state === "firing" ? undefined : state })}
          data={TABS.map((name) => ({
            value: name,
            label: `${t(`alerts.${name}`)} ${items.filter((item) => inTab(item, name)).length}`,
          }))}
        />
        {tenant && <FilterChip text={`${t("bar.shop")}: ${tenant}`} onRemove={() => change({ tenant: undefined })} />}
        {search.alert && <FilterChip text={search.alert} onRemove={() => change({ alert: undefined })} />}
      </div>
      <div className="row group-by">
        <span className="muted">{t("alerts.groupBy")}</span>
        <SegmentedControl
          size="xs"
          value={by}
          onChange={(group) => change({ group: group === "alert" ? undefined : group })}
          data={[
            { value: "alert", label: t("alerts.byAlert") },
            { value: "shop", label: t("alerts.byShop") },
            { value: "severity", label: t("alerts.bySeverity") },
          ]}
        />
      </div>
    </div>
  );
}

function FilterChip({ text, onRemove }: { readonly text: string; readonly onRemove: () => void }) {
  const { t } = useTranslation();
  return (
    <button type="button" className="filter-chip" onClick={onRemove} aria-label={t("silence.remove", { name: text })}>
      {text} <X size={13} aria-hidden="true" />
    </button>
  );
}

function NoAlerts({ tab, rules }: { readonly tab: AlertTab; readonly rules: number }) {
  const { t } = useTranslation();
  if (tab === "pending") return <Empty title={t("alerts.nonePending")} why={t("alerts.nonePendingWhy")} />;
  if (tab === "silenced") return <Empty title={t("alerts.noneSilenced")} why={t("alerts.noneSilencedWhy")} />;
  if (rules === 0)
    return <Empty title={t("alerts.noRules")} why={t("alerts.noRulesStep")} command="npx storewatch check rules.yml" />;
  return <Empty title={t("alerts.noneFiring")} why={t("alerts.noneFiringWhy", { count: rules })} />;
}

interface GroupProps {
  readonly group: AlertGroup;
  readonly by: GroupBy;
  readonly silences: Parameters<typeof AlertRow>[0]["silences"];
  readonly onSilence?: (items: readonly AlertItem[]) => void;
}

function GroupPanel({ group, by, silences, onSilence }: GroupProps) {
  const { t } = useTranslation();
  const shopName = useShopName();
  const [first] = group.items;
  const title =
    by === "shop" ? (group.name === "" ? t("alerts.noShop") : shopName(group.name)) : group.name || t("common.none");
  return (
    <Panel
      flush
      title={
        <span className="group-title">
          <StateMark
            state={first.state === "silenced" || first.state === "inhibited" ? "silent" : severityState(first.severity)}
          />
          {by === "shop" && group.name !== "" ? (
            <Link to="/tenants/$id" params={{ id: group.name }} className="name-link">
              {title}
            </Link>
          ) : (
            title
          )}
          <span className="tag">{group.items.length}</span>
        </span>
      }
      aside={
        onSilence &&
        first.state !== "silenced" && (
          <Button
            variant="subtle"
            color="gray"
            size="compact-xs"
            leftSection={<BellOff size={13} />}
            onClick={() => onSilence(group.items)}
          >
            {t(group.items.length > 1 ? "alerts.silenceGroup" : "alerts.silence")}
          </Button>
        )
      }
    >
      {group.items.map((item) => (
        <AlertRow
          key={item.key}
          item={item}
          showName={by !== "alert"}
          silences={silences}
          shopName={shopName}
          onSilence={onSilence}
        />
      ))}
    </Panel>
  );
}

export function useShopName(): (id: string) => string {
  const tenants = useQuery(tenantsQuery).data ?? [];
  return (id) => tenants.find((tenant) => tenant.id === id)?.name ?? id;
}
