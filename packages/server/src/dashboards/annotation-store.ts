// Marks on the time axis, deploys among them: in memory, and in an append-only file of JSON lines.
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { type Clock, scopeAllows, type TenantScope } from "@storewatch/model";
import { z } from "zod";
import { RANDOM_ID_MIN, randomNumericId } from "../kernel/rng.ts";
import { replaceFile } from "./persistence.ts";

/** The newest of them are kept; a shop that sets too many loses its own. */
const ANNOTATIONS_MAX = 10_000;

const storedSchema = z.object({
  /** Random: a count would tell each shop how many marks the others set. */
  id: z.number().int(),
  time: z.number(),
  timeEnd: z.number(),
  text: z.string(),
  tags: z.array(z.string()),
  dashboardUID: z.string().optional(),
  panelId: z.number().optional(),
  /** The shop it belongs to; null: everyone sees it. */
  tenant: z.string().nullable(),
  by: z.string(),
  created: z.number(),
  /** Of a deploy: environment, commit, link, message. */
  data: z.record(z.string(), z.string()).optional(),
});
/** Times in ms since the epoch. */
export type StoredAnnotation = Readonly<z.infer<typeof storedSchema>>;

const lineSchema = z.union([z.object({ add: storedSchema }), z.object({ remove: z.number().int() })]);

export interface AnnotationQuery {
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly tags: readonly string[];
  /** One of the tags is enough. */
  readonly matchAny: boolean;
  readonly dashboardUid?: string;
  readonly limit: number;
}

export type NewAnnotation = Omit<StoredAnnotation, "id" | "created">;

export interface AnnotationStoreOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly onChange: () => void;
  /** Lines that could not be read, for example the last one after a crash: they are left out. */
  readonly onUnreadable: (line: number, reason: string) => void;
}

export class AnnotationStore {
  /** In order of insertion, oldest first. */
  private annotations: StoredAnnotation[] = [];
  private lines = 0;
  /** The file has other ids than the memory. */
  private isOutdated = false;
  private descriptor: number;

  constructor(private readonly options: AnnotationStoreOptions) {
    this.load();
    this.compact();
    this.descriptor = openSync(options.file, "a", 0o640);
  }

  /** Durable when it returns. */
  add(annotation: NewAnnotation): StoredAnnotation {
    const stored = { ...annotation, id: this.freeId(), created: this.options.clock.nowMs() };
    this.append({ add: stored });
    this.annotations.push(stored);
    this.annotations = fairlyNewest(this.annotations);
    this.options.onChange();
    return stored;
  }

  /** Puts another text, tags, data or author on a mark. Durable when it returns. */
  amend(annotation: StoredAnnotation, changes: Partial<Omit<StoredAnnotation, "id" | "tenant">>): StoredAnnotation {
    const changed = { ...annotation, ...changes };
    // When the file is read, a later line with the same id takes the place of the first.
    this.append({ add: changed });
    this.annotations = this.annotations.map((one) => (one.id === changed.id ? changed : one));
    this.options.onChange();
    return changed;
  }

  /** False when there is none with this id that the scope may change. */
  remove(scope: TenantScope, id: number): boolean {
    const found = this.annotations.find((annotation) => annotation.id === id);
    if (!found || !mayChange(scope, found.tenant)) return false;
    this.append({ remove: id });
    this.annotations = this.annotations.filter((annotation) => annotation !== found);
    this.options.onChange();
    return true;
  }

  /** Those that everyone may see and those of the scope's shops, newest first; of the same time the last one that was set. */
  list(scope: TenantScope, query: AnnotationQuery): StoredAnnotation[] {
    const { fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY, tags, matchAny, dashboardUid } = query;
    return this.annotations
      .filter((annotation) => {
        if (annotation.timeEnd < fromMs || annotation.time > toMs) return false;
        if (annotation.tenant !== null && !scopeAllows(scope, annotation.tenant)) return false;
        // One of another dashboard is not for this one; one without a dashboard is for all.
        if (dashboardUid !== undefined && (annotation.dashboardUID ?? dashboardUid) !== dashboardUid) return false;
        if (tags.length === 0) return true;
        const has = (tag: string) => annotation.tags.includes(tag);
        return matchAny ? tags.some(has) : tags.every(has);
      })
      .reverse()
      .sort((a, b) => b.time - a.time)
      .slice(0, query.limit);
  }

  /** The newest mark with all these tags, of those that pass. */
  latest(
    tags: readonly string[],
    passes: (annotation: StoredAnnotation) => boolean = () => true,
  ): StoredAnnotation | undefined {
    let newest: StoredAnnotation | undefined;
    for (const annotation of this.annotations) {
      if (newest && annotation.time < newest.time) continue;
      if (tags.every((tag) => annotation.tags.includes(tag)) && passes(annotation)) newest = annotation;
    }
    return newest;
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private freeId(): number {
    for (;;) {
      const id = randomNumericId();
      if (!this.annotations.some((one) => one.id === id)) return id;
    }
  }

  private append(line: z.infer<typeof lineSchema>): void {
    if (this.lines >= 2 * ANNOTATIONS_MAX) {
      closeSync(this.descriptor);
      this.compact();
      this.descriptor = openSync(this.options.file, "a", 0o640);
    }
    writeSync(this.descriptor, `${JSON.stringify(line)}\n`);
    fdatasyncSync(this.descriptor);
    this.lines += 1;
  }

  private load(): void {
    const byId = new Map<number, StoredAnnotation>();
    for (const [index, text] of readLines(this.options.file).entries()) {
      this.lines += 1;
      try {
        const line = lineSchema.parse(JSON.parse(text));
        if ("add" in line) byId.set(line.add.id, line.add);
        else byId.delete(line.remove);
      } catch (error) {
        this.options.onUnreadable(index + 1, error instanceof Error ? error.message : String(error));
      }
    }
    this.annotations = fairlyNewest([...byId.values()]);
    this.renumber();
  }

  /** Earlier versions counted the marks: theirs get random ids once. */
  private renumber(): void {
    for (const [index, annotation] of this.annotations.entries()) {
      if (annotation.id >= RANDOM_ID_MIN) continue;
      this.annotations[index] = { ...annotation, id: this.freeId() };
      this.isOutdated = true;
    }
  }

  /** Writes the file anew when it holds more than what is in memory: removed and forgotten ones, a torn last line. */
  private compact(): void {
    if (this.lines === this.annotations.length && !this.isOutdated) return;
    this.isOutdated = false;
    const lines = this.annotations.map((annotation) => `${JSON.stringify({ add: annotation })}\n`);
    replaceFile(this.options.file, lines.join(""));
    this.lines = lines.length;
  }
}

/** A mark for everyone may be changed by who sees all shops; a shop's own also by that shop's people. */
function mayChange(scope: TenantScope, tenant: string | null): boolean {
  return tenant === null ? scope.kind === "all" : scopeAllows(scope, tenant);
}

/** When there are too many, whoever has the most loses the oldest: one shop's flood does not push out the marks of others. */
function fairlyNewest(annotations: StoredAnnotation[]): StoredAnnotation[] {
  if (annotations.length <= ANNOTATIONS_MAX) return annotations;
  const counts = new Map<string | null, number>();
  for (const { tenant } of annotations) counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
  let room = ANNOTATIONS_MAX;
  let owners = counts.size;
  let share = 0;
  for (const count of [...counts.values()].sort((a, b) => a - b)) {
    share = Math.floor(room / owners);
    if (count > share) break;
    room -= count;
    owners -= 1;
  }
  const left = new Map([...counts.keys()].map((tenant) => [tenant, share]));
  return annotations
    .toReversed()
    .filter(({ tenant }) => {
      const more = left.get(tenant) ?? 0;
      left.set(tenant, more - 1);
      return more > 0;
    })
    .reverse();
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
