// The data directory belongs to one server at a time.
import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { StorewatchError } from "../../kernel/errors.ts";
import { openBareSqlite } from "./sqlite.ts";

export interface DataDirLock {
  release(): void;
}

/** Makes the directory (0700) when it is missing. Throws DATA_UNWRITABLE. */
export function prepareDataDir(dir: string): void {
  try {
    makeDirs(dir);
    if (!statSync(dir).isDirectory()) throw Object.assign(new Error("no directory"), { code: "ENOTDIR" });
    accessSync(dir, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new StorewatchError("DATA_UNWRITABLE", { dir, reason: reasonOf(error) }, { cause: error });
  }
}

/**
 * Takes the directory for this process, or throws DATA_IN_USE. The lock is SQLite's on an empty database: the system
 * frees it when the process ends, however it ends, so a kill leaves nothing to clean up.
 */
export async function lockDataDir(dir: string): Promise<DataDirLock> {
  prepareDataDir(dir);
  const pidFile = path.join(dir, "storewatch.pid");
  const file = path.join(dir, "lock.db");
  const refuse = (error: unknown) => {
    const options = { cause: error };
    if (!/malformed|not a database/i.test(reasonOf(error)))
      return new StorewatchError("DATA_UNWRITABLE", { dir, reason: reasonOf(error) }, options);
    const loss = "there is nothing in it; make sure that no other Storewatch runs on this directory";
    return new StorewatchError("DATA_DAMAGED", { file, reason: reasonOf(error), loss }, options);
  };
  const database = await openBareSqlite(file).catch((error: unknown) => {
    throw refuse(error);
  });
  try {
    database.exec(
      "pragma busy_timeout = 0; pragma locking_mode = exclusive; begin exclusive; create table if not exists held (x); commit;",
    );
    writeFileSync(pidFile, `${process.pid}\n`);
  } catch (error) {
    database.close();
    if (!/locked|busy/i.test(reasonOf(error))) throw refuse(error);
    throw new StorewatchError("DATA_IN_USE", { dir, pid: readPid(pidFile) }, { cause: error });
  }
  return { release: () => database.close() };
}

/** Not mkdir's own `recursive`: below /proc, where nothing can be made, Node 20 and 24 loop in it for ever. */
function makeDirs(dir: string): void {
  if (existsSync(dir)) return;
  makeDirs(path.dirname(dir));
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function readPid(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "unknown";
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EACCES" || code === "EPERM") return "no permission";
  if (code === "EROFS") return "the file system is read-only";
  if (code === "ENOENT") return "it cannot be made there";
  if (code === "EEXIST" || code === "ENOTDIR") return "there is a file in the way";
  return error.message;
}
