import {
  createRootRoute,
  createRoute,
  createRouter,
  Link,
  lazyRouteComponent,
  redirect,
  retainSearchParams,
} from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Lines } from "../design/blocks.tsx";
import { Crashed } from "../design/crash-guard.tsx";
import { Shell } from "./shell.tsx";
import { readUrlState, type UrlState } from "./url-state.ts";

const rootRoute = createRootRoute({
  component: Shell,
  notFoundComponent: NotFound,
  validateSearch: readUrlState,
  search: { middlewares: [retainSearchParams<UrlState>(["range", "from", "to", "tenant"])] },
});

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : typeof value === "number" ? String(value) : undefined;

interface AlertsSearch {
  readonly state?: string;
  readonly group?: string;
  /** Only alerts of this name. */
  readonly alert?: string;
  readonly severity?: string;
  readonly receiver?: string;
}
interface ExploreSearch {
  readonly expr?: string;
  readonly view?: string;
}
interface NotificationsSearch {
  readonly tab?: string;
  readonly id?: string;
  readonly receiver?: string;
  readonly outcome?: string;
}
interface RulesSearch {
  readonly q?: string;
  readonly state?: string;
  readonly sort?: string;
}
interface RuleSearch {
  /** Its place in the group, from 0. */
  readonly rule?: number;
  /** Where two files have a group of this name. */
  readonly file?: string;
}
interface QualitySearch {
  readonly days?: number;
  readonly sort?: string;
}
interface RoutingSearch {
  /** Labels of the tester, `name="value"` separated by commas. */
  readonly labels?: string;
}

const overview = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  component: lazyRouteComponent(() => import("../features/overview/view.tsx"), "OverviewPage"),
});
const tenants = createRoute({
  getParentRoute: () => rootRoute,
  path: "/tenants",
  component: lazyRouteComponent(() => import("../features/tenants/list-view.tsx"), "ShopsPage"),
});
const tenant = createRoute({
  getParentRoute: () => rootRoute,
  path: "/tenants/$id",
  component: lazyRouteComponent(() => import("../features/tenants/shop-view.tsx"), "ShopPage"),
});
const alerts = createRoute({
  getParentRoute: () => rootRoute,
  path: "/alerts",
  validateSearch: (search: Record<string, unknown>): AlertsSearch => ({
    state: text(search.state),
    group: text(search.group),
    alert: text(search.alert),
    severity: text(search.severity),
    receiver: text(search.receiver),
  }),
  component: lazyRouteComponent(() => import("../features/alerts/view.tsx"), "AlertsPage"),
});
const rules = createRoute({
  getParentRoute: () => rootRoute,
  path: "/rules",
  validateSearch: (search: Record<string, unknown>): RulesSearch => ({
    q: text(search.q),
    state: text(search.state),
    sort: text(search.sort),
  }),
  component: lazyRouteComponent(() => import("../features/rules/view.tsx"), "RulesPage"),
});
const rule = createRoute({
  getParentRoute: () => rootRoute,
  path: "/rules/$group",
  validateSearch: (search: Record<string, unknown>): RuleSearch => ({
    rule: typeof search.rule === "number" && search.rule >= 0 ? Math.floor(search.rule) : undefined,
    file: text(search.file),
  }),
  component: lazyRouteComponent(() => import("../features/rules/rule-view.tsx"), "RulePage"),
});
const ruleEditor = createRoute({
  getParentRoute: () => rootRoute,
  path: "/rules/$group/edit",
  component: lazyRouteComponent(() => import("../features/rules/editor-view.tsx"), "EditRulesPage"),
});
const newRules = createRoute({
  getParentRoute: () => rootRoute,
  path: "/new-rules",
  validateSearch: (search: Record<string, unknown>): { readonly copy?: string } => ({ copy: text(search.copy) }),
  component: lazyRouteComponent(() => import("../features/rules/editor-view.tsx"), "NewRulesPage"),
});
const alertQuality = createRoute({
  getParentRoute: () => rootRoute,
  path: "/alert-quality",
  validateSearch: (search: Record<string, unknown>): QualitySearch => ({
    days: typeof search.days === "number" ? search.days : undefined,
    sort: text(search.sort),
  }),
  component: lazyRouteComponent(() => import("../features/alert-quality/view.tsx"), "AlertQualityPage"),
});
const dashboards = createRoute({
  getParentRoute: () => rootRoute,
  path: "/dashboards",
  component: lazyRouteComponent(() => import("../features/dashboards/list-view.tsx"), "DashboardsPage"),
});
/** Variables stand in the URL as in Grafana: var-NAME=value, repeated for several. */
const dashboard = createRoute({
  getParentRoute: () => rootRoute,
  path: "/dashboards/$uid",
  validateSearch: (search: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(search).filter(([name]) => name.startsWith("var-"))),
  component: lazyRouteComponent(() => import("../features/dashboards/view.tsx"), "DashboardPage"),
});
const explore = createRoute({
  getParentRoute: () => rootRoute,
  path: "/explore",
  validateSearch: (search: Record<string, unknown>): ExploreSearch => ({
    expr: text(search.expr),
    view: text(search.view),
  }),
  component: lazyRouteComponent(() => import("../features/explore/view.tsx"), "ExplorePage"),
});
/** Prometheus' own address of the expression browser: alerts carry it as generatorURL. */
const graph = createRoute({
  getParentRoute: () => rootRoute,
  path: "/graph",
  validateSearch: (search: Record<string, unknown>) => ({ "g0.expr": text(search["g0.expr"]) }),
  beforeLoad: ({ search }) => {
    throw redirect({ to: "/explore", search: { expr: search["g0.expr"] } });
  },
});
const targets = createRoute({
  getParentRoute: () => rootRoute,
  path: "/targets",
  component: lazyRouteComponent(() => import("../features/targets/view.tsx"), "TargetsPage"),
});
const notifications = createRoute({
  getParentRoute: () => rootRoute,
  path: "/notifications",
  validateSearch: (search: Record<string, unknown>): NotificationsSearch => ({
    tab: text(search.tab),
    id: text(search.id),
    receiver: text(search.receiver),
    outcome: text(search.outcome),
  }),
  component: lazyRouteComponent(() => import("../features/notifications/view.tsx"), "NotificationsPage"),
});
const routing = createRoute({
  getParentRoute: () => rootRoute,
  path: "/routing",
  validateSearch: (search: Record<string, unknown>): RoutingSearch => ({ labels: text(search.labels) }),
  component: lazyRouteComponent(() => import("../features/routing/view.tsx"), "RoutingPage"),
});
const receivers = createRoute({
  getParentRoute: () => rootRoute,
  path: "/receivers",
  component: lazyRouteComponent(() => import("../features/receivers/view.tsx"), "ReceiversPage"),
});
const admin = createRoute({
  getParentRoute: () => rootRoute,
  path: "/admin",
  component: lazyRouteComponent(() => import("../features/admin/view.tsx"), "AdminPage"),
});

export const router = createRouter({
  routeTree: rootRoute.addChildren([
    overview,
    tenants,
    tenant,
    alerts,
    rules,
    rule,
    ruleEditor,
    newRules,
    alertQuality,
    dashboards,
    dashboard,
    explore,
    graph,
    targets,
    notifications,
    routing,
    receivers,
    admin,
  ]),
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultPendingComponent: () => <Lines count={6} />,
  defaultErrorComponent: ({ reset }) => <Crashed onRetry={reset} />,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function NotFound() {
  const { t } = useTranslation();
  return (
    <div className="empty">
      <strong>{t("problem.notFound")}</strong>
      <p>{t("problem.notFoundHint")}</p>
      <Link to="/">{t("nav.overview")}</Link>
    </div>
  );
}
