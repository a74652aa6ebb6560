// Query keys begin with the topic of the stream whose events make them stale.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
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
export const ruleGroupsQuery = queryOptions({
  queryKey: ["alerts", "rule-groups"],
  queryFn: async () => (await import("../features/rules/rules-api.ts")).readRuleGroups(),
  // A credential of single shops may not see them: the list then shows none as editable.
  retry: false,
  staleTime: 30_000,
});
export const silencesQuery = queryOptions({ queryKey: ["alerts", "silences"], queryFn: silences });
export const targetsQuery = queryOptions({ queryKey: ["targets"], queryFn: activeTargets });
/** Notifications asked for at once. */
const NOTIFICATIONS = 100;
export const notificationsQuery = infiniteQueryOptions({
  queryKey: ["notifications", "list"],
  queryFn: ({ pageParam }) => readNotifications(NOTIFICATIONS, pageParam),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => (page.length < NOTIFICATIONS ? undefined : page.at(-1)?.id),
});
export const inboxQuery = queryOptions({ queryKey: ["inbox"], queryFn: readInbox });
export const dashboardsQuery = queryOptions({ queryKey: ["dashboards"], queryFn: readDashboards, staleTime: 30_000 });
