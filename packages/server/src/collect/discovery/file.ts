// Target lists in files, JSON or YAML, that other tools write. A file is read again when it changes and at every refresh
// interval; one that cannot be read or understood keeps the list that it gave last.
import { type FSWatcher, watch } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Timer } from "@storewatch/model";
import { z } from "zod";
import { parseConfigDocument, validate } from "../../config/document.ts";
import { glob } from "../glob.ts";
import { text, textMap, texts, withSources } from "../prometheus/fields.ts";
import type { FileDiscoveryConfig, TargetGroup } from "../prometheus-config.ts";
import type { Discovery, DiscoveryDeps, OnGroups } from "./interface.ts";

/** Editors write in several steps; one reading for all of them. */
const SETTLE_MS = 50;

export function fileDiscovery(config: FileDiscoveryConfig, deps: DiscoveryDeps): Discovery {
  return new FileDiscovery(config, deps);
}

class FileDiscovery implements Discovery {
  private readonly known = new Map<string, readonly TargetGroup[]>();
  private readonly watchers = new Map<string, FSWatcher>();
  private refresh: Timer | undefined;
  private settle: Timer | undefined;
  private onGroups: OnGroups = () => {};
  private reading = false;
  private again = false;
  private stopped = false;

  constructor(
    private readonly config: FileDiscoveryConfig,
    private readonly deps: DiscoveryDeps,
  ) {}

  start(onGroups: OnGroups): void {
    this.onGroups = onGroups;
    void this.read();
    this.scheduleRefresh();
  }

  stop(): void {
    this.stopped = true;
    this.refresh?.cancel();
    this.settle?.cancel();
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  private scheduleRefresh(): void {
    this.refresh = this.deps.clock.setTimer(this.config.refreshIntervalMs, () => {
      void this.read();
      this.scheduleRefresh();
    });
  }

  /** One reading at a time; a change during it asks for another. */
  private async read(): Promise<void> {
    if (this.reading) {
      this.again = true;
      return;
    }
    this.reading = true;
    do {
      this.again = false;
      this.watchFolders();
      await this.readAll();
    } while (this.again && !this.stopped);
    this.reading = false;
    if (!this.stopped) this.onGroups([...this.known.values()].flat());
  }

  private async readAll(): Promise<void> {
    const files = [...new Set(this.config.files.flatMap((pattern) => glob(pattern)))];
    for (const file of this.known.keys()) if (!files.includes(file)) this.known.delete(file);
    for (const file of files) {
      try {
        this.known.set(file, parseTargetFile(file, await readFile(file, "utf8")));
      } catch (error) {
        this.deps.onProblem(file, error instanceof Error ? error.message : String(error));
      }
    }
  }

  /** Folders are watched, not files: a file that is replaced by renaming is another file. */
  private watchFolders(): void {
    const folders = new Set(this.config.files.map((pattern) => path.dirname(pattern)));
    for (const folder of folders) {
      if (this.watchers.has(folder) || this.stopped) continue;
      try {
        const watcher = watch(folder, { persistent: false }, () => this.changed());
        // The folder went away: the refresh interval looks for it again.
        watcher.on("error", () => {
          watcher.close();
          this.watchers.delete(folder);
        });
        this.watchers.set(folder, watcher);
      } catch {
        // Not there (yet), or a pattern in the folder's name: the refresh interval has to do.
      }
    }
  }

  private changed(): void {
    if (this.stopped) return;
    this.settle?.cancel();
    this.settle = this.deps.clock.setTimer(SETTLE_MS, () => void this.read());
  }
}

const groupsSchema = z.array(
  z.strictObject(
    { targets: texts, labels: textMap, source: text },
    { error: (issue) => (issue.input == null ? "nil target group item found" : undefined) },
  ),
);

/** The groups of a file, each with `__meta_filepath`. Throws ConfigError. */
export function parseTargetFile(file: string, content: string): TargetGroup[] {
  const document = withSources(parseConfigDocument(file, content));
  if (document.data === null) return [];
  const groups = validate(groupsSchema, document);
  return groups.map(({ targets, labels }) => ({
    targets: targets ?? [],
    labels: { ...labels, __meta_filepath: file },
  }));
}
