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
}
interface ExploreSearch {
  readonly expr?: string;
  readonly view?: string;
}
interface NotificationsSearch {
  readonly tab?: string;
  readonly id?: string;
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
  }),
  component: lazyRouteComponent(() => import("../features/alerts/view.tsx"), "AlertsPage"),
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
  }),
  component: lazyRouteComponent(() => import("../features/notifications/view.tsx"), "NotificationsPage"),
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
    dashboards,
    dashboard,
    explore,
    graph,
    targets,
    notifications,
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
