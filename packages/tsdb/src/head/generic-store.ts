// The generic path: samples with their own times. Each series that is written to has a slot with an open buffer of 16
// samples, sorted by time; a full one is encoded into the window's chunks.
import { bitsOf, STALE_HIGH, STALE_LOW } from "@storewatch/model";
import type { SampleSink } from "../read/sample-sink.ts";
import { GenericWindow } from "./generic-window.ts";
import { GrowableUint32 } from "./growable.ts";
import { windowOf } from "./window.ts";

export const SAMPLES_PER_CHUNK = 16;
const SLOTS_PER_PAGE = 256;

/** "same": the series has that very sample already. */
export type Taken = "appended" | "same" | "duplicate" | "too-old";

interface Page {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly bits: Uint32Array;
}

export class GenericStore {
  private readonly slotOf = new GrowableUint32();
  private readonly pages: Page[] = [];
  /** Per slot: its series, the number of samples in the open buffer, the newest time ever. */
  private ids = new Uint32Array(SLOTS_PER_PAGE);
  private counts = new Uint8Array(SLOTS_PER_PAGE);
  private newest = new Float64Array(SLOTS_PER_PAGE);
  private readonly freeSlots: number[] = [];
  private slots = 0;
  private readonly windows = new Map<number, GenericWindow>();
  private windowOrder: number[] = [];

  /** `outOfOrderMs`: how much older than the series' newest a sample may be. */
  constructor(private readonly outOfOrderMs: number) {}

  has(id: number): boolean {
    return this.slotOf.get(id) !== 0;
  }

  /** The newest time of the series on this path, or -1. */
  newestMs(id: number): number {
    const slot = this.slotOf.get(id);
    return slot === 0 ? -1 : this.newest[slot - 1];
  }

  append(id: number, timeMs: number, value: number, stale: boolean): Taken {
    const slot = this.slotFor(id);
    const count = this.counts[slot];
    const newest = this.newest[slot];
    if (timeMs > newest) {
      if (count > 0 && windowOf(this.openTime(slot, 0)) !== windowOf(timeMs)) this.flush(slot);
      this.place(slot, this.counts[slot], timeMs, value, stale);
      this.newest[slot] = timeMs;
      return "appended";
    }
    if (timeMs < newest - this.outOfOrderMs) return "too-old";
    return this.insert(slot, id, timeMs, value, stale);
  }

  /** Takes a sample back from the log: no age limit, known times are passed over. */
  restore(id: number, timeMs: number, value: number, stale: boolean): void {
    const slot = this.slotFor(id);
    if (timeMs > this.newest[slot]) this.append(id, timeMs, value, stale);
    else this.insert(slot, id, timeMs, value, stale);
  }

  private insert(slot: number, id: number, timeMs: number, value: number, stale: boolean): Taken {
    const count = this.counts[slot];
    const window = windowOf(timeMs);
    let at = count;
    while (at > 0 && this.openTime(slot, at - 1) >= timeMs) at--;
    const known = this.sampleAt(slot, id, at, timeMs);
    if (known) return isSame(known, value, stale) ? "same" : "duplicate";
    if (count === 0 || windowOf(this.openTime(slot, 0)) === window) {
      this.place(slot, at, timeMs, value, stale);
      return "appended";
    }
    // Late across the window's edge, which is rare: a chunk of its own.
    const one = new Float64Array([value]);
    const bits = bitsOf(one);
    if (stale) bits.set([STALE_LOW, STALE_HIGH]);
    this.windowFor(window).add(id, Float64Array.of(timeMs), one, bits, 0, 1);
    return "appended";
  }

  /** The bits of the sample at this time; `at`: its place if it is in the open buffer. */
  private sampleAt(slot: number, id: number, at: number, timeMs: number): [number, number] | undefined {
    if (at >= this.counts[slot] || this.openTime(slot, at) !== timeMs) {
      return this.windows.get(windowOf(timeMs))?.sampleAt(id, timeMs);
    }
    const page = this.pages[Math.floor(slot / SLOTS_PER_PAGE)];
    const place = (slot % SLOTS_PER_PAGE) * SAMPLES_PER_CHUNK + at;
    return [page.bits[2 * place], page.bits[2 * place + 1]];
  }

  /** Puts a sample at place `at` of the open buffer, moving later ones; encodes a full buffer. */
  private place(slot: number, at: number, timeMs: number, value: number, stale: boolean): void {
    const page = this.pages[Math.floor(slot / SLOTS_PER_PAGE)];
    const base = (slot % SLOTS_PER_PAGE) * SAMPLES_PER_CHUNK;
    const count = this.counts[slot];
    if (at < count) {
      page.times.copyWithin(base + at + 1, base + at, base + count);
      page.bits.copyWithin(2 * (base + at + 1), 2 * (base + at), 2 * (base + count));
    }
    page.times[base + at] = timeMs;
    page.values[base + at] = value;
    if (stale) {
      page.bits[2 * (base + at)] = STALE_LOW;
      page.bits[2 * (base + at) + 1] = STALE_HIGH;
    }
    this.counts[slot] = count + 1;
    if (count + 1 === SAMPLES_PER_CHUNK) this.flush(slot);
  }

  private openTime(slot: number, i: number): number {
    const page = this.pages[Math.floor(slot / SLOTS_PER_PAGE)];
    return page.times[(slot % SLOTS_PER_PAGE) * SAMPLES_PER_CHUNK + i];
  }

  private flush(slot: number): void {
    const count = this.counts[slot];
    if (count === 0) return;
    const page = this.pages[Math.floor(slot / SLOTS_PER_PAGE)];
    const base = (slot % SLOTS_PER_PAGE) * SAMPLES_PER_CHUNK;
    const window = this.windowFor(windowOf(page.times[base]));
    window.add(this.ids[slot], page.times, page.values, page.bits, base, count);
    this.counts[slot] = 0;
  }

  private slotFor(id: number): number {
    const known = this.slotOf.get(id);
    if (known !== 0) return known - 1;
    const slot = this.freeSlots.pop() ?? this.slots++;
    if (slot >= this.pages.length * SLOTS_PER_PAGE) this.addPage();
    this.ids[slot] = id;
    this.counts[slot] = 0;
    this.newest[slot] = -1;
    this.slotOf.set(id, slot + 1);
    return slot;
  }

  private addPage(): void {
    const values = new Float64Array(SLOTS_PER_PAGE * SAMPLES_PER_CHUNK);
    this.pages.push({ times: new Float64Array(values.length), values, bits: bitsOf(values) });
    const slots = this.pages.length * SLOTS_PER_PAGE;
    if (slots <= this.ids.length) return;
    const ids = new Uint32Array(slots * 2);
    ids.set(this.ids);
    this.ids = ids;
    const counts = new Uint8Array(slots * 2);
    counts.set(this.counts);
    this.counts = counts;
    const newest = new Float64Array(slots * 2);
    newest.set(this.newest);
    this.newest = newest;
  }

  windowFor(window: number): GenericWindow {
    let found = this.windows.get(window);
    if (!found) {
      found = new GenericWindow(window);
      this.windows.set(window, found);
      this.windowOrder = [...this.windows.keys()].sort((a, b) => a - b);
    }
    return found;
  }

  /** The oldest window with samples, or Infinity. */
  get oldestWindow(): number {
    let oldest = this.windowOrder[0] ?? Infinity;
    for (let slot = 0; slot < this.slots; slot++) {
      if (this.counts[slot] > 0) oldest = Math.min(oldest, windowOf(this.openTime(slot, 0)));
    }
    return oldest;
  }

  /** The oldest sample here, ms, or Infinity. */
  get minTimeMs(): number {
    let oldest = this.windows.get(this.windowOrder[0])?.minTimeMs ?? Infinity;
    for (let slot = 0; slot < this.slots; slot++) {
      if (this.counts[slot] > 0) oldest = Math.min(oldest, this.openTime(slot, 0));
    }
    return oldest;
  }

  /** After a restart: the series' newest time as its chunks say. */
  restoreNewest(id: number, timeMs: number): void {
    const slot = this.slotFor(id);
    if (timeMs > this.newest[slot]) this.newest[slot] = timeMs;
  }

  /** Takes samples of the series in the range away, for good. */
  remove(id: number, fromMs: number, toMs: number): void {
    for (const window of this.windows.values()) window.remove(id, fromMs, toMs);
    const slot = this.slotOf.get(id) - 1;
    if (slot < 0 || this.counts[slot] === 0) return;
    const page = this.pages[Math.floor(slot / SLOTS_PER_PAGE)];
    const base = (slot % SLOTS_PER_PAGE) * SAMPLES_PER_CHUNK;
    let n = 0;
    for (let i = 0; i < this.counts[slot]; i++) {
      const time = page.times[base + i];
      if (time >= fromMs && time <= toMs) continue;
      page.times[base + n] = time;
      page.bits.copyWithin(2 * (base + n), 2 * (base + i), 2 * (base + i) + 2);
      n++;
    }
    this.counts[slot] = n;
  }

  /** Forgets the series, which has no data here: its id may come to mean another one. */
  forget(id: number): void {
    const slot = this.slotOf.get(id) - 1;
    if (slot < 0) return;
    this.slotOf.set(id, 0);
    this.counts[slot] = 0;
    this.freeSlots.push(slot);
  }

  /** Encodes the open buffers that belong to this window or to older ones. */
  flushThrough(window: number): void {
    for (let slot = 0; slot < this.slots; slot++) {
      if (this.counts[slot] > 0 && windowOf(this.openTime(slot, 0)) <= window) this.flush(slot);
    }
  }

  /** Drops windows up to this one, which has been sealed, and the slots of series not written since `idleSinceMs`. */
  dropThrough(window: number, idleSinceMs: number): void {
    for (const known of this.windowOrder) if (known <= window) this.windows.delete(known);
    this.windowOrder = this.windowOrder.filter((known) => known > window);
    for (let slot = 0; slot < this.slots; slot++) {
      const id = this.ids[slot];
      if (this.slotOf.get(id) !== slot + 1 || this.counts[slot] > 0 || this.newest[slot] >= idleSinceMs) continue;
      this.slotOf.set(id, 0);
      this.freeSlots.push(slot);
    }
  }

  /** Appends the series' samples in [fromMs, toMs] to the sink; times may come unsorted. True when there may be any. */
  read(id: number, fromMs: number, toMs: number, sink: SampleSink): void {
    for (const window of this.windowOrder) {
      if (window < windowOf(fromMs) || window > windowOf(toMs)) continue;
      this.windows.get(window)?.read(id, fromMs, toMs, sink);
    }
    const slot = this.slotOf.get(id) - 1;
    if (slot < 0 || this.counts[slot] === 0) return;
    const n = this.counts[slot];
    const page = this.pages[Math.floor(slot / SLOTS_PER_PAGE)];
    const base = (slot % SLOTS_PER_PAGE) * SAMPLES_PER_CHUNK;
    const place = sink.reserve(n);
    sink.times.set(page.times.subarray(base, base + n), place);
    sink.bits.set(page.bits.subarray(2 * base, 2 * (base + n)), 2 * place);
    sink.length = place + n;
  }

  /** Has the series anything here? */
  hasData(id: number): boolean {
    const slot = this.slotOf.get(id) - 1;
    if (slot >= 0 && this.counts[slot] > 0) return true;
    for (const window of this.windows.values()) if (window.has(id)) return true;
    return false;
  }

  /** Every series that has data here, each once. */
  seriesIds(): Set<number> {
    const ids = new Set<number>();
    for (const window of this.windows.values()) for (const id of window.seriesIds) ids.add(id);
    for (let slot = 0; slot < this.slots; slot++) if (this.counts[slot] > 0) ids.add(this.ids[slot]);
    return ids;
  }

  /** The encoded chunks of a series, oldest window first, and its open samples: what a checkpoint keeps. */
  forEachChunk(
    id: number,
    visit: (window: number, n: number, minMs: number, maxMs: number, chunk: Uint8Array) => void,
  ): void {
    for (const window of this.windowOrder) {
      this.windows.get(window)?.forEachChunk(id, (n, minMs, maxMs, chunk) => visit(window, n, minMs, maxMs, chunk));
    }
  }

  forEachOpen(id: number, visit: (timeMs: number, low: number, high: number) => void): void {
    const slot = this.slotOf.get(id) - 1;
    if (slot < 0) return;
    const page = this.pages[Math.floor(slot / SLOTS_PER_PAGE)];
    const base = (slot % SLOTS_PER_PAGE) * SAMPLES_PER_CHUNK;
    for (let i = base; i < base + this.counts[slot]; i++) visit(page.times[i], page.bits[2 * i], page.bits[2 * i + 1]);
  }
}

const one = new Float64Array(1);
const oneBits = bitsOf(one);

/** Is the sample of these bits the same as this one? */
export function isSame([low, high]: readonly [number, number], value: number, stale: boolean): boolean {
  if (stale) return low === STALE_LOW && high === STALE_HIGH;
  one[0] = value;
  return low === oneBits[0] && high === oneBits[1];
}
