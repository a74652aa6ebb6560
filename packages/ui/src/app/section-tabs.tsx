import { Link, useLocation } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { PAGES, type PageLink, SECTIONS } from "./pages.ts";

/** The pages of one rail entry, as links above the page's headline. */
export function SectionTabs({ section }: { readonly section: PageLink["to"] }) {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  const own = PAGES.find((page) => page.to === section);
  const tabs = [...(own ? [own] : []), ...SECTIONS.filter((page) => page.section === section)];
  return (
    <nav className="tabs" aria-label={own && t(own.text)}>
      {tabs.map((page) => (
        <Link
          key={page.to}
          to={page.to}
          className={`tab${page.to === "/rules" && pathname.startsWith("/new-rules") ? " active" : ""}`}
          activeProps={{ className: "active", "aria-current": "page" }}
          activeOptions={{ exact: page.to !== "/rules", includeSearch: false }}
        >
          {t(page.text)}
        </Link>
      ))}
    </nav>
  );
}
