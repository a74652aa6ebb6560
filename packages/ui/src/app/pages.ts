// The pages of the rail, in order; the first four and "more" make the phone's bottom bar.
import {
  Bell,
  ChartNoAxesColumn,
  Compass,
  Gauge,
  Inbox,
  LayoutGrid,
  ListChecks,
  type LucideIcon,
  Radar,
  Send,
  Settings,
  Split,
  Store,
} from "lucide-react";

export interface PageLink {
  readonly to: "/" | "/tenants" | "/alerts" | "/dashboards" | "/explore" | "/targets" | "/notifications" | "/admin";
  readonly text: string;
  readonly icon: LucideIcon;
  readonly onPhoneBar: boolean;
  readonly adminOnly?: boolean;
}

export const PAGES: readonly PageLink[] = [
  { to: "/", text: "nav.overview", icon: Gauge, onPhoneBar: true },
  { to: "/tenants", text: "nav.shops", icon: Store, onPhoneBar: true },
  { to: "/alerts", text: "nav.alerts", icon: Bell, onPhoneBar: true },
  { to: "/dashboards", text: "nav.dashboards", icon: LayoutGrid, onPhoneBar: true },
  { to: "/explore", text: "nav.explore", icon: Compass, onPhoneBar: false },
  { to: "/targets", text: "nav.targets", icon: Radar, onPhoneBar: false },
  { to: "/notifications", text: "nav.notifications", icon: Send, onPhoneBar: false },
  { to: "/admin", text: "nav.admin", icon: Settings, onPhoneBar: false, adminOnly: true },
];

export interface SectionLink {
  readonly to: "/rules" | "/alert-quality" | "/routing" | "/receivers";
  /** The page of the rail that it belongs to. */
  readonly section: PageLink["to"];
  readonly text: string;
  readonly icon: LucideIcon;
}

/** Pages one step below the rail: tabs of their section, and found by the search. */
export const SECTIONS: readonly SectionLink[] = [
  { to: "/rules", section: "/alerts", text: "nav.rules", icon: ListChecks },
  { to: "/alert-quality", section: "/alerts", text: "nav.quality", icon: ChartNoAxesColumn },
  { to: "/routing", section: "/notifications", text: "nav.routing", icon: Split },
  { to: "/receivers", section: "/notifications", text: "nav.receivers", icon: Inbox },
];

/** The rail's page that a path belongs to, for paths that are not below its own. */
export function sectionOf(pathname: string): PageLink["to"] | undefined {
  if (pathname.startsWith("/new-rules")) return "/alerts";
  return SECTIONS.find((page) => pathname === page.to || pathname.startsWith(`${page.to}/`))?.section;
}
