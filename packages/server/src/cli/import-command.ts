// `storewatch import alertmanager URL`: silences of another Alertmanager into a running Storewatch, over both APIs.
import path from "node:path";
import { createSafeHttp, type SafeHttp } from "../kernel/safe-http.ts";
import { importSilences, type SilenceTarget } from "../notify/index.ts";
import { addressOf, readSecret, type ServerFlags, serverToken } from "./import-server.ts";
import type { CommandContext, ExitCode } from "./output.ts";

export interface ImportFlags extends ServerFlags {
  /** File with a bearer token for the other side. */
  readonly bearerTokenFile?: string;
}

const TIMEOUT_MS = 30_000;

export async function runImportAlertmanager(
  url: string,
  flags: ImportFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const from = addressOf(url, "the Alertmanager's URL").replace(/\/api\/v2$/, "");
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
