// Peers are real programs that tests talk to. Absent: skipped by name, or a failure where peers are required.
import { accessSync, constants } from "node:fs";
import path from "node:path";

const HINTS: Readonly<Record<string, string>> = {
  promtool: "prometheus",
  prometheus: "prometheus",
  amtool: "prometheus-alertmanager",
  "prometheus-alertmanager": "prometheus-alertmanager",
  "victoria-metrics": "victoria-metrics",
  chromium: "chromium",
  initdb: "postgresql",
  "redis-cli": "redis-server",
};

/** Path of an installed program, or undefined with one line on what to install; throws under STOREWATCH_REQUIRE_PEERS=1. */
export function findPeer(program: string, firstDirs: readonly string[] = []): string | undefined {
  for (const dir of [...firstDirs, ...(process.env.PATH ?? "").split(path.delimiter)]) {
    const file = path.join(dir, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not in this directory
    }
  }
  const line = `skipped: needs ${program} (Debian package ${HINTS[program] ?? program})`;
  if (process.env.STOREWATCH_REQUIRE_PEERS === "1") throw new Error(line);
  console.log(line);
  return undefined;
}
