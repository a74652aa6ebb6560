// Grafana's dashboard API, so that its tooling works: create or update, get, delete, search, folders.
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from "fastify";
import { z } from "zod";
import { type DashboardEntry, DashboardRefused, type DashboardStore, type SaveRequest } from "./dashboard-store.ts";
import type { Folder } from "./persistence.ts";
import { isObject } from "./read-dashboard.ts";

export interface DashboardRouteDependencies {
  readonly store: DashboardStore;
}

const BODY_BYTES_MAX = 4 << 20;
const SEARCH_LIMIT_DEFAULT = 1000;
const SEARCH_LIMIT_MAX = 5000;

export function dashboardRoutes(deps: DashboardRouteDependencies): FastifyPluginAsync {
  return async (app) => {
    sendRefusals(app);
    saveAndRead(app, deps.store);
    folderRoutes(app, deps.store);
    app.get("/api/search", { config: { access: "viewer" } }, async (request) => search(deps.store, request));
  };
}

function sendRefusals(app: FastifyInstance): void {
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof DashboardRefused)) throw error;
    const status = error.word ? { status: error.word } : {};
    return reply.code(error.status).send({ message: error.message, ...status });
  });
}

function saveAndRead(app: FastifyInstance, store: DashboardStore): void {
  app.post("/api/dashboards/db", { config: { access: "editor" }, bodyLimit: BODY_BYTES_MAX }, async (request) => {
    mustSeeAll(request);
    const entry = store.save(saveRequest(request));
    const { id, uid, version } = entry;
    return {
      id,
      uid,
      url: urlOf(uid),
      status: "success",
      version,
      slug: slugOf(entry.title),
      folderUid: entry.folder?.uid ?? "",
    };
  });
  app.get<{ Params: { uid: string } }>(
    "/api/dashboards/uid/:uid",
    { config: { access: "viewer" } },
    async (request) => {
      const entry = store.get(request.params.uid);
      if (!entry) throw new DashboardRefused(404, "Dashboard not found");
      return {
        meta: metaOf(entry, store, canEdit(request)),
        dashboard: { ...entry.json, id: entry.id, version: entry.version },
      };
    },
  );
  app.delete<{ Params: { uid: string } }>(
    "/api/dashboards/uid/:uid",
    { config: { access: "editor" } },
    async (request) => {
      mustSeeAll(request);
      const { title, id } = store.remove(request.params.uid);
      return { title, message: `Dashboard ${title} deleted`, id };
    },
  );
}

function folderRoutes(app: FastifyInstance, store: DashboardStore): void {
  const view = (folder: Folder) => ({ id: store.idOf(folder.uid), uid: folder.uid, title: folder.title });
  const full = (folder: Folder, request: FastifyRequest) => ({
    ...view(folder),
    url: `/dashboards?folder=${folder.uid}`,
    hasAcl: false,
    canSave: canEdit(request),
    canEdit: canEdit(request),
    canAdmin: canEdit(request),
    version: 1,
  });
  app.get("/api/folders", { config: { access: "viewer" } }, async () => store.listFolders().map(view));
  app.get<{ Params: { uid: string } }>("/api/folders/:uid", { config: { access: "viewer" } }, async (request) => {
    const folder = store.listFolders().find(({ uid }) => uid === request.params.uid);
    if (!folder) throw new DashboardRefused(404, "folder not found");
    return full(folder, request);
  });
  app.post("/api/folders", { config: { access: "editor" } }, async (request) => {
    mustSeeAll(request);
    const body = z.object({ title: z.string().max(200), uid: z.string().optional() }).safeParse(request.body);
    if (!body.success) throw new DashboardRefused(400, 'expected {"title": …, "uid": …}');
    return full(store.createFolder(body.data.title, body.data.uid || undefined), request);
  });
  app.delete<{ Params: { uid: string } }>("/api/folders/:uid", { config: { access: "editor" } }, async (request) => {
    mustSeeAll(request);
    const { uid, title } = store.removeFolder(request.params.uid);
    return { message: `Folder ${title} deleted`, id: store.idOf(uid), title };
  });
}

/** Dashboards belong to all shops together: who is bound to some may read, not change them. */
function mustSeeAll(request: FastifyRequest): void {
  if (request.principal.scope.kind !== "all")
    throw new DashboardRefused(
      403,
      "dashboards are shared by all shops: a credential for some of them cannot change them",
    );
}

function canEdit(request: FastifyRequest): boolean {
  return request.principal.scope.kind === "all" && ["admin", "editor"].includes(request.principal.role);
}

function saveRequest(request: FastifyRequest): SaveRequest {
  const { body } = request;
  if (!isObject(body) || !isObject(body.dashboard))
    throw new DashboardRefused(400, 'expected {"dashboard": {…}, "folderUid": …, "overwrite": …}');
  return {
    dashboard: body.dashboard,
    folderUid: typeof body.folderUid === "string" ? body.folderUid : null,
    overwrite: body.overwrite === true,
    by: request.principal.name,
  };
}

function metaOf(entry: DashboardEntry, store: DashboardStore, editable: boolean) {
  const canSave = editable && entry.origin === "stored";
  return {
    type: "db",
    canSave,
    canEdit: canSave,
    canAdmin: canSave,
    canStar: false,
    canDelete: canSave,
    slug: slugOf(entry.title),
    url: urlOf(entry.uid),
    created: new Date(entry.createdMs).toISOString(),
    updated: new Date(entry.updatedMs).toISOString(),
    createdBy: entry.createdBy,
    updatedBy: entry.updatedBy,
    version: entry.version,
    isFolder: false,
    folderId: entry.folder ? store.idOf(entry.folder.uid) : 0,
    folderUid: entry.folder?.uid ?? "",
    folderTitle: entry.folder?.title ?? "General",
    provisioned: entry.origin !== "stored",
    provisionedExternalId: "",
    /** Ours: built-in, from the configuration, or saved here. */
    origin: entry.origin,
  };
}

function search(store: DashboardStore, request: FastifyRequest): unknown[] {
  const params = new URL(request.url, "http://local").searchParams;
  const words = (params.get("query") ?? "").trim().toLowerCase();
  const type = params.get("type");
  const tags = params.getAll("tag");
  const uids = params.getAll("dashboardUIDs");
  const folderUids = [...params.getAll("folderUIDs"), ...params.getAll("folderUids")];
  const limit = Math.min(SEARCH_LIMIT_MAX, Number(params.get("limit")) || SEARCH_LIMIT_DEFAULT);
  const page = Math.max(1, Number(params.get("page")) || 1);
  const folders = store
    .listFolders()
    .filter(({ title }) => type !== "dash-db" && tags.length + uids.length === 0 && title.toLowerCase().includes(words))
    .map((folder) => ({ ...hit(store.idOf(folder.uid), folder.uid, folder.title, []), type: "dash-folder" }));
  const dashboards = store
    .list()
    .filter(
      (entry) =>
        type !== "dash-folder" &&
        entry.title.toLowerCase().includes(words) &&
        tags.every((tag) => entry.tags.includes(tag)) &&
        (uids.length === 0 || uids.includes(entry.uid)) &&
        (folderUids.length === 0 || folderUids.includes(entry.folder?.uid ?? "general")),
    )
    .map((entry) => ({
      ...hit(entry.id, entry.uid, entry.title, entry.tags),
      type: "dash-db",
      ...folderOf(entry, store),
    }));
  return [...folders, ...dashboards].slice((page - 1) * limit, page * limit);
}

function hit(id: number, uid: string, title: string, tags: readonly string[]) {
  return { id, uid, title, uri: `db/${slugOf(title)}`, url: urlOf(uid), slug: "", tags, isStarred: false, sortMeta: 0 };
}

function folderOf({ folder }: DashboardEntry, store: DashboardStore) {
  return folder ? { folderId: store.idOf(folder.uid), folderUid: folder.uid, folderTitle: folder.title } : {};
}

function urlOf(uid: string): string {
  return `/dashboards/${uid}`;
}

function slugOf(title: string): string {
  return title
    .toLowerCase()
    .normalize("NFD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll("đ", "d")
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
}
