// The pages of the rail, in order; the first four and "more" make the phone's bottom bar.
import { Bell, Compass, Gauge, LayoutGrid, type LucideIcon, Radar, Send, Settings, Store } from "lucide-react";

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
