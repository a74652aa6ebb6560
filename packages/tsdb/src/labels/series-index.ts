// Label sets ↔ dense series ids, in typed arrays: no object per series, so the garbage collector has nothing to scan.
//
//   arena    … | n | name, value ordinal | name, value ordinal | … | n | …      one tuple per series, names sorted
//   tupleAt  id → place of the tuple (FREE: no such series)
//   hash     open addressing, linear probing: id + 1, 0 = empty
import { Labels } from "@storewatch/model";
import { LabelCache } from "./label-cache.ts";
import { NameTable } from "./name-table.ts";
import { postingsView, unionDisjoint } from "./postings.ts";

const FREE = 0xffffffff;

/** Strings of a stored batch with their ids in an index, as far as they are known already. */
export class StringIds {
  /** As a label's name. */
  readonly nameIds: Int32Array;
  /** As a value: of which name it was last, and its ordinal there. */
  readonly valueOf: Int32Array;
  readonly ordinals: Int32Array;

  constructor(readonly texts: readonly string[]) {
    this.nameIds = new Int32Array(texts.length).fill(-1);
    this.valueOf = new Int32Array(texts.length).fill(-1);
    this.ordinals = new Int32Array(texts.length);
  }
}

export class SeriesIndex {
  readonly names: NameTable[] = [];
  private readonly nameIds = new Map<string, number>();
  private arena = new Uint32Array(1024);
  private arenaLength = 0;
  private arenaHoles = 0;
  private tupleAt = new Uint32Array(256).fill(FREE);
  private hash = new Uint32Array(1024);
  private hashUsed = 0;
  private readonly freeIds: number[] = [];
  /** Above every id that was ever given out. */
  idLimit = 0;
  seriesCount = 0;
  /** How often series were removed: an id that someone keeps may mean another series after that. */
  removals = 0;
  /** Scratch for the tuple of a look-up. */
  private key = new Uint32Array(64);
  private keyLength = 0;
  private readonly cache = new LabelCache();

  has(id: number): boolean {
    return id < this.tupleAt.length && this.tupleAt[id] !== FREE;
  }

  /** The number of different (name, value) pairs. */
  get labelPairs(): number {
    let pairs = 0;
    for (const table of this.names) pairs += table.valueCount;
    return pairs;
  }

  table(name: string): NameTable | undefined {
    const nameId = this.nameIds.get(name);
    return nameId === undefined ? undefined : this.names[nameId];
  }

  /** The id of this label set, or -1. */
  find(labels: Labels): number {
    return this.findPairs(labels.pairs);
  }

  /** As find, from sorted flat pairs. */
  findPairs(pairs: readonly string[]): number {
    return this.keyOf(pairs, false) ? this.probe() : -1;
  }

  /** The id of this label set, made when new: then `created` is called with it. */
  intern(labels: Labels, created: (id: number) => void): number {
    this.keyOf(labels.pairs, true);
    const known = this.probe();
    if (known >= 0) return known;
    const id = this.freeIds.pop() ?? this.idLimit;
    this.insert(id);
    created(id);
    return id;
  }

  /** So many series will come: room is made once. */
  expect(series: number): void {
    let size = this.hash.length;
    while ((this.seriesCount + series) * 10 > size * 7) size *= 2;
    if (size > this.hash.length) this.rehash(size);
  }

  /** As define, from `words` places in `strings`: name, value, name, value, … */
  definePlaces(id: number, places: Uint32Array, words: number, strings: StringIds): boolean {
    if (words > this.key.length) this.key = new Uint32Array(words * 2);
    this.keyLength = words;
    const { nameIds, valueOf: nameOf, ordinals, texts } = strings;
    for (let i = 0; i < words; i += 2) {
      const name = places[i];
      const value = places[i + 1];
      if (nameIds[name] < 0) nameIds[name] = this.nameIdFor(texts[name]);
      const nameId = nameIds[name];
      if (nameOf[value] !== nameId) {
        ordinals[value] = this.names[nameId].intern(texts[value]);
        nameOf[value] = nameId;
      }
      this.key[i] = nameId;
      this.key[i + 1] = ordinals[value];
    }
    return this.defineKey(id);
  }

  /** Gives `id` to this label set, as read from disk. False when the id or the label set is taken otherwise. */
  define(id: number, pairs: readonly string[]): boolean {
    this.keyOf(pairs, true);
    return this.defineKey(id);
  }

  private defineKey(id: number): boolean {
    const known = this.probe();
    if (known === id) return true;
    if (known >= 0 || this.has(id)) return false;
    this.insert(id);
    return true;
  }

  private nameIdFor(name: string): number {
    const known = this.nameIds.get(name);
    if (known !== undefined) return known;
    const nameId = this.names.length;
    this.names.push(new NameTable(name));
    this.nameIds.set(name, nameId);
    return nameId;
  }

  labels(id: number): Labels {
    const known = this.cache.get(id);
    if (known) return known;
    const labels = Labels.fromSortedPairs(this.pairs(id));
    this.cache.set(id, labels);
    return labels;
  }

  /** Sorted flat pairs, made new. */
  pairs(id: number): string[] {
    const at = this.tupleAt[id];
    const end = at + 1 + 2 * this.arena[at];
    const pairs: string[] = [];
    for (let i = at + 1; i < end; i += 2) {
      const table = this.names[this.arena[i]];
      pairs.push(table.name, table.values[this.arena[i + 1]]);
    }
    return pairs;
  }

  /** Calls with (name id, value ordinal) of each label of the series. */
  forEachLabel(id: number, visit: (nameId: number, ordinal: number) => void): void {
    const at = this.tupleAt[id];
    const end = at + 1 + 2 * this.arena[at];
    for (let i = at + 1; i < end; i += 2) visit(this.arena[i], this.arena[i + 1]);
  }

  nameIdOf(name: string): number {
    return this.nameIds.get(name) ?? -1;
  }

  /** The ordinal of the series' value for this name, or -1 when it has none. */
  ordinalOf(id: number, nameId: number): number {
    const { arena } = this;
    const at = this.tupleAt[id];
    const end = at + 1 + 2 * arena[at];
    for (let i = at + 1; i < end; i += 2) if (arena[i] === nameId) return arena[i + 1];
    return -1;
  }

  /** All ids, ascending, in new memory. */
  allIds(): Uint32Array {
    const out = new Uint32Array(this.seriesCount);
    let n = 0;
    for (let id = 0; id < this.idLimit; id++) if (this.tupleAt[id] !== FREE) out[n++] = id;
    return out;
  }

  /** The ids that have a value for this name, ascending; may be a view of live memory. */
  idsWith(table: NameTable): Uint32Array {
    if (table.postings.length === 1) return postingsView(table.postings[0]);
    return unionDisjoint(table.postings, this.idLimit);
  }

  /** Forgets these series. Their ids come back only through `release`. */
  remove(ids: Iterable<number>): void {
    let removed = 0;
    for (const id of ids) {
      if (!this.has(id)) continue;
      this.arenaHoles += 1 + 2 * this.arena[this.tupleAt[id]];
      this.tupleAt[id] = FREE;
      this.cache.delete(id);
      removed++;
    }
    if (removed === 0) return;
    this.removals++;
    this.seriesCount -= removed;
    for (const table of this.names) table.filter((id) => this.tupleAt[id] !== FREE);
    if (this.arenaHoles > this.arenaLength >>> 1) this.compactArena();
    this.rehash(this.hash.length);
  }

  /** Lets these removed ids be given out again. */
  release(ids: Iterable<number>): void {
    for (const id of ids) if (!this.has(id)) this.freeIds.push(id);
  }

  /** Puts name ids and ordinals of the pairs to `key`. Without `make`: false when one of them is unknown. */
  private keyOf(pairs: readonly string[], make: boolean): boolean {
    if (pairs.length > this.key.length) this.key = new Uint32Array(pairs.length * 2);
    this.keyLength = pairs.length;
    for (let i = 0; i < pairs.length; i += 2) {
      const nameId = make ? this.nameIdFor(pairs[i]) : this.nameIds.get(pairs[i]);
      if (nameId === undefined) return false;
      const table = this.names[nameId];
      const ordinal = make ? table.intern(pairs[i + 1]) : table.find(pairs[i + 1]);
      if (ordinal < 0) return false;
      this.key[i] = nameId;
      this.key[i + 1] = ordinal;
    }
    return true;
  }

  private probe(): number {
    const mask = this.hash.length - 1;
    for (let slot = hashOf(this.key, 0, this.keyLength) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.hash[slot];
      if (entry === 0) return -1;
      if (this.tupleIsKey(this.tupleAt[entry - 1])) return entry - 1;
    }
  }

  private tupleIsKey(at: number): boolean {
    if (this.arena[at] * 2 !== this.keyLength) return false;
    for (let i = 0; i < this.keyLength; i++) if (this.arena[at + 1 + i] !== this.key[i]) return false;
    return true;
  }

  private insert(id: number): void {
    if ((this.hashUsed + 1) * 10 > this.hash.length * 7) this.rehash(this.hash.length * 2);
    const at = this.arenaLength;
    this.reserveArena(this.keyLength + 1);
    this.arena[at] = this.keyLength / 2;
    for (let i = 0; i < this.keyLength; i++) this.arena[at + 1 + i] = this.key[i];
    this.arenaLength += this.keyLength + 1;
    if (id >= this.tupleAt.length) {
      const grown = new Uint32Array(Math.max(id + 1, this.tupleAt.length + (this.tupleAt.length >>> 1))).fill(FREE);
      grown.set(this.tupleAt);
      this.tupleAt = grown;
    }
    this.tupleAt[id] = at;
    if (id >= this.idLimit) this.idLimit = id + 1;
    this.seriesCount++;
    for (let i = 0; i < this.keyLength; i += 2) this.names[this.key[i]].add(this.key[i + 1], id);
    this.place(id);
  }

  private place(id: number): void {
    const mask = this.hash.length - 1;
    const at = this.tupleAt[id];
    let slot = hashOf(this.arena, at + 1, 2 * this.arena[at]) & mask;
    while (this.hash[slot] !== 0) slot = (slot + 1) & mask;
    this.hash[slot] = id + 1;
    this.hashUsed++;
  }

  private rehash(size: number): void {
    this.hash = new Uint32Array(size);
    this.hashUsed = 0;
    for (let id = 0; id < this.idLimit; id++) if (this.tupleAt[id] !== FREE) this.place(id);
  }

  private reserveArena(words: number): void {
    if (this.arenaLength + words <= this.arena.length) return;
    const length = Math.max(this.arenaLength + words, this.arena.length + (this.arena.length >>> 1));
    const grown = new Uint32Array(length);
    grown.set(this.arena);
    this.arena = grown;
  }

  private compactArena(): void {
    const packed = new Uint32Array(this.arenaLength - this.arenaHoles + 64);
    let length = 0;
    for (let id = 0; id < this.idLimit; id++) {
      const at = this.tupleAt[id];
      if (at === FREE) continue;
      const words = 1 + 2 * this.arena[at];
      packed.set(this.arena.subarray(at, at + words), length);
      this.tupleAt[id] = length;
      length += words;
    }
    this.arena = packed;
    this.arenaLength = length;
    this.arenaHoles = 0;
  }
}

function hashOf(words: Uint32Array, from: number, length: number): number {
  let h = 0x811c9dc5;
  for (let i = from; i < from + length; i++) {
    h = Math.imul(h ^ words[i], 0x9e3779b1);
    h ^= h >>> 15;
  }
  h = Math.imul(h, 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}
