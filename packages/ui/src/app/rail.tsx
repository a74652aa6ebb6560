import { Menu } from "@mantine/core";
import type { Session } from "@storewatch/model/api";
import { useQuery } from "@tanstack/react-query";
import { Link, useLocation } from "@tanstack/react-router";
import { MoreHorizontal } from "lucide-react";
import { useTranslation } from "react-i18next";
import { routedAlertsQuery, rulesQuery } from "../api/queries.ts";
import { firingCount, mergeAlerts } from "../features/alerts/alert-list.ts";
import { PAGES, type PageLink, sectionOf } from "./pages.ts";

/** Left on wide screens; on phones the bar at the bottom, with what does not fit behind "More". */
export function Rail({ session }: { readonly session: Session }) {
  const { t } = useTranslation();
  const rules = useQuery(rulesQuery);
  const routed = useQuery(routedAlertsQuery);
  // Only with both answers: a silenced alert must not show up for a moment.
  const firing = rules.data && routed.data ? firingCount(mergeAlerts(rules.data, routed.data)) : 0;
  const pages = PAGES.filter((page) => !page.adminOnly || session.role === "admin");
  const rest = pages.filter((page) => !page.onPhoneBar);
  const { pathname } = useLocation();
  return (
    <nav className="rail" aria-label={t("nav.main")}>
      <Link to="/" className="brand" aria-label="Storewatch">
        <img src="/favicon.svg" alt="" width={24} height={24} />
        <span>Storewatch</span>
      </Link>
      {pages.map((page) => (
        <RailLink key={page.to} page={page} firing={page.to === "/alerts" ? firing : 0} />
      ))}
      <Menu position="top-end" width={200}>
        <Menu.Target>
          <button
            type="button"
            className={`rail-link rail-more${rest.some((page) => pathname.startsWith(page.to) || sectionOf(pathname) === page.to) ? " active" : ""}`}
          >
            <MoreHorizontal size={18} aria-hidden="true" />
            <span>{t("nav.more")}</span>
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          {rest.map((page) => (
            <Menu.Item key={page.to} component={Link} to={page.to} leftSection={<page.icon size={16} />}>
              {t(page.text)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </nav>
  );
}

function RailLink({ page, firing }: { readonly page: PageLink; readonly firing: number }) {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  const holds = sectionOf(pathname) === page.to;
  return (
    <Link
      to={page.to}
      className={`rail-link${page.onPhoneBar ? "" : " rail-wide-only"}${holds ? " active" : ""}`}
      activeProps={{ className: "active", "aria-current": "page" }}
      activeOptions={{ exact: page.to === "/", includeSearch: false }}
    >
      <page.icon size={18} strokeWidth={1.8} aria-hidden="true" />
      <span>{t(page.text)}</span>
      {firing > 0 && (
        <b className="rail-count">
          {firing > 99 ? "99+" : firing}
          <span className="sr-only"> {t("state.firing")}</span>
        </b>
      )}
    </Link>
  );
}
