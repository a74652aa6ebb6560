// `storewatch import alertmanager URL`: silences of another Alertmanager into a running Storewatch, over both APIs.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { systemEnvironment } from "../config/environment.ts";
import { loadConfig } from "../config/storewatch-config.ts";
import { createSafeHttp, type SafeHttp } from "../kernel/safe-http.ts";
import { importSilences, type SilenceTarget } from "../notify/index.ts";
import { type CommandContext, type ExitCode, UsageError } from "./output.ts";

export interface ImportFlags {
  readonly server: string;
  /** File with a token for the server; default DATA/admin-token. */
  readonly tokenFile?: string;
  readonly config?: string;
  readonly data?: string;
  /** File with a bearer token for the other side. */
  readonly bearerTokenFile?: string;
}

const TIMEOUT_MS = 30_000;

export async function runImportAlertmanager(
  url: string,
  flags: ImportFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const from = addressOf(url, "the Alertmanager's URL");
  const to = addressOf(flags.server, "--server");
  const token = serverToken(flags, context);
  const bearer = flags.bearerTokenFile && readSecret(path.resolve(context.workingDir, flags.bearerTokenFile));
  const http = createSafeHttp();
  try {
    const report = await importSilences(apiOf(http, from, bearer), apiOf(http, to, token));
    const { created, updated, unchanged, expired, failed } = report;
    context.out(`silences: ${created.length} new, ${updated.length} changed, ${unchanged} there already`);
    context.out(`${expired > 0 ? `, ${expired} expired left out` : ""}\n`);
    for (const { id, reason } of failed) context.err(`storewatch: silence ${id} was not taken: ${reason}\n`);
    return failed.length > 0 ? 1 : 0;
  } finally {
    await http.close();
  }
}

/** Without a slash at the end; with user and password in it, where the other side wants them. */
function addressOf(text: string, what: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new UsageError(`${what}: expected an http or https URL`);
  return text.replace(/\/+$/, "").replace(/\/api\/v2$/, "");
}

function serverToken(flags: ImportFlags, { workingDir }: CommandContext): string {
  if (flags.tokenFile) return readSecret(path.resolve(workingDir, flags.tokenFile));
  const environment = systemEnvironment();
  if (environment.STOREWATCH_TOKEN) return environment.STOREWATCH_TOKEN;
  const { dataDir } = loadConfig({
    ...(flags.config === undefined ? {} : { file: flags.config }),
    flags: flags.data === undefined ? {} : { data: flags.data },
    workingDir,
    environment,
  });
  const file = path.join(dataDir, "admin-token");
  if (existsSync(file)) return readSecret(file);
  throw new UsageError(`no token for the server: ${file} is not there; use --token-file or STOREWATCH_TOKEN`);
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function apiOf(http: SafeHttp, base: string, token: string | undefined): SilenceTarget {
  const shown = new URL(base).origin;
  const request = async (method: string, apiPath: string, body?: unknown): Promise<unknown> => {
    const answer = await http.request({
      method,
      url: base + apiPath,
      headers: {
        accept: "application/json",
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      timeoutMs: TIMEOUT_MS,
      origin: "operator",
    });
    const text = answer.body.toString("utf8");
    if (answer.status >= 300) throw new Error(`${shown} answered ${answer.status}: ${text.trim().slice(0, 300)}`);
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`${shown} does not speak Alertmanager's API: ${text.trim().slice(0, 100)}`);
    }
  };
  return {
    get: (apiPath) => request("GET", apiPath),
    post: (apiPath, body) => request("POST", apiPath, body),
  };
}
