// The first credential: a token in a file that only the owner of the data directory can read.
import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Clock } from "@storewatch/model";
import type { MetadataStore } from "../store/meta/interface.ts";
import { hashSecret, newToken } from "./secrets.ts";

const ID = "admin-token";

/**
 * While there are no users, DATA/admin-token holds a valid admin token; deleting the file makes a new one at the next
 * start, and the old one ends. A text that is too short for a token (24 characters) counts as none. Returns the file's path when this start made it. The token itself is never logged.
 */
export async function ensureAdminToken(
  store: MetadataStore,
  dataDir: string,
  clock: Clock,
): Promise<string | undefined> {
  if ((await store.users()).length > 0) return undefined;
  const file = path.join(dataDir, "admin-token");
  const kept = readToken(file);
  const token = kept ?? newToken();
  if (kept === undefined) writePrivate(file, `${token}\n`);
  else chmodSync(file, 0o600);
  const hash = hashSecret(token);
  if ((await store.tokenByHash(hash)) === undefined) {
    const createdAtMs = clock.nowMs();
    const grant = { role: "admin", tenants: null } as const;
    await store.putToken({
      id: ID,
      name: ID,
      hash,
      ...grant,
      createdAtMs,
      createdBy: "storewatch",
      lastUsedAtMs: null,
    });
  }
  return kept === undefined ? file : undefined;
}

function readToken(file: string): string | undefined {
  try {
    const text = readFileSync(file, "utf8").trim();
    // What is left of a damaged file must not become a credential that can be guessed.
    return /^[\x21-\x7e]{24,512}$/.test(text) ? text : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Never readable by others, not even for a moment; complete or absent. */
function writePrivate(file: string, text: string): void {
  const draft = `${file}.new`;
  writeFileSync(draft, text, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}
