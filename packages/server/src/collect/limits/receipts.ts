// Receipts: who ran into which limit, when, what became of it, with examples. One for each tenant and limit while it goes
// on; after a quiet quarter of an hour the next one begins.
import { readFileSync } from "node:fs";
import { type Clock, type Labels, scopeAllows, type TenantScope } from "@storewatch/model";
import { replaceFile } from "../../kernel/durable-file.ts";
import type { LimitName } from "./settings.ts";

export interface Receipt {
  readonly tenant: string;
  readonly limit: LimitName;
  /** The limit at the time. */
  readonly allowed: number;
  /** What was done with what lay over the limit. */
  readonly outcome: "rolled_up" | "refused";
  readonly firstMs: number;
  readonly lastMs: number;
  /** Different series that were met by it, as far as they are told apart; 0 when it was about samples. */
  readonly series: number;
  /** Samples that were not taken. Of what was rolled up none is lost. */
  readonly samples: number;
  /** The first few series. */
  readonly examples: readonly string[];
}

export interface Hit {
  readonly tenant: string;
  readonly limit: LimitName;
  readonly allowed: number;
  readonly outcome: Receipt["outcome"];
  readonly series: number;
  readonly samples: number;
  readonly example: Labels;
}

const QUIET_MS = 15 * 60_000;
const KEPT_MAX = 1000;
const EXAMPLES_MAX = 5;
const EXAMPLE_CHARACTERS_MAX = 300;
const SAVE_EVERY_MS = 5000;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Entry = Mutable<Omit<Receipt, "examples">> & { examples: string[] };

export interface ReceiptBookOptions {
  readonly clock: Clock;
  /** Where they are kept over a restart; none: in memory only. */
  readonly file?: string;
  readonly onProblem?: (error: unknown) => void;
}

export class ReceiptBook {
  /** Oldest first. */
  private readonly entries: Entry[] = [];
  private readonly open = new Map<string, Entry>();
  private timer: { cancel(): void } | undefined;
  private saving: Promise<void> = Promise.resolve();

  constructor(private readonly options: ReceiptBookOptions) {
    for (const entry of readEntries(options.file)) this.add(entry);
  }

  note(hit: Hit): void {
    const nowMs = this.options.clock.nowMs();
    const known = this.open.get(keyOf(hit));
    const entry = known && nowMs - known.lastMs < QUIET_MS ? known : this.begin(hit, nowMs);
    entry.lastMs = nowMs;
    entry.allowed = hit.allowed;
    entry.series += hit.series;
    entry.samples += hit.samples;
    if (entry.examples.length < EXAMPLES_MAX) {
      const text = hit.example.toString().slice(0, EXAMPLE_CHARACTERS_MAX);
      if (!entry.examples.includes(text)) entry.examples.push(text);
    }
    this.saveSoon();
  }

  /** Newest first. */
  list(scope: TenantScope): Receipt[] {
    return this.entries.filter(({ tenant }) => scopeAllows(scope, tenant)).sort((a, b) => b.lastMs - a.lastMs);
  }

  async close(): Promise<void> {
    if (this.timer) this.save();
    await this.saving;
  }

  private begin({ tenant, limit, allowed, outcome }: Hit, nowMs: number): Entry {
    const entry: Entry = {
      tenant,
      limit,
      allowed,
      outcome,
      firstMs: nowMs,
      lastMs: nowMs,
      series: 0,
      samples: 0,
      examples: [],
    };
    this.add(entry);
    return entry;
  }

  private add(entry: Entry): void {
    this.entries.push(entry);
    this.open.set(keyOf(entry), entry);
    if (this.entries.length <= KEPT_MAX) return;
    const gone = this.entries.shift()!;
    if (this.open.get(keyOf(gone)) === gone) this.open.delete(keyOf(gone));
  }

  private saveSoon(): void {
    if (this.options.file === undefined || this.timer) return;
    this.timer = this.options.clock.setTimer(SAVE_EVERY_MS, () => this.save());
  }

  private save(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const text = `${JSON.stringify({ version: 1, receipts: this.entries })}\n`;
    this.saving = this.saving
      .then(() => replaceFile(this.options.file!, text))
      .catch((error: unknown) => this.options.onProblem?.(error));
  }
}

function keyOf({ tenant, limit, outcome }: Pick<Receipt, "tenant" | "limit" | "outcome">): string {
  return `${limit} ${outcome} ${tenant}`;
}

/** A file that is not there or damaged holds none: receipts are a convenience, and no reason not to start. */
function readEntries(file: string | undefined): Entry[] {
  if (file === undefined) return [];
  try {
    const data: unknown = JSON.parse(readFileSync(file, "utf8"));
    const list = (data as { readonly receipts?: unknown }).receipts;
    return Array.isArray(list) ? list.filter(isEntry) : [];
  } catch {
    return [];
  }
}

function isEntry(value: unknown): value is Entry {
  const entry = value as Partial<Entry> | null;
  return (
    typeof entry?.tenant === "string" &&
    typeof entry.limit === "string" &&
    typeof entry.outcome === "string" &&
    Array.isArray(entry.examples) &&
    [entry.firstMs, entry.lastMs, entry.series, entry.samples, entry.allowed].every((n) => typeof n === "number")
  );
}
