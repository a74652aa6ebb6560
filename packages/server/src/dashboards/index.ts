export { annotationRoutes } from "./annotation-route.ts";
export { AnnotationStore, type NewAnnotation } from "./annotation-store.ts";
export { DashboardStore } from "./dashboard-store.ts";
export { DeployWatcher, VERSIONS_QUERY } from "./deploys.ts";
export { type DashboardPersistence, FileDashboards } from "./persistence.ts";
export { readDashboardText } from "./read-dashboard.ts";
export { dashboardRoutes } from "./route.ts";
