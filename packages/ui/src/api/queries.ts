// Query keys begin with the topic of the stream whose events make them stale.
import { queryOptions } from "@tanstack/react-query";
import { routedAlerts, silences } from "./alertmanager.ts";
import { RequestError } from "./http.ts";
import { activeTargets, ruleGroups } from "./prometheus.ts";
import { readDashboards, readInbox, readNotifications, readOverview, readSession, readTenants } from "./storewatch.ts";

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: readSession,
  retry: (failures, error) =>
    failures < 2 && !(error instanceof RequestError && error.status >= 400 && error.status < 500),
  staleTime: 300_000,
});
export const tenantsQuery = queryOptions({ queryKey: ["tenants"], queryFn: readTenants, staleTime: 60_000 });
export const overviewQuery = (range: string) =>
  queryOptions({ queryKey: ["samples", "overview", range], queryFn: () => readOverview(range) });
export const rulesQuery = queryOptions({ queryKey: ["alerts", "rules"], queryFn: ruleGroups });
export const routedAlertsQuery = queryOptions({ queryKey: ["alerts", "routed"], queryFn: () => routedAlerts() });
export const silencesQuery = queryOptions({ queryKey: ["alerts", "silences"], queryFn: silences });
export const targetsQuery = queryOptions({ queryKey: ["targets"], queryFn: activeTargets });
export const notificationsQuery = queryOptions({
  queryKey: ["notifications"],
  queryFn: readNotifications,
});
export const inboxQuery = queryOptions({ queryKey: ["inbox"], queryFn: readInbox });
export const dashboardsQuery = queryOptions({ queryKey: ["dashboards"], queryFn: readDashboards, staleTime: 30_000 });
