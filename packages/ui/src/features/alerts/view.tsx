import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { BellOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { routedAlertsQuery, rulesQuery, silencesQuery } from "../../api/queries.ts";
import { useMaySilence } from "../../app/rights.ts";
import { SectionTabs } from "../../app/section-tabs.tsx";
import { useUrlState } from "../../app/url-state.ts";
import { Empty, Headline, Lines, Panel, Problem } from "../../design/blocks.tsx";
import { StateMark, severityState } from "../../design/state.tsx";
import { moment } from "../../design/times.ts";
import { currentLanguage } from "../../text/index.ts";
import { AlertFilters, TABS } from "./alert-filters.tsx";
import {
  type AlertFilter,
  type AlertGroup,
  type AlertItem,
  type AlertTab,
  alertingRuleCount,
  filterAlerts,
  GROUPINGS,
  type GroupBy,
  groupAlerts,
  inTab,
  isSignOfLife,
  mergeAlerts,
  summarise,
} from "./alert-list.ts";
import { AlertRow } from "./alert-row.tsx";
import { calmQuery } from "./calm-api.ts";
import { CalmNotes } from "./calm-notes.tsx";
import { useShopName } from "./shop-name.ts";
import { SilenceButton, useSilencing } from "./silence-button.tsx";
import { SilenceList } from "./silence-list.tsx";
import "./alerts.css";

export function AlertsPage() {
  const rules = useQuery(rulesQuery);
  return (
    <div className="stack">
      <SectionTabs section="/alerts" />
      {rules.data ? (
        <AlertsBody all={rules.data} />
      ) : rules.isError ? (
        <Problem error={rules.error} onRetry={() => void rules.refetch()} />
      ) : (
        <Lines count={8} height={18} />
      )}
    </div>
  );
}

function AlertsBody({ all }: { readonly all: Parameters<typeof mergeAlerts>[0] }) {
  const { t } = useTranslation();
  const routed = useQuery(routedAlertsQuery);
  const silences = useQuery(silencesQuery);
  const calm = useQuery(calmQuery).data;
  const { state, group, alert, severity, receiver } = useSearch({ from: "/alerts" });
  const { tenant } = useUrlState();
  const silencing = useSilencing();
  const merged = mergeAlerts(all, routed.data ?? []);
  const items = merged.filter((item) => !isSignOfLife(item));
  const alwaysOn = merged.filter((item) => isSignOfLife(item) && item.state === "firing");
  const filter: AlertFilter = { tenant, severity, receiver, alert };
  const shown = filterAlerts(items, filter);
  const tab = TABS.find((name) => name === state) ?? "firing";
  const by: GroupBy = GROUPINGS.find((name) => name === group) ?? "alert";
  const groups = groupAlerts(
    shown.filter((item) => inTab(item, tab)),
    by,
  );
  const flapping = new Set(calm?.flapping.map((one) => one.fingerprint));
  return (
    <>
      <AlertsHeadline items={shown} labels={tenant === undefined ? {} : { tenant_id: tenant }} />
      <CalmNotes calm={calm} />
      <AlertFilters items={items} filter={filter} tab={tab} by={by} />
      {routed.isError && <Problem error={routed.error} onRetry={() => void routed.refetch()} />}
      {groups.length === 0 && (
        <Panel>
          <NoAlerts tab={tab} rules={alertingRuleCount(all)} />
        </Panel>
      )}
      {groups.map((one) => (
        <GroupPanel
          key={one.name}
          group={one}
          by={by}
          flapping={flapping}
          silences={silences.data ?? []}
          onSilence={silencing.start}
        />
      ))}
      {tab === "firing" && alwaysOn.length > 0 && (
        <p className="hint">{t("alerts.alwaysOn", { names: alwaysOn.map((item) => item.name).join(", ") })}</p>
      )}
      <SilenceList silences={silences.data ?? []} mayExpire={useMaySilence()} onEdit={silencing.edit} />
      {silencing.dialog}
    </>
  );
}

function AlertsHeadline({
  items,
  labels,
}: {
  readonly items: readonly AlertItem[];
  readonly labels: Readonly<Record<string, string>>;
}) {
  const { t } = useTranslation();
  const { firing, critical, shops, oldestMs } = summarise(items);
  const action = <SilenceButton labels={labels} text={t("silence.new")} />;
  if (firing === 0 || oldestMs === undefined)
    return (
      <Headline state="ok" action={action}>
        {t("alerts.headlineNone")}
      </Headline>
    );
  const oldest = t("alerts.oldest", { time: moment(oldestMs, Date.now(), currentLanguage()) });
  return (
    <Headline
      state={critical > 0 ? "crit" : "warn"}
      detail={critical > 0 ? t("alerts.critical", { count: critical }) : undefined}
      action={action}
    >
      {t("alerts.headlineFiring", { count: firing })}
      {shops > 0 && t("alerts.forShops", { count: shops })}
      {oldest}
    </Headline>
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
  readonly flapping: ReadonlySet<string>;
  readonly silences: Parameters<typeof AlertRow>[0]["silences"];
  readonly onSilence?: (items: readonly AlertItem[]) => void;
}

function GroupPanel({ group, by, flapping, silences, onSilence }: GroupProps) {
  const { t } = useTranslation();
  const shopName = useShopName();
  const [first] = group.items;
  const quiet = first.state === "silenced" || first.state === "inhibited";
  return (
    <Panel
      flush
      title={
        <span className="group-title">
          <StateMark state={quiet ? "silent" : severityState(first.severity)} />
          <GroupName name={group.name} by={by} />
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
          flapping={item.fingerprint !== undefined && flapping.has(item.fingerprint)}
          shopName={shopName}
          onSilence={onSilence}
        />
      ))}
    </Panel>
  );
}

function GroupName({ name, by }: { readonly name: string; readonly by: GroupBy }) {
  const { t } = useTranslation();
  const shopName = useShopName();
  if (by === "receiver" && name === "") return t("alerts.nobody");
  if (by !== "shop") return name || t("common.none");
  if (name === "") return t("alerts.noShop");
  return (
    <Link to="/tenants/$id" params={{ id: name }} className="name-link">
      {shopName(name)}
    </Link>
  );
}
