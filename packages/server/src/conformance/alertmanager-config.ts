// Alertmanager configurations: the file's name says whether it must load.
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { loadAlertmanagerConfig } from "../alerts/config/index.ts";
import { ConfigError, parseConfigDocument } from "../config/document.ts";
import type { Suite, SuiteReport } from "./suite.ts";

const REJECT = /-both-|-no-|nil-|invalid|old-team|update-message-and-webhook|\bbad\b/;
/** Names that hold a word of the list above and load all the same. */
const ACCEPT = /default|good|smtp-no-username|empty-fields|group-by-all|http-config/;

function mustLoad(name: string): boolean {
  if (/old-team|-both-|nil-|invalid|\bbad\b/.test(name)) return false;
  return ACCEPT.test(name) || !REJECT.test(name);
}

async function check(folder: string, file: string, report: SuiteReport): Promise<void> {
  const name = path.posix.join(path.basename(folder), file);
  const problem = problemOf(file, await readFile(path.join(folder, file), "utf8"));
  const wanted = mustLoad(file);
  if ((problem === undefined) === wanted) report.pass(name);
  else report.fail(name, wanted ? `refused: ${problem}` : "accepted, should be refused");
}

function problemOf(file: string, text: string): string | undefined {
  try {
    loadAlertmanagerConfig(parseConfigDocument(file, text));
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

export const alertmanagerConfigSuite: Suite = {
  name: "alertmanager-config",
  needs: "alertmanager/config",
  async run(dataDir, report) {
    for (const folder of ["config", "cli"]) {
      const dir = path.join(dataDir, "alertmanager", folder);
      const files = await readdir(dir).catch(() => []);
      for (const file of files.filter((name) => name.endsWith(".yml")).sort()) await check(dir, file, report);
    }
  },
};
