// Sorted lists of series ids. A label value that only one series has (the usual case of unique values) is kept as a
// plain number in its array; everything else is a growable Uint32Array.

export class PostingList {
  ids = new Uint32Array(4);
  length = 0;

  push(id: number): void {
    if (this.length === this.ids.length) this.grow();
    const last = this.length - 1;
    if (last < 0 || this.ids[last] < id) this.ids[this.length++] = id;
    else this.insert(id);
  }

  /** Ids are given out ascending, except those that are used again. */
  private insert(id: number): void {
    const at = lowerBound(this.ids, this.length, id, 0);
    if (this.ids[at] === id) return;
    this.ids.copyWithin(at + 1, at, this.length);
    this.ids[at] = id;
    this.length++;
  }

  private grow(): void {
    const grown = new Uint32Array(this.ids.length + Math.max(4, this.ids.length >>> 1));
    grown.set(this.ids);
    this.ids = grown;
  }

  view(): Uint32Array {
    return this.ids.subarray(0, this.length);
  }

  /** Keeps the ids that `keep` says; returns how many are left. */
  filter(keep: (id: number) => boolean): number {
    let kept = 0;
    for (let i = 0; i < this.length; i++) if (keep(this.ids[i])) this.ids[kept++] = this.ids[i];
    this.length = kept;
    if (kept < this.ids.length >>> 2) this.ids = this.ids.slice(0, Math.max(4, kept));
    return kept;
  }
}

/** undefined: no series; a number: this one. */
export type Postings = number | PostingList | undefined;

export function postingsLength(postings: Postings): number {
  if (postings === undefined) return 0;
  return typeof postings === "number" ? 1 : postings.length;
}

/** A view of live memory: use it within the turn. */
export function postingsView(postings: Postings): Uint32Array {
  if (postings === undefined) return new Uint32Array(0);
  return typeof postings === "number" ? Uint32Array.of(postings) : postings.view();
}

/** The first place from `from` on whose id is not below `id`. */
function lowerBound(ids: Uint32Array, length: number, id: number, from: number): number {
  let low = from;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ids[middle] < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** As lowerBound, for answers that are near: doubles its steps. */
function gallop(ids: Uint32Array, id: number, from: number): number {
  let step = 1;
  let low = from;
  while (low + step < ids.length && ids[low + step] < id) {
    low += step;
    step *= 2;
  }
  return lowerBound(ids, Math.min(ids.length, low + step + 1), id, low);
}

const GALLOP_RATIO = 16;

export function intersect(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (a.length > b.length) return intersect(b, a);
  const out = new Uint32Array(a.length);
  let n = 0;
  if (b.length > a.length * GALLOP_RATIO) {
    let at = 0;
    for (let i = 0; i < a.length; i++) {
      at = gallop(b, a[i], at);
      if (at === b.length) break;
      if (b[at] === a[i]) out[n++] = a[i];
    }
    return out.subarray(0, n);
  }
  for (let i = 0, k = 0; i < a.length && k < b.length; ) {
    const x = a[i];
    const y = b[k];
    if (x === y) out[n++] = x;
    if (x <= y) i++;
    if (y <= x) k++;
  }
  return out.subarray(0, n);
}

/** Above this share of all ids a union goes through a bitmap, below through sorting. */
const BITMAP_SHARE = 32;

/** The sorted union of lists that are disjoint (a series has one value per name). `idLimit`: above every id. */
export function unionDisjoint(lists: readonly Postings[], idLimit: number): Uint32Array {
  if (lists.length === 1) return postingsView(lists[0]).slice();
  let total = 0;
  for (const list of lists) total += postingsLength(list);
  const out = new Uint32Array(total);
  if (total * BITMAP_SHARE > idLimit) {
    const bitmap = new Bitmap(idLimit);
    for (const list of lists) bitmap.addAll(list);
    bitmap.writeIds(out);
    return out;
  }
  let n = 0;
  for (const list of lists) {
    if (list === undefined) continue;
    if (typeof list === "number") out[n++] = list;
    else {
      out.set(list.view(), n);
      n += list.length;
    }
  }
  return out.sort();
}

/** A set of ids below a limit. */
export class Bitmap {
  readonly words: Uint32Array;

  constructor(readonly idLimit: number) {
    this.words = new Uint32Array((idLimit + 31) >>> 5);
  }

  add(id: number): void {
    this.words[id >>> 5] |= 1 << (id & 31);
  }

  has(id: number): boolean {
    return id < this.idLimit && (this.words[id >>> 5] & (1 << (id & 31))) !== 0;
  }

  addAll(postings: Postings): void {
    if (postings === undefined) return;
    if (typeof postings === "number") {
      this.add(postings);
      return;
    }
    const { ids, length } = postings;
    for (let i = 0; i < length; i++) this.words[ids[i] >>> 5] |= 1 << (ids[i] & 31);
  }

  /** Writes the ids ascending; `out` has room for all. */
  writeIds(out: Uint32Array): void {
    let n = 0;
    for (let w = 0; w < this.words.length; w++) {
      for (let word = this.words[w]; word !== 0; word &= word - 1) out[n++] = w * 32 + 31 - Math.clz32(word & -word);
    }
  }
}
