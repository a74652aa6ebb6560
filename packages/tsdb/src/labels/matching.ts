// Matchers → series ids. Regular expressions run once per distinct value; results are cached across queries.
import type { Matcher } from "@storewatch/model";
import type { NameTable } from "./name-table.ts";
import { Bitmap, intersect, type Postings, postingsLength, postingsView, unionDisjoint } from "./postings.ts";
import type { SeriesIndex } from "./series-index.ts";

/** What is known of one (name, matcher): per value ordinal 1 = matches, 2 = does not, 0 = not asked yet. */
interface Verdicts {
  version: number;
  byOrdinal: Uint8Array;
}

const VERDICT_BYTES_MAX = 8 * 2 ** 20;
const YES = 1;
const NO = 2;
/** Looking one label of one series up costs about as much as walking this many posting entries. */
const LOOKUP_COST = 10;

export class SeriesMatcher {
  private readonly verdicts = new Map<string, Verdicts>();
  private verdictBytes = 0;

  constructor(private readonly index: SeriesIndex) {}

  /** Ids of the series that match all, ascending, in memory of their own. No matchers: every series. */
  match(matchers: readonly Matcher[]): Uint32Array {
    const rest: Matcher[] = [];
    let lists: Uint32Array[] = [];
    for (const matcher of matchers) {
      const exact = exactValues(matcher);
      if (!exact) {
        rest.push(matcher);
        continue;
      }
      const table = this.index.table(matcher.name);
      const found = table ? exact.map((value) => table.postings[table.find(value)]).filter((p) => p !== undefined) : [];
      if (found.length === 0) return new Uint32Array(0);
      lists.push(found.length === 1 ? postingsView(found[0]) : unionDisjoint(found, this.index.idLimit));
    }
    lists = lists.sort((a, b) => a.length - b.length);
    let ids = lists.length > 0 ? lists.reduce(intersect) : undefined;
    // A list of its own: what is returned must not be a view of live postings.
    if (ids && lists.length === 1) ids = ids.slice();
    // Matchers that a series without the label passes only take away: they come last.
    const empty = rest.filter((matcher) => matcher.matchesEmpty);
    for (const matcher of [...rest.filter((m) => !m.matchesEmpty), ...empty]) {
      if (ids?.length === 0) return ids;
      ids = ids ? this.narrow(ids, matcher) : this.start(matcher);
    }
    return ids ?? this.index.allIds();
  }

  private start(matcher: Matcher): Uint32Array {
    if (matcher.matchesEmpty) return this.narrow(this.index.allIds(), matcher);
    const table = this.index.table(matcher.name);
    if (!table) return new Uint32Array(0);
    return unionDisjoint(this.postingsWhere(table, matcher, YES), this.index.idLimit);
  }

  /** Keeps of `ids` what matches, by whichever is cheaper: asking each series, or a bitmap of the values' postings. */
  private narrow(ids: Uint32Array, matcher: Matcher): Uint32Array {
    const nameId = this.index.nameIdOf(matcher.name);
    const keepsEmpty = matcher.matchesEmpty;
    if (nameId < 0) return keepsEmpty ? ids : new Uint32Array(0);
    const table = this.index.names[nameId];
    const verdicts = this.verdictsOf(table, matcher);
    let n = 0;
    const wanted = this.postingsWhere(table, matcher, keepsEmpty ? NO : YES);
    let walked = 0;
    for (const postings of wanted) walked += postingsLength(postings);
    if (walked + this.index.idLimit / 32 < ids.length * LOOKUP_COST) {
      const bitmap = new Bitmap(this.index.idLimit);
      for (const postings of wanted) bitmap.addAll(postings);
      for (let i = 0; i < ids.length; i++) if (bitmap.has(ids[i]) !== keepsEmpty) ids[n++] = ids[i];
      return ids.subarray(0, n);
    }
    for (let i = 0; i < ids.length; i++) {
      const ordinal = this.index.ordinalOf(ids[i], nameId);
      if (ordinal < 0 ? keepsEmpty : verdictOn(verdicts, table, matcher, ordinal) === YES) ids[n++] = ids[i];
    }
    return ids.subarray(0, n);
  }

  private postingsWhere(table: NameTable, matcher: Matcher, verdict: number): Postings[] {
    const verdicts = this.verdictsOf(table, matcher);
    const found: Postings[] = [];
    for (let ordinal = 0; ordinal < table.ordinalLimit; ordinal++) {
      const postings = table.postings[ordinal];
      if (postings !== undefined && verdictOn(verdicts, table, matcher, ordinal) === verdict) found.push(postings);
    }
    return found;
  }

  /** What is known of the matcher's verdicts on the values of the name: read it through verdictOn. */
  private verdictsOf(table: NameTable, matcher: Matcher): Uint8Array {
    const key = `${matcher.operator}${matcher.value.length}:${matcher.value}${table.name}`;
    let known = this.verdicts.get(key);
    if (known && known.version !== table.version) {
      this.forget(key, known);
      known = undefined;
    }
    if (!known) known = { version: table.version, byOrdinal: new Uint8Array(0) };
    else this.verdicts.delete(key);
    const limit = table.ordinalLimit;
    if (known.byOrdinal.length < limit) {
      const grown = new Uint8Array(limit + (limit >>> 2));
      grown.set(known.byOrdinal);
      this.verdictBytes += grown.length - known.byOrdinal.length;
      known.byOrdinal = grown;
    }
    // Last in the map = used last; the first goes when there is too much.
    this.verdicts.set(key, known);
    while (this.verdictBytes > VERDICT_BYTES_MAX && this.verdicts.size > 1) {
      const [oldest, verdicts] = this.verdicts.entries().next().value as [string, Verdicts];
      this.forget(oldest, verdicts);
    }
    return known.byOrdinal;
  }

  private forget(key: string, verdicts: Verdicts): void {
    this.verdicts.delete(key);
    this.verdictBytes -= verdicts.byOrdinal.length;
  }
}

/** The verdict on a value that series have; asked when it is not known, which it is not while an ordinal lies unused. */
function verdictOn(verdicts: Uint8Array, table: NameTable, matcher: Matcher, ordinal: number): number {
  if (verdicts[ordinal] === 0) verdicts[ordinal] = matcher.matches(table.values[ordinal]) ? YES : NO;
  return verdicts[ordinal];
}

/** The values when the matcher accepts only these and not "": then postings are looked up directly. */
function exactValues(matcher: Matcher): readonly string[] | undefined {
  if (matcher.operator === "=") return matcher.value === "" ? undefined : [matcher.value];
  const literals = matcher.operator === "=~" ? matcher.regex?.literals : undefined;
  return literals && !literals.includes("") ? [...new Set(literals)] : undefined;
}
