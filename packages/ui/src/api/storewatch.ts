// Our own API and Grafana's, read with the schemas that the server writes them by.
import {
  type Annotation,
  annotationSchema,
  type InboxMessage,
  inboxSchema,
  type NotificationView,
  notificationListSchema,
  type Overview,
  overviewSchema,
  type Session,
  type SignIn,
  sessionSchema,
  type TenantOverview,
  type TenantView,
  tenantListSchema,
  tenantOverviewSchema,
} from "@storewatch/model/api";
import { z } from "zod";
import { request } from "./http.ts";

const OWN = "/api/storewatch/v1";

export const readSession = async (): Promise<Session> => sessionSchema.parse(await request(`${OWN}/session`));

export async function signIn(credentials: SignIn): Promise<void> {
  await request(`${OWN}/session`, { method: "POST", json: credentials });
}

export async function signOut(): Promise<void> {
  await request(`${OWN}/session`, { method: "DELETE" });
}

export const readTenants = async (): Promise<readonly TenantView[]> =>
  tenantListSchema.parse(await request(`${OWN}/tenants`)).tenants;

export const readOverview = async (range: string): Promise<Overview> =>
  overviewSchema.parse(await request(`${OWN}/overview?range=${encodeURIComponent(range)}`));

export async function readTenantOverview(
  id: string,
  fromMs: number,
  toMs: number | undefined,
): Promise<TenantOverview> {
  const span = toMs === undefined ? `range=${Math.round((Date.now() - fromMs) / 1000)}s` : `from=${fromMs}&to=${toMs}`;
  return tenantOverviewSchema.parse(await request(`${OWN}/tenants/${encodeURIComponent(id)}/overview?${span}`));
}

export async function readNotifications(before: string | undefined): Promise<readonly NotificationView[]> {
  const more = before ? `&before=${encodeURIComponent(before)}` : "";
  return notificationListSchema.parse(await request(`${OWN}/notifications?limit=100${more}`)).notifications;
}

export const readInbox = async (): Promise<readonly InboxMessage[]> =>
  inboxSchema.parse(await request(`${OWN}/inbox`)).messages;

export async function readDeploys(fromMs: number, toMs: number): Promise<readonly Annotation[]> {
  const reply = await request(
    `/api/annotations?from=${Math.floor(fromMs)}&to=${Math.ceil(toMs)}&tags=deploy&limit=200`,
  );
  return z.array(annotationSchema).parse(reply);
}

const searchHitSchema = z.looseObject({
  uid: z.string(),
  title: z.string(),
  type: z.string().optional(),
  tags: z.array(z.string()).optional(),
  folderTitle: z.string().optional(),
});
export type DashboardHit = z.infer<typeof searchHitSchema>;

export async function readDashboards(): Promise<readonly DashboardHit[]> {
  const hits = z.array(searchHitSchema).parse(await request("/api/search?type=dash-db&limit=1000"));
  return hits.filter((hit) => hit.type !== "dash-folder");
}

/** The JSON as stored; features/dashboards normalises it. */
export async function readDashboard(uid: string): Promise<unknown> {
  return request(`/api/dashboards/uid/${encodeURIComponent(uid)}`);
}
