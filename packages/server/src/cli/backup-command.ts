import path from "node:path";
import { VERSION } from "../app/version.ts";
import { systemEnvironment } from "../config/environment.ts";
import { loadConfig } from "../config/storewatch-config.ts";
import { systemClock } from "../kernel/clock.ts";
import { backupDataDir, restoreDataDir } from "../store/backup.ts";
import type { CommandContext } from "./output.ts";

export interface BackupFlags {
  readonly config?: string;
  readonly data?: string;
}

export interface RestoreFlags extends BackupFlags {
  readonly force?: boolean;
}

export async function runBackup(dir: string, flags: BackupFlags, context: CommandContext): Promise<void> {
  const to = path.resolve(context.workingDir, dir);
  const dataDir = dataDirOf(flags, context);
  const { bytes } = await backupDataDir(dataDir, to, systemClock.nowMs(), VERSION);
  context.out(`${dataDir} is copied to ${to} (${megabytes(bytes)})\n`);
}

export async function runRestore(dir: string, flags: RestoreFlags, context: CommandContext): Promise<void> {
  const from = path.resolve(context.workingDir, dir);
  const dataDir = dataDirOf(flags, context);
  const { bytes, replaced } = await restoreDataDir(from, dataDir, systemClock.nowMs(), flags.force === true);
  if (replaced !== undefined) context.out(`what was there is in ${replaced}\n`);
  context.out(`${from} is restored to ${dataDir} (${megabytes(bytes)})\n`);
}

function dataDirOf(flags: BackupFlags, { workingDir }: CommandContext): string {
  const environment = systemEnvironment();
  return loadConfig({ file: flags.config, flags: { data: flags.data }, workingDir, environment }).dataDir;
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`;
}
