export type { OverviewSources } from "./platform.ts";
export { overviewRoutes } from "./route.ts";
