// Where dashboards of users are kept: one JSON file each, written beside and renamed, so that a crash leaves the old one.
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { z } from "zod";

const dashboardJson = z.record(z.string(), z.unknown());
const storedSchema = z.object({
  format: z.literal(1),
  uid: z.string(),
  /** null: the general folder. */
  folderUid: z.string().nullable(),
  version: z.number().int(),
  createdMs: z.number(),
  updatedMs: z.number(),
  createdBy: z.string(),
  updatedBy: z.string(),
  /** Grafana's JSON as it was sent, with uid and version set. */
  dashboard: dashboardJson,
});
export type StoredDashboard = Readonly<z.infer<typeof storedSchema>>;
const folderSchema = z.object({ uid: z.string(), title: z.string() });
export type Folder = Readonly<z.infer<typeof folderSchema>>;

/** What is saved is durable when the call returns. */
export interface DashboardPersistence {
  loadDashboards(): StoredDashboard[];
  loadFolders(): Folder[];
  saveDashboard(stored: StoredDashboard): void;
  removeDashboard(uid: string): void;
  saveFolders(folders: readonly Folder[]): void;
}

/** A uid is a file name here: the store checks it against this first. */
export const DASHBOARD_UID = /^[A-Za-z0-9_-]{1,40}$/;
/** No uid starts with a dot. */
const FOLDERS_FILE = ".folders.json";

export class FileDashboards implements DashboardPersistence {
  /** `onUnreadable` hears of files that cannot be read; they are left alone. */
  constructor(
    private readonly directory: string,
    private readonly onUnreadable: (file: string, reason: string) => void,
  ) {
    mkdirSync(directory, { recursive: true });
  }

  loadDashboards(): StoredDashboard[] {
    return readdirSync(this.directory)
      .filter((name) => name.endsWith(".json") && !name.startsWith("."))
      .sort()
      .flatMap((name) => {
        const file = path.join(this.directory, name);
        try {
          return [storedSchema.parse(JSON.parse(readFileSync(file, "utf8")))];
        } catch (error) {
          this.onUnreadable(file, error instanceof Error ? error.message : String(error));
          return [];
        }
      });
  }

  loadFolders(): Folder[] {
    const file = path.join(this.directory, FOLDERS_FILE);
    try {
      return z.array(folderSchema).parse(JSON.parse(readFileSync(file, "utf8")));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.onUnreadable(file, String(error));
      return [];
    }
  }

  saveDashboard(stored: StoredDashboard): void {
    replaceFile(path.join(this.directory, `${stored.uid}.json`), JSON.stringify(stored, null, 1));
  }

  removeDashboard(uid: string): void {
    rmSync(path.join(this.directory, `${uid}.json`), { force: true });
  }

  saveFolders(folders: readonly Folder[]): void {
    replaceFile(path.join(this.directory, FOLDERS_FILE), JSON.stringify(folders, null, 1));
  }
}

/** Old or new, never half: written beside, synced, renamed. */
export function replaceFile(file: string, text: string): void {
  const beside = `${file}.tmp`;
  const descriptor = openSync(beside, "w", 0o640);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(beside, file);
}
