import { Spotlight, type SpotlightActionGroupData } from "@mantine/spotlight";
import type { Session } from "@storewatch/model/api";
import "@mantine/spotlight/styles.css";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { LayoutGrid, Search, Store } from "lucide-react";
import { useTranslation } from "react-i18next";
import { dashboardsQuery, tenantsQuery } from "../api/queries.ts";
import { PAGES, SECTIONS } from "./pages.ts";
import { matchesSearch } from "./search-text.ts";

/** Ctrl-K: pages, shops, dashboards. Lazy: it loads after the first paint. */
export default function SearchDialog({ session }: { readonly session: Session }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const tenants = useQuery(tenantsQuery).data ?? [];
  const dashboards = useQuery(dashboardsQuery).data ?? [];
  const groups: SpotlightActionGroupData[] = [
    {
      group: t("search.pages"),
      actions: [...PAGES.filter((page) => !page.adminOnly || session.role === "admin"), ...SECTIONS].map((page) => ({
        id: page.to,
        label: t(page.text),
        leftSection: <page.icon size={18} strokeWidth={1.8} />,
        onClick: () => void navigate({ to: page.to }),
      })),
    },
    {
      group: t("search.shops"),
      actions: tenants.map((tenant) => ({
        id: `shop ${tenant.id}`,
        label: tenant.name,
        description: tenant.id,
        leftSection: <Store size={18} strokeWidth={1.8} />,
        onClick: () => void navigate({ to: "/tenants/$id", params: { id: tenant.id } }),
      })),
    },
    {
      group: t("search.dashboards"),
      actions: dashboards.map((dashboard) => ({
        id: `dashboard ${dashboard.uid}`,
        label: dashboard.title,
        description: dashboard.folderTitle,
        leftSection: <LayoutGrid size={18} strokeWidth={1.8} />,
        onClick: () => void navigate({ to: "/dashboards/$uid", params: { uid: dashboard.uid } }),
      })),
    },
  ];
  return (
    <Spotlight
      actions={groups}
      shortcut={["mod + K", "/"]}
      nothingFound={t("search.nothing")}
      overlayProps={{ blur: 0, backgroundOpacity: 0.4 }}
      scrollable
      maxHeight={420}
      limit={30}
      filter={(query, actions) => filterGroups(query, actions as SpotlightActionGroupData[])}
      searchProps={{
        leftSection: <Search size={18} />,
        placeholder: t("search.placeholder"),
        "aria-label": t("bar.search"),
      }}
    />
  );
}

function filterGroups(query: string, groups: readonly SpotlightActionGroupData[]): SpotlightActionGroupData[] {
  return groups.flatMap((group) => {
    const actions = group.actions.filter((action) =>
      matchesSearch(query, action.label ?? "", action.description ?? ""),
    );
    return actions.length === 0 ? [] : [{ ...group, actions }];
  });
}
