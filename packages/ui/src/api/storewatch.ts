// Our own API and Grafana's, read with the schemas that the server writes them by.
import type {
  Annotation,
  InboxMessage,
  NotificationView,
  Overview,
  Session,
  SignIn,
  TenantOverview,
  TenantView,
} from "@storewatch/model/api";
import type { z } from "zod";
import { request } from "./http.ts";

type Schemas = typeof import("./schemas.ts");

const OWN = "/api/storewatch/v1";

/** Asks and checks; the schemas load while the answer is on its way. */
async function read<K extends keyof Schemas>(schema: K, path: string): Promise<z.infer<Schemas[K]>> {
  const [schemas, json] = await Promise.all([import("./schemas.ts"), request(path)]);
  return schemas[schema].parse(json) as z.infer<Schemas[K]>;
}

export const readSession = (): Promise<Session> => read("sessionSchema", `${OWN}/session`);

export async function signIn(credentials: SignIn): Promise<void> {
  await request(`${OWN}/session`, { method: "POST", json: credentials });
}

export async function signOut(): Promise<void> {
  await request(`${OWN}/session`, { method: "DELETE" });
}

export const readTenants = async (): Promise<readonly TenantView[]> =>
  (await read("tenantListSchema", `${OWN}/tenants`)).tenants;

export const readOverview = (range: string): Promise<Overview> =>
  read("overviewSchema", `${OWN}/overview?range=${encodeURIComponent(range)}`);

/** `toMs` undefined: up to now. */
export function readTenantOverview(id: string, fromMs: number, toMs: number | undefined): Promise<TenantOverview> {
  const span = toMs === undefined ? `range=${Math.round((Date.now() - fromMs) / 1000)}s` : `from=${fromMs}&to=${toMs}`;
  return read("tenantOverviewSchema", `${OWN}/tenants/${encodeURIComponent(id)}/overview?${span}`);
}

/** Newest first; `before`: the id of the oldest one that is known already. */
export const readNotifications = async (limit: number, before?: string): Promise<readonly NotificationView[]> => {
  const rest = before === undefined ? "" : `&before=${encodeURIComponent(before)}`;
  return (await read("notificationListSchema", `${OWN}/notifications?limit=${limit}${rest}`)).notifications;
};

export const readInbox = async (): Promise<readonly InboxMessage[]> =>
  (await read("inboxSchema", `${OWN}/inbox`)).messages;

export const readDeploys = (fromMs: number, toMs: number): Promise<readonly Annotation[]> =>
  read(
    "annotationListSchema",
    `/api/annotations?from=${Math.floor(fromMs)}&to=${Math.ceil(toMs)}&tags=deploy&limit=200`,
  );

export type DashboardHit = z.infer<Schemas["searchSchema"]>[number];

export async function readDashboards(): Promise<readonly DashboardHit[]> {
  const hits = await read("searchSchema", "/api/search?type=dash-db&limit=1000");
  return hits.filter((hit) => hit.type !== "dash-folder");
}

/** The JSON as stored; features/dashboards normalises it. */
export async function readDashboard(uid: string): Promise<unknown> {
  return request(`/api/dashboards/uid/${encodeURIComponent(uid)}`);
}
