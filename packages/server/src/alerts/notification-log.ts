// What each integration of each group was last told: decides whether there is news, also after a restart.
import type { NotificationReason } from "@storewatch/model";

export interface NotifiedEntry {
  /** Group key, receiver, kind and index. */
  readonly key: string;
  readonly atMs: number;
  /** Fingerprints. */
  readonly firing: readonly string[];
  readonly resolved: readonly string[];
  readonly expiresAtMs: number;
}

export interface NotificationLogOptions {
  readonly save: (key: string, entry: NotifiedEntry | undefined) => Promise<void>;
}

/** An entry outlives at least this, however short repeat_interval is: a resolved message may still be due. */
const KEEP_AT_LEAST_MS = 3_600_000;
/** Longer than this nothing is remembered, so a longer repeat_interval repeats then. */
const KEEP_AT_MOST_MS = 120 * 3_600_000;

export class NotificationLog {
  private readonly entries = new Map<string, NotifiedEntry>();

  constructor(private readonly options: NotificationLogOptions) {}

  restore(entry: NotifiedEntry): void {
    this.entries.set(entry.key, entry);
  }

  get(key: string): NotifiedEntry | undefined {
    return this.entries.get(key);
  }

  async record(entry: Omit<NotifiedEntry, "expiresAtMs">, repeatIntervalMs: number): Promise<void> {
    const keepMs = Math.min(KEEP_AT_MOST_MS, Math.max(KEEP_AT_LEAST_MS, 2 * repeatIntervalMs));
    const full = { ...entry, expiresAtMs: entry.atMs + keepMs };
    this.entries.set(entry.key, full);
    await this.options.save(entry.key, full);
  }

  async collectGarbage(nowMs: number): Promise<void> {
    for (const entry of [...this.entries.values()]) {
      if (entry.expiresAtMs > nowMs) continue;
      this.entries.delete(entry.key);
      await this.options.save(entry.key, undefined);
    }
  }
}

/** Why a group's state is news to an integration; undefined when it is none. */
export function notificationReason(
  entry: Pick<NotifiedEntry, "atMs" | "firing" | "resolved"> | undefined,
  firing: readonly string[],
  resolved: readonly string[],
  repeatIntervalMs: number,
  sendResolved: boolean,
  nowMs: number,
): NotificationReason | undefined {
  if (!entry) return firing.length > 0 ? "first notification" : undefined;
  if (!isSubset(firing, entry.firing)) return "new alerts added";
  // All is resolved: to be noted even without send_resolved, so that the next firing is news. Nobody was told of what
  // fired and resolved between two flushes.
  if (firing.length === 0) return entry.firing.length > 0 ? "all alerts resolved" : undefined;
  if (sendResolved && !isSubset(resolved, entry.resolved)) return "some alerts resolved";
  return entry.atMs < nowMs - repeatIntervalMs ? "repeat interval elapsed" : undefined;
}

function isSubset(part: readonly string[], whole: readonly string[]): boolean {
  const set = new Set(whole);
  return part.every((item) => set.has(item));
}
