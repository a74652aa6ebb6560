// All rule groups in force: those of the operator's files and those that people keep here. Changes come one at a time,
// and the rule engine keeps the state of every rule that stays.
import type { Finding } from "@storewatch/model";
import { ConfigError } from "../config/document.ts";
import { StorewatchError } from "../kernel/errors.ts";
import { RuleGroupStore, STORED_GROUPS_MAX, type StoredGroup } from "./group-store.ts";
import { formatGroup, hasError, joinGroups } from "./group-text.ts";
import type { RuleSettings } from "./rule-engine.ts";
import type { RuleFileOptions, RuleGroupConfig } from "./rule-file.ts";

/** The text cannot be used, and why. */
export class RulesInvalid extends Error {
  constructor(readonly findings: readonly Finding[]) {
    super("the rules cannot be used");
  }
}

export interface RuleBookOptions {
  /** Folder of the stored groups; made at the first save. */
  readonly directory: string;
  readonly fileGroups: readonly RuleGroupConfig[];
  /** What stored groups may hold. */
  readonly format?: RuleFileOptions;
  /** Puts groups in force. */
  readonly apply: (groups: readonly RuleGroupConfig[], settings?: RuleSettings) => Promise<void>;
}

/** The version that a change was made on; null: there was none; undefined: any. */
export type ExpectedVersion = string | null | undefined;

export class RuleBook {
  private readonly store: RuleGroupStore;
  private fileGroups: readonly RuleGroupConfig[];
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: RuleBookOptions) {
    this.store = new RuleGroupStore(options.directory, options.format ?? {});
    this.fileGroups = options.fileGroups;
  }

  /** What is in force. When a file has come to name a stored group as well, the file's is the one. */
  groups(): readonly RuleGroupConfig[] {
    return [...this.fileGroups, ...this.inForce().map(({ group }) => group)];
  }

  private inForce(): readonly StoredGroup[] {
    return this.store.list().filter(({ name }) => !this.isInFiles(name));
  }

  private isInFiles(name: string): boolean {
    return this.fileGroups.some((group) => group.name === name);
  }

  problems(): readonly Finding[] {
    const hidden = this.store.list().filter(({ name }) => this.isInFiles(name));
    return [...this.store.problems, ...hidden.map((stored) => this.clash(stored, this.fileGroups))];
  }

  private clash({ name, file }: StoredGroup, fileGroups: readonly RuleGroupConfig[]): Finding {
    const other = fileGroups.find((group) => group.name === name)?.file ?? "";
    const message = `the group ${JSON.stringify(name)} is kept in Storewatch and stands in ${other} as well`;
    const fix = "rename one of the two, or delete the stored one";
    return { code: "RULE_GROUP_TAKEN", severity: "error", file, line: 1, column: 1, message, fix };
  }

  list(): { readonly stored: readonly StoredGroup[]; readonly fromFiles: readonly RuleGroupConfig[] } {
    return { stored: this.store.list(), fromFiles: this.fileGroups };
  }

  get(name: string): StoredGroup | undefined {
    return this.store.get(name);
  }

  /** A group from a file, with its text in our own layout. */
  fromFile(name: string): { readonly group: RuleGroupConfig; readonly text: string } | undefined {
    const group = this.fileGroups.find((candidate) => candidate.name === name);
    return group && { group, text: formatGroup(group) };
  }

  /** All stored groups as one rule file. */
  export(): string {
    return joinGroups(this.store.list());
  }

  /**
   * Throws ConfigError when a file of a reload names a group that is kept here: which of the two is meant is for people
   * to say.
   */
  mustFit(fileGroups: readonly RuleGroupConfig[]): void {
    const clashes = this.store
      .list()
      .filter(({ name }) => fileGroups.some((group) => group.name === name) && !this.isInFiles(name));
    if (clashes.length > 0) throw new ConfigError(clashes.map((stored) => this.clash(stored, fileGroups)));
  }

  /** New files and settings; the folder of stored groups is read again. Throws as `mustFit`, and then changes nothing. */
  reload(fileGroups: readonly RuleGroupConfig[], settings: RuleSettings): Promise<void> {
    return this.inTurn(async () => {
      this.mustFit(fileGroups);
      this.fileGroups = fileGroups;
      this.store.load();
      await this.options.apply(this.groups(), settings);
    });
  }

  /** Throws RulesInvalid, CONFLICT or CHANGED. In force and durable when it resolves. */
  put(name: string, text: string, expected: ExpectedVersion): Promise<{ stored: StoredGroup; created: boolean }> {
    return this.inTurn(async () => {
      const { group, findings } = this.store.check(name, text);
      if (!group || hasError(findings)) throw new RulesInvalid(findings);
      if (this.isInFiles(name)) {
        const { file } = this.fileGroups.find((candidate) => candidate.name === name)!;
        throw new StorewatchError("CONFLICT", { reason: `a group of this name stands in ${file}` });
      }
      const before = this.store.get(name);
      this.mustMatch(before, expected);
      if (!before && this.store.list().length >= STORED_GROUPS_MAX)
        throw new StorewatchError("CONFLICT", { reason: `at most ${STORED_GROUPS_MAX} groups are kept here` });
      const stored = await this.store.put(name, text);
      await this.options.apply(this.groups());
      return { stored, created: before === undefined };
    });
  }

  /** Throws NOT_FOUND or CHANGED. */
  remove(name: string, expected: ExpectedVersion): Promise<void> {
    return this.inTurn(async () => {
      const before = this.store.get(name);
      if (!before) throw new StorewatchError("NOT_FOUND", { what: `stored rule group ${JSON.stringify(name)}` });
      this.mustMatch(before, expected);
      await this.store.remove(name);
      await this.options.apply(this.groups());
    });
  }

  private mustMatch(before: StoredGroup | undefined, expected: ExpectedVersion): void {
    if (expected === undefined || (before?.version ?? null) === expected) return;
    const now = before ? `changed meanwhile (now ${before.version})` : "deleted meanwhile";
    const reason = expected === null ? "a group of this name exists already" : `the group was ${now}`;
    throw new StorewatchError("CHANGED", { reason });
  }

  private inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.last.then(change);
    this.last = done.catch(() => {});
    return done;
  }
}
