import { Button, Menu, SegmentedControl } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { ListFilter, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import {
  type AlertFilter,
  type AlertItem,
  type AlertTab,
  FILTERS,
  type FilterName,
  filterAlerts,
  filterChoices,
  GROUPINGS,
  type GroupBy,
  inTab,
} from "./alert-list.ts";
import { useShopName } from "./shop-name.ts";

export const TABS: readonly AlertTab[] = ["firing", "pending", "silenced"];

interface FilterProps {
  /** All alerts, not filtered. */
  readonly items: readonly AlertItem[];
  readonly filter: AlertFilter;
  readonly tab: AlertTab;
  readonly by: GroupBy;
}

/** State, filters as chips, grouping: all of it in the URL. */
export function AlertFilters({ items, filter, tab, by }: FilterProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const change = (next: Record<string, string | undefined>) =>
    void navigate({ to: "/alerts", search: (old) => ({ ...old, ...next }) as never });
  const shown = filterAlerts(items, filter);
  return (
    <div className="spread">
      <div className="row">
        <SegmentedControl
          value={tab}
          onChange={(state) => change({ state: state === "firing" ? undefined : state })}
          data={TABS.map((name) => ({
            value: name,
            label: `${t(`alerts.${name}`)} ${shown.filter((item) => inTab(item, name)).length}`,
          }))}
        />
        <FilterMenu items={items.filter((item) => inTab(item, tab))} filter={filter} onPick={change} />
        <FilterChips filter={filter} onRemove={(name) => change({ [name]: undefined })} />
      </div>
      <div className="row group-by">
        <span className="muted">{t("alerts.groupBy")}</span>
        <SegmentedControl
          size="xs"
          value={by}
          onChange={(group) => change({ group: group === "alert" ? undefined : group })}
          data={GROUPINGS.map((name) => ({ value: name, label: t(`alerts.by.${name}`) }))}
        />
      </div>
    </div>
  );
}

/** Choices offered for each label: more are for the search. */
const CHOICES = 8;

function FilterMenu({
  items,
  filter,
  onPick,
}: {
  readonly items: readonly AlertItem[];
  readonly filter: AlertFilter;
  readonly onPick: (next: Record<string, string>) => void;
}) {
  const { t } = useTranslation();
  const shopName = useShopName();
  const sections = FILTERS.map((name) => [name, filterChoices(items, filter, name)] as const);
  return (
    <Menu position="bottom-start" width={260}>
      <Menu.Target>
        <Button variant="default" leftSection={<ListFilter size={14} />}>
          {t("alerts.filter")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={440} style={{ overflowY: "auto" }}>
        {sections.every(([, choices]) => choices.length === 0) && (
          <Menu.Label>{t("alerts.nothingToFilter")}</Menu.Label>
        )}
        {sections.map(
          ([name, choices]) =>
            choices.length > 0 && (
              <div key={name}>
                <Menu.Label>{t(`alerts.filterBy.${name}`)}</Menu.Label>
                {choices.slice(0, CHOICES).map(({ value, count }) => (
                  <Menu.Item
                    key={value}
                    rightSection={<span className="muted">{count}</span>}
                    onClick={() => onPick({ [name]: value })}
                  >
                    {name === "tenant" ? shopName(value) : value}
                  </Menu.Item>
                ))}
              </div>
            ),
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

function FilterChips({
  filter,
  onRemove,
}: {
  readonly filter: AlertFilter;
  readonly onRemove: (name: FilterName) => void;
}) {
  const { t } = useTranslation();
  const shopName = useShopName();
  return FILTERS.map((name) => {
    const value = filter[name];
    if (value === undefined) return null;
    const text = `${t(`alerts.filterBy.${name}`)}: ${name === "tenant" ? shopName(value) : value}`;
    return (
      <button
        key={name}
        type="button"
        className="filter-chip"
        onClick={() => onRemove(name)}
        aria-label={t("silence.remove", { name: text })}
      >
        {text} <X size={13} aria-hidden="true" />
      </button>
    );
  });
}
