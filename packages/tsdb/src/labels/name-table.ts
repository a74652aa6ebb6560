import { PostingList, type Postings } from "./postings.ts";

/**
 * All values of one label name. A value is known by its ordinal; `postings[ordinal]` are the series that have it.
 * Ordinals of values that no series has any more are given out again; then `version` changes.
 */
export class NameTable {
  readonly values: string[] = [];
  readonly postings: Postings[] = [];
  private readonly ordinals = new Map<string, number>();
  private readonly freeOrdinals: number[] = [];
  /** Changes when an ordinal may mean another value than before. */
  version = 0;

  constructor(readonly name: string) {}

  /** The number of ordinals in use or free: above every ordinal. */
  get ordinalLimit(): number {
    return this.values.length;
  }

  get valueCount(): number {
    return this.ordinals.size;
  }

  /** The value's ordinal, or -1. */
  find(value: string): number {
    return this.ordinals.get(value) ?? -1;
  }

  /** The value's ordinal, made when new. */
  intern(value: string): number {
    const known = this.ordinals.get(value);
    if (known !== undefined) return known;
    const ordinal = this.freeOrdinals.pop() ?? this.values.length;
    this.values[ordinal] = value;
    this.postings[ordinal] = undefined;
    this.ordinals.set(value, ordinal);
    return ordinal;
  }

  add(ordinal: number, id: number): void {
    const postings = this.postings[ordinal];
    if (postings === undefined) this.postings[ordinal] = id;
    else if (typeof postings !== "number") postings.push(id);
    else if (postings !== id) {
      const list = new PostingList();
      list.push(postings);
      list.push(id);
      this.postings[ordinal] = list;
    }
  }

  /** Takes out every id that `keep` refuses, and values that are left without series. */
  filter(keep: (id: number) => boolean): void {
    for (let ordinal = 0; ordinal < this.postings.length; ordinal++) {
      const postings = this.postings[ordinal];
      if (postings === undefined) continue;
      if (typeof postings === "number" ? keep(postings) : postings.filter(keep) > 0) continue;
      this.ordinals.delete(this.values[ordinal]);
      this.postings[ordinal] = undefined;
      this.values[ordinal] = "";
      this.freeOrdinals.push(ordinal);
      this.version++;
    }
  }
}
