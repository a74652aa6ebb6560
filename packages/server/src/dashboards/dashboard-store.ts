// All dashboards: built-in and provisioned ones from files (read-only), and those that users saved.
import { randomBytes } from "node:crypto";
import type { Clock, Finding } from "@storewatch/model";
import { DASHBOARD_UID, type DashboardPersistence, type Folder, type StoredDashboard } from "./persistence.ts";
import { type DashboardJson, dashboardProblem, readDashboardPath } from "./read-dashboard.ts";

const STORED_MAX = 2000;
const FOLDERS_MAX = 500;

export interface DashboardEntry {
  /** A number for tools that want one: stable while the process runs. */
  readonly id: number;
  readonly uid: string;
  readonly title: string;
  readonly tags: readonly string[];
  readonly folder: Folder | null;
  readonly origin: "builtin" | "provisioned" | "stored";
  readonly version: number;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly createdBy: string;
  readonly updatedBy: string;
  readonly json: DashboardJson;
}

export interface SaveRequest {
  readonly dashboard: DashboardJson;
  readonly folderUid: string | null;
  readonly overwrite: boolean;
  readonly by: string;
}

/** A change that is refused, with Grafana's status word where it has one. */
export class DashboardRefused extends Error {
  constructor(
    readonly status: 400 | 403 | 404 | 412,
    message: string,
    readonly word?: "version-mismatch" | "name-exists",
  ) {
    super(message);
  }
}

export interface DashboardStoreOptions {
  readonly persistence: DashboardPersistence;
  readonly clock: Clock;
  /** Folder of the built-in dashboards. */
  readonly builtinDir: string;
  /** Files or folders of the configuration. */
  readonly provisioned: readonly string[];
}

export class DashboardStore {
  private fromFiles = new Map<string, DashboardEntry>();
  private readonly stored = new Map<string, StoredDashboard>();
  private folders: Folder[];
  private readonly ids = new Map<string, number>();

  constructor(private readonly options: DashboardStoreOptions) {
    this.folders = options.persistence.loadFolders();
    for (const stored of options.persistence.loadDashboards()) this.stored.set(stored.uid, stored);
  }

  /** Reads the files again. With a finding that is an error nothing changes, so that a bad edit keeps the old ones. */
  reload(provisioned = this.options.provisioned): readonly Finding[] {
    const builtin = readDashboardPath(this.options.builtinDir);
    const given = provisioned.map(readDashboardPath);
    const findings = [...builtin.findings, ...given.flatMap((result) => result.findings)];
    if (findings.some((finding) => finding.severity === "error")) return findings;
    const next = new Map<string, DashboardEntry>();
    for (const { uid, dashboard } of builtin.dashboards) next.set(uid, this.fileEntry(uid, dashboard, "builtin"));
    // A provisioned dashboard may take a built-in one's place.
    for (const { uid, dashboard } of given.flatMap((result) => result.dashboards))
      next.set(uid, this.fileEntry(uid, dashboard, "provisioned"));
    this.fromFiles = next;
    return findings;
  }

  /** By title. */
  list(): DashboardEntry[] {
    const stored = [...this.stored.values()].filter(({ uid }) => !this.fromFiles.has(uid));
    return [...this.fromFiles.values(), ...stored.map((entry) => this.storedEntry(entry))].sort((a, b) =>
      a.title.localeCompare(b.title),
    );
  }

  get(uid: string): DashboardEntry | undefined {
    const stored = this.stored.get(uid);
    return this.fromFiles.get(uid) ?? (stored && this.storedEntry(stored));
  }

  /** Creates or updates. Throws DashboardRefused. */
  save(request: SaveRequest): DashboardEntry {
    const { dashboard, overwrite, by } = request;
    const problem = dashboardProblem(dashboard);
    if (problem !== undefined) throw new DashboardRefused(400, problem);
    const uid = this.uidFor(dashboard);
    const known = this.stored.get(uid);
    if (this.fromFiles.has(uid)) throw new DashboardRefused(400, "Cannot save provisioned dashboard");
    const folder = this.folderOf(request.folderUid);
    if (known && !overwrite && dashboard.version !== known.version)
      throw new DashboardRefused(412, "The dashboard has been changed by someone else", "version-mismatch");
    const same = this.list().find((e) => e.title === dashboard.title && e.folder?.uid === folder?.uid && e.uid !== uid);
    if (same && !overwrite)
      throw new DashboardRefused(412, "A dashboard with the same name in the folder already exists", "name-exists");
    if (!known && this.stored.size >= STORED_MAX) throw new DashboardRefused(403, `at most ${STORED_MAX} dashboards`);
    const version = (known?.version ?? 0) + 1;
    const nowMs = this.options.clock.nowMs();
    const stored: StoredDashboard = {
      format: 1,
      uid,
      folderUid: folder?.uid ?? null,
      version,
      createdMs: known?.createdMs ?? nowMs,
      updatedMs: nowMs,
      createdBy: known?.createdBy ?? by,
      updatedBy: by,
      dashboard: { ...dashboard, id: this.idOf(uid), uid, version },
    };
    this.options.persistence.saveDashboard(stored);
    this.stored.set(uid, stored);
    return this.storedEntry(stored);
  }

  /** What was deleted. Throws DashboardRefused. */
  remove(uid: string): DashboardEntry {
    if (this.fromFiles.has(uid)) throw new DashboardRefused(400, "provisioned dashboard cannot be deleted");
    const entry = this.get(uid);
    if (!entry) throw new DashboardRefused(404, "Dashboard not found");
    this.options.persistence.removeDashboard(uid);
    this.stored.delete(uid);
    return entry;
  }

  listFolders(): readonly Folder[] {
    return this.folders;
  }

  createFolder(title: string, uid = randomUid()): Folder {
    if (title.trim() === "") throw new DashboardRefused(400, "folder title cannot be empty");
    if (!DASHBOARD_UID.test(uid)) throw new DashboardRefused(400, "uid contains illegal characters");
    if (this.folders.some((folder) => folder.uid === uid))
      throw new DashboardRefused(412, "a folder with the same uid already exists");
    if (this.folders.length >= FOLDERS_MAX) throw new DashboardRefused(403, `at most ${FOLDERS_MAX} folders`);
    const folder = { uid, title };
    this.setFolders([...this.folders, folder]);
    return folder;
  }

  /** Deletes the folder and, as Grafana does, the dashboards in it. */
  removeFolder(uid: string): Folder {
    const folder = this.folderOf(uid);
    if (!folder) throw new DashboardRefused(404, "folder not found");
    for (const stored of [...this.stored.values()]) if (stored.folderUid === uid) this.remove(stored.uid);
    this.setFolders(this.folders.filter((other) => other.uid !== uid));
    return folder;
  }

  /** A number for a uid (or a folder's): given once, kept while the process runs. */
  idOf(uid: string): number {
    const known = this.ids.get(uid);
    if (known !== undefined) return known;
    this.ids.set(uid, this.ids.size + 1);
    return this.ids.size;
  }

  private setFolders(folders: Folder[]): void {
    this.options.persistence.saveFolders(folders);
    this.folders = folders;
  }

  private folderOf(uid: string | null): Folder | null {
    if (uid === null || uid === "" || uid === "general") return null;
    const folder = this.folders.find((candidate) => candidate.uid === uid);
    if (!folder) throw new DashboardRefused(404, "folder not found");
    return folder;
  }

  private uidFor(dashboard: DashboardJson): string {
    const given = dashboard.uid;
    if (given === undefined || given === null || given === "") return randomUid();
    if (typeof given === "string" && DASHBOARD_UID.test(given)) return given;
    throw new DashboardRefused(400, "uid contains illegal characters");
  }

  private fileEntry(uid: string, json: DashboardJson, origin: "builtin" | "provisioned"): DashboardEntry {
    const version = typeof json.version === "number" ? json.version : 1;
    const times = { createdMs: 0, updatedMs: 0, createdBy: "", updatedBy: "" };
    return { id: this.idOf(uid), uid, ...titleAndTags(json), folder: null, origin, version, ...times, json };
  }

  private storedEntry(stored: StoredDashboard): DashboardEntry {
    const { uid, version, createdMs, updatedMs, createdBy, updatedBy, dashboard } = stored;
    const folder = this.folders.find((candidate) => candidate.uid === stored.folderUid) ?? null;
    const head = { id: this.idOf(uid), uid, ...titleAndTags(dashboard), folder, origin: "stored" as const };
    return { ...head, version, createdMs, updatedMs, createdBy, updatedBy, json: dashboard };
  }
}

function titleAndTags(json: DashboardJson): { title: string; tags: string[] } {
  const tags = Array.isArray(json.tags) ? json.tags.filter((tag) => typeof tag === "string") : [];
  return { title: String(json.title ?? ""), tags };
}

function randomUid(): string {
  return randomBytes(9).toString("base64url");
}
