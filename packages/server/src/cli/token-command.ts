import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { parseTenantId } from "@storewatch/model";
import { storeToken } from "../auth/index.ts";
import { systemEnvironment } from "../config/environment.ts";
import { loadConfig } from "../config/storewatch-config.ts";
import { systemClock } from "../kernel/clock.ts";
import { metadataFile, openMetadataStore, prepareDataDir } from "../store/meta/index.ts";
import type { Role } from "../tenant/principal.ts";
import { type CommandContext, UsageError } from "./output.ts";

export interface TokenFlags {
  readonly role: Role;
  readonly tenant?: readonly string[];
  readonly name?: string;
  readonly config?: string;
  readonly data?: string;
}

/** The token alone on stdout, so that a script can take it; what it is on stderr. */
export async function runTokenCreate(flags: TokenFlags, { out, err, workingDir }: CommandContext): Promise<void> {
  const tenants = flags.tenant?.flatMap((text) => text.split(",")) ?? null;
  const wrong = tenants?.find((id) => parseTenantId(id) === undefined);
  if (wrong !== undefined) throw new UsageError(`--tenant ${wrong}: no shop id`);
  const { dataDir } = loadConfig({
    file: flags.config,
    flags: { data: flags.data },
    workingDir,
    environment: systemEnvironment(),
  });
  if (!existsSync(metadataFile(dataDir)))
    err(`storewatch: ${dataDir} holds no data yet; the token is for a server that will use it\n`);
  prepareDataDir(dataDir);
  const store = await openMetadataStore(metadataFile(dataDir));
  try {
    const name = flags.name ?? `${flags.role} from the command line`;
    const who = `command line (${userName()})`;
    const { token, record } = await storeToken(store, systemClock, { name, role: flags.role, tenants }, who);
    const detail = `${flags.role}, ${tenants === null ? "all shops" : tenants.join(" ")}`;
    await store.audit({ atMs: record.createdAtMs, who, action: "token.create", subject: name, detail });
    out(`${token}\n`);
    err(`token ${record.id}: ${detail}; it is not shown again\n`);
  } finally {
    await store.close();
  }
}

/** Containers may run as a user without a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "unknown";
  }
}
