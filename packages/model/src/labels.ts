// A label set: immutable, sorted by name, without empty values. Sorted flat pairs (n0, v0, n1, v1, …) keep it one
// small array per set and make equality, signatures and merges linear.

/** Name of the label that holds the metric's name. */
export const METRIC_NAME = "__name__";
/** What says what a series is, as opposed to where it is from. */
const METADATA_LABELS: readonly string[] = [METRIC_NAME, "__type__", "__unit__"];

/** JSON form of a label set, as it stands in API replies and alerts. */
export type LabelRecord = Readonly<Record<string, string>>;

/** Orders strings by Unicode code point, as Prometheus orders labels by UTF-8 bytes. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates stand for code points above every other UTF-16 unit.
    const xHigh = x >= 0xd800 && x <= 0xdfff;
    const yHigh = y >= 0xd800 && y <= 0xdfff;
    if (xHigh !== yHigh) return xHigh ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

export class Labels {
  static readonly empty = new Labels([]);

  private cachedKey: string | undefined;

  /** `pairs` must be sorted by name, with unique names and no empty values: use the static makers. */
  private constructor(readonly pairs: readonly string[]) {}

  /** From a record; entries with an empty value are left out. */
  static from(record: LabelRecord): Labels {
    const names = Object.keys(record).filter((name) => record[name] !== "");
    if (names.length === 0) return Labels.empty;
    names.sort(compareStrings);
    const pairs: string[] = [];
    for (const name of names) pairs.push(name, record[name]);
    return new Labels(pairs);
  }

  /** From pairs in any order; later pairs win, an empty value removes the label. */
  static fromEntries(entries: Iterable<readonly [string, string]>): Labels {
    return Labels.from(Object.fromEntries(entries));
  }

  /** From pairs that are already sorted, unique and without empty values: no check, no copy. */
  static fromSortedPairs(pairs: readonly string[]): Labels {
    return pairs.length === 0 ? Labels.empty : new Labels(pairs);
  }

  /** The number of labels. */
  get size(): number {
    return this.pairs.length / 2;
  }

  /** The value, or "" when the label is absent: the two mean the same in this data model. */
  get(name: string): string {
    for (let i = 0; i < this.pairs.length; i += 2) if (this.pairs[i] === name) return this.pairs[i + 1];
    return "";
  }

  has(name: string): boolean {
    for (let i = 0; i < this.pairs.length; i += 2) if (this.pairs[i] === name) return true;
    return false;
  }

  get metricName(): string {
    return this.get(METRIC_NAME);
  }

  /** A string that is equal for equal label sets only. */
  get key(): string {
    this.cachedKey ??= this.pairs.join("\u0000");
    return this.cachedKey;
  }

  equals(other: Labels): boolean {
    return this === other || this.key === other.key;
  }

  with(name: string, value: string): Labels {
    if (value === "") return this.without([name]);
    const pairs: string[] = [];
    let done = false;
    for (let i = 0; i < this.pairs.length; i += 2) {
      const order = done ? -1 : compareStrings(this.pairs[i], name);
      if (order >= 0 && !done) {
        pairs.push(name, value);
        done = true;
        if (order === 0) continue;
      }
      pairs.push(this.pairs[i], this.pairs[i + 1]);
    }
    if (!done) pairs.push(name, value);
    return new Labels(pairs);
  }

  without(names: readonly string[]): Labels {
    return this.filter((name) => !names.includes(name));
  }

  /** Without the name, and without the type and the unit that may stand beside it: what calculations leave. */
  withoutMetricName(): Labels {
    return this.without(METADATA_LABELS);
  }

  /** Only the named labels. */
  keep(names: readonly string[]): Labels {
    return this.filter((name) => names.includes(name));
  }

  filter(predicate: (name: string, value: string) => boolean): Labels {
    const pairs: string[] = [];
    for (let i = 0; i < this.pairs.length; i += 2) {
      if (predicate(this.pairs[i], this.pairs[i + 1])) pairs.push(this.pairs[i], this.pairs[i + 1]);
    }
    if (pairs.length === this.pairs.length) return this;
    return Labels.fromSortedPairs(pairs);
  }

  *[Symbol.iterator](): IterableIterator<[string, string]> {
    for (let i = 0; i < this.pairs.length; i += 2) yield [this.pairs[i], this.pairs[i + 1]];
  }

  toJSON(): Record<string, string> {
    return Object.fromEntries(this);
  }

  /** PromQL form: `name{a="b"}`. */
  toString(): string {
    const parts: string[] = [];
    for (const [name, value] of this) if (name !== METRIC_NAME) parts.push(`${name}=${quote(value)}`);
    const name = this.metricName;
    return parts.length === 0 && name !== "" ? name : `${name}{${parts.join(", ")}}`;
  }

  /** Order of label sets as Prometheus sorts series: pair by pair, then by length. */
  static compare(a: Labels, b: Labels): number {
    const length = Math.min(a.pairs.length, b.pairs.length);
    for (let i = 0; i < length; i++) {
      const order = compareStrings(a.pairs[i], b.pairs[i]);
      if (order !== 0) return order;
    }
    return a.pairs.length - b.pairs.length;
  }
}

/** A double-quoted string with Go's escapes for backslash, quote and line breaks. */
export function quote(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
