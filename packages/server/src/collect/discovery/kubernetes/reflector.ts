// A copy of the objects of one kind that is kept up to date: a list, then a watch from its version on. A version that
// the server no longer keeps (410) means to list anew; other failures are tried again with growing pauses, and what was
// known until then stays.
import { type Clock, sleep } from "@storewatch/model";
import { type KubernetesClient, type Query, VersionGone, type WatchEvent } from "./client.ts";
import { type KubeObject, keyOf } from "./objects.ts";

export interface ReflectorOptions<Kept> {
  readonly client: KubernetesClient;
  readonly path: string;
  readonly query: Query;
  readonly clock: Clock;
  readonly random: () => number;
  /** What is held of an object; undefined: nothing, as if it were not there. Must not throw. */
  readonly keep: (object: KubeObject) => Kept | undefined;
  /** Objects beyond this number are left out until the next list. Default: no limit. */
  readonly max?: number;
  /** After each list and each change. */
  readonly onChange: () => void;
  readonly onProblem: (message: string) => void;
  /** How each list and each watch ended. */
  readonly onOutcome?: (operation: "list" | "watch", isGood: boolean) => void;
}

const BACKOFF_FIRST_MS = 1000;
const BACKOFF_MS_MAX = 30_000;
/** A watch lasts this long up to twice as long, so that not all are asked anew at once. */
const WATCH_SECONDS = 300;

export class Reflector<Kept> {
  /** By `keyOf`. */
  objects: ReadonlyMap<string, Kept> = new Map();
  /** The first list is in. */
  hasSynced = false;
  /** Objects beyond `max` that were seen since the last list. */
  leftOut = 0;
  private readonly abort = new AbortController();
  private kept = new Map<string, Kept>();
  private version = "";
  private failures = 0;

  constructor(private readonly options: ReflectorOptions<Kept>) {}

  start(): void {
    void this.run();
  }

  stop(): void {
    this.abort.abort();
  }

  private async run(): Promise<void> {
    const { signal } = this.abort;
    while (!signal.aborted) {
      try {
        if (this.version === "") await this.observed("list", () => this.list());
        await this.observed("watch", () => this.watch());
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof VersionGone) {
          this.version = "";
          // Once at once; a server that says so again and again gets its pauses.
          if (this.failures++ === 0) continue;
        } else {
          this.failures += 1;
          this.options.onProblem(error instanceof Error ? error.message : String(error));
        }
        await this.pause();
      }
    }
  }

  private async observed(operation: "list" | "watch", action: () => Promise<void>): Promise<void> {
    try {
      await action();
      this.options.onOutcome?.(operation, true);
    } catch (error) {
      if (!this.abort.signal.aborted) this.options.onOutcome?.(operation, false);
      throw error;
    }
  }

  private async list(): Promise<void> {
    const { client, path, query } = this.options;
    const listed = new Map<string, Kept>();
    this.leftOut = 0;
    const version = await client.list(path, query, this.abort.signal, (items) => {
      for (const item of items) this.put(listed, item);
    });
    if (this.abort.signal.aborted) return;
    this.kept = listed;
    this.objects = listed;
    this.version = version;
    this.hasSynced = true;
    this.options.onChange();
  }

  private async watch(): Promise<void> {
    const { client, path, query, clock, random } = this.options;
    const seconds = Math.floor(WATCH_SECONDS * (1 + random()));
    const startedMs = clock.monotonicMs();
    let events = 0;
    await client.watch(path, query, this.version, seconds, this.abort.signal, (event) => {
      events += 1;
      this.failures = 0;
      this.take(event);
    });
    // A watch that ends at once without a word, again and again, must not become a storm of requests.
    if (events === 0 && clock.monotonicMs() - startedMs < BACKOFF_FIRST_MS) {
      this.failures += 1;
      await this.pause();
    } else this.failures = 0;
  }

  private take({ type, object }: WatchEvent): void {
    if (this.abort.signal.aborted) return;
    this.version = object.metadata?.resourceVersion ?? this.version;
    if (type === "BOOKMARK") return;
    if (type === "DELETED") this.kept.delete(keyOf(object));
    else if (type === "ADDED" || type === "MODIFIED") this.put(this.kept, object);
    else return;
    this.options.onChange();
  }

  private put(to: Map<string, Kept>, object: KubeObject): void {
    const { keep, max = Number.POSITIVE_INFINITY } = this.options;
    const key = keyOf(object);
    const isKnown = to.has(key);
    if (!isKnown && to.size >= max) {
      this.leftOut += 1;
      return;
    }
    const kept = keep(object);
    if (kept !== undefined) to.set(key, kept);
    else if (isKnown) to.delete(key);
  }

  private async pause(): Promise<void> {
    const { clock, random } = this.options;
    const limitMs = Math.min(BACKOFF_MS_MAX, BACKOFF_FIRST_MS * 2 ** Math.max(0, this.failures - 1));
    await sleep(clock, limitMs * (0.5 + random() / 2), this.abort.signal).catch(() => {});
  }
}

/** Without the record of who set which field: often most of an object's size, and nobody here reads it. */
export function trimmed(object: KubeObject): KubeObject {
  const metadata: Record<string, unknown> = { ...object.metadata };
  delete metadata.managedFields;
  return { ...object, metadata };
}
