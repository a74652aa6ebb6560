// All pushed groups: kept in a file each, so that what was acknowledged is there after a crash, and written to the store
// again and again, because a batch job pushes once and its numbers hold until the next time.
import { mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import {
  ALL_TENANTS,
  type Clock,
  Labels,
  METRIC_NAME,
  type Sample,
  TENANT_LABEL,
  type TenantId,
  type Timer,
} from "@storewatch/model";
import { z } from "zod";
import { removeFile, replaceFile } from "../../../kernel/durable-file.ts";
import { StorewatchError } from "../../../kernel/errors.ts";
import type { Logger } from "../../../kernel/logger.ts";
import type { Intake } from "../../intake/interface.ts";
import { groupKey, metadataOf, type PushedFamily, type PushGroup } from "./group.ts";

export interface PushGroupsOptions {
  readonly dir: string;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly logger: Logger;
}

const WRITE_EVERY_MS = 15_000;
const GROUPS_MAX = 10_000;
const GROUPS_OF_TENANT_MAX = 1000;

const stored = z.object({
  version: z.literal(1),
  labels: z.array(z.string()),
  pushedMs: z.number(),
  failedMs: z.number(),
  families: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      help: z.string(),
      // Numbers as text: JSON has no NaN and no infinity.
      series: z.array(z.object({ labels: z.array(z.string()), value: z.string() })),
    }),
  ),
});

export class PushGroups {
  private readonly groups = new Map<string, PushGroup>();
  /** Changes of one group come one after the other, in memory and on disk. */
  private changes: Promise<unknown> = Promise.resolve();
  private timer: Timer | undefined;

  constructor(private readonly options: PushGroupsOptions) {}

  /** Reads what was pushed before the restart. A file that cannot be read is left out and named in the log. */
  async open(): Promise<void> {
    await mkdir(this.options.dir, { recursive: true });
    for (const name of await readdir(this.options.dir)) {
      if (!name.endsWith(".json")) continue;
      const file = path.join(this.options.dir, name);
      try {
        const group = fromStored(JSON.parse(await readFile(file, "utf8")));
        this.groups.set(groupKey(group.labels), group);
      } catch (error) {
        this.options.logger.warn({ err: error, file }, "a pushed group could not be read and is left out");
      }
    }
  }

  start(): void {
    this.timer = this.options.clock.setTimer(WRITE_EVERY_MS, () => {
      void this.writeAll();
      this.start();
    });
  }

  stop(): void {
    this.timer?.cancel();
  }

  /** PUT takes the place of the whole group (`isWhole`), POST of the families that it names. */
  push(labels: Labels, families: ReadonlyMap<string, PushedFamily>, isWhole: boolean): Promise<void> {
    return this.inOrder(async () => {
      const key = groupKey(labels);
      const old = this.groups.get(key);
      if (!old) this.requireRoom(labels);
      this.requireSameTypes(key, families);
      const all = isWhole || !old ? families : new Map([...old.families, ...families]);
      const group: PushGroup = {
        labels,
        families: all,
        pushedMs: this.options.clock.nowMs(),
        failedMs: old?.failedMs ?? 0,
      };
      await replaceFile(this.fileOf(key), JSON.stringify(toStored(group)));
      this.groups.set(key, group);
      await this.write(group, endOf(old, group));
    });
  }

  /** A push that was refused leaves its trace, as its group's `push_failure_time_seconds`. */
  failed(labels: Labels): Promise<void> {
    return this.inOrder(async () => {
      const key = groupKey(labels);
      const old = this.groups.get(key);
      if (!old) return;
      this.groups.set(key, { ...old, failedMs: this.options.clock.nowMs() });
    });
  }

  remove(labels: Labels): Promise<void> {
    return this.inOrder(async () => {
      const key = groupKey(labels);
      const old = this.groups.get(key);
      if (!old) return;
      await removeFile(this.fileOf(key));
      this.groups.delete(key);
      await this.options.intake.write(ALL_TENANTS, { samples: endOf(old, undefined).map(this.endNow) });
    });
  }

  /** Removes a shop's groups from memory and disk, without a word to the store. */
  forget(tenant: TenantId): Promise<void> {
    return this.inOrder(async () => {
      for (const [key, group] of this.groups) {
        if (!allSeries(group).some((labels) => labels.get(TENANT_LABEL) === tenant)) continue;
        await removeFile(this.fileOf(key));
        this.groups.delete(key);
      }
    });
  }

  private readonly endNow = (labels: Labels): Sample => ({
    labels,
    timeMs: this.options.clock.nowMs(),
    value: 0,
    stale: true,
  });

  private inOrder<T>(change: () => Promise<T>): Promise<T> {
    const done = this.changes.then(change);
    this.changes = done.catch(() => {});
    return done;
  }

  private requireRoom(labels: Labels): void {
    const tenant = labels.get(TENANT_LABEL);
    const full =
      this.groups.size >= GROUPS_MAX ||
      (tenant !== "" &&
        [...this.groups.values()].filter((group) => group.labels.get(TENANT_LABEL) === tenant).length >=
          GROUPS_OF_TENANT_MAX);
    if (full)
      throw new StorewatchError("LIMIT", { reason: "too many pushed groups: delete those that are over", seconds: 60 });
  }

  /** One name cannot be a counter here and a gauge there. */
  private requireSameTypes(key: string, families: ReadonlyMap<string, PushedFamily>): void {
    for (const [other, group] of this.groups) {
      if (other === key) continue;
      for (const [name, { type }] of families) {
        const known = group.families.get(name);
        if (known && known.type !== type && known.type !== "untyped" && type !== "untyped")
          throw new StorewatchError("BAD_REQUEST", {
            reason: `pushed metrics are invalid or inconsistent with existing metrics: ${name} is a ${known.type} elsewhere, not a ${type}`,
          });
      }
    }
  }

  private async writeAll(): Promise<void> {
    for (const group of [...this.groups.values()]) {
      try {
        await this.write(group, []);
      } catch (error) {
        this.options.logger.warn({ err: error, group: group.labels.toString() }, "writing a pushed group");
      }
    }
  }

  private async write(group: PushGroup, ended: readonly Labels[]): Promise<void> {
    const timeMs = this.options.clock.nowMs();
    const samples: Sample[] = ended.map(this.endNow);
    for (const { series } of group.families.values()) {
      for (const { labels, value } of series) samples.push({ labels, timeMs, value });
    }
    const about = (name: string, ms: number) =>
      samples.push({ labels: group.labels.with(METRIC_NAME, name), timeMs, value: ms / 1000 });
    about("push_time_seconds", group.pushedMs);
    about("push_failure_time_seconds", group.failedMs);
    await this.options.intake.write(ALL_TENANTS, { samples, metadata: metadataOf(group) });
  }

  private fileOf(key: string): string {
    return path.join(this.options.dir, `${key}.json`);
  }
}

/** Series that the old group had and the new one has not. */
function endOf(old: PushGroup | undefined, now: PushGroup | undefined): Labels[] {
  if (!old) return [];
  const kept = new Set(now ? allSeries(now).map(({ key }) => key) : []);
  return allSeries(old).filter(({ key }) => !kept.has(key));
}

function allSeries(group: PushGroup): Labels[] {
  const own = [...group.families.values()].flatMap(({ series }) => series.map(({ labels }) => labels));
  const about = ["push_time_seconds", "push_failure_time_seconds"].map((name) => group.labels.with(METRIC_NAME, name));
  return [...own, ...about];
}

function toStored(group: PushGroup): z.input<typeof stored> {
  return {
    version: 1,
    labels: [...group.labels.pairs],
    pushedMs: group.pushedMs,
    failedMs: group.failedMs,
    families: [...group.families].map(([name, { type, help, series }]) => ({
      name,
      type,
      help,
      series: series.map(({ labels, value }) => ({ labels: [...labels.pairs], value: String(value) })),
    })),
  };
}

/** Throws z.ZodError. */
function fromStored(value: unknown): PushGroup {
  const { labels, pushedMs, failedMs, families } = stored.parse(value);
  return {
    labels: Labels.fromSortedPairs(labels),
    pushedMs,
    failedMs,
    families: new Map(
      families.map(({ name, type, help, series }) => [
        name,
        {
          type,
          help,
          series: series.map((one) => ({ labels: Labels.fromSortedPairs(one.labels), value: Number(one.value) })),
        },
      ]),
    ),
  };
}
