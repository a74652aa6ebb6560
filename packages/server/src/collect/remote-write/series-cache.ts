// Encoded label sets ↔ label sets: a sender repeats its series in each request, byte for byte, so that a look-up replaces
// decoding, sorting and checking.
import { compareStrings, Labels } from "@storewatch/model";

/** Series that are remembered, in each of two generations. */
const REMEMBERED_MAX = 100_000;
/** Longer keys are decoded each time: few series have them, and a few of them would fill the memory. */
const KEY_LENGTH_MAX = 4096;
/** Names and values are shared between series: most are the same. */
const TEXTS_MAX = 100_000;

export class SeriesCache {
  private young = new Map<string, Labels>();
  private old = new Map<string, Labels>();
  private texts = new Map<string, string>();

  /** `key` must tell label sets apart; `make` may throw. */
  labels(key: string, make: () => Labels): Labels {
    const hit = this.young.get(key);
    if (hit) return hit;
    const labels = this.old.get(key) ?? make();
    if (key.length > KEY_LENGTH_MAX) return labels;
    if (this.young.size >= REMEMBERED_MAX) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, labels);
    return labels;
  }

  /** One string for equal texts. */
  shared(text: string): string {
    if (text.length > 256) return text;
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    if (this.texts.size >= TEXTS_MAX) this.texts = new Map();
    this.texts.set(text, text);
    return text;
  }
}

/** A label set that cannot be stored as it is. */
export class BadLabels extends Error {}

/** From flat pairs in any order; empty values go. Throws BadLabels for a name that comes twice. */
export function labelsOfPairs(pairs: readonly string[]): Labels {
  if (isReady(pairs)) return Labels.fromSortedPairs(pairs);
  const places: number[] = [];
  for (let i = 0; i < pairs.length; i += 2) places.push(i);
  places.sort((a, b) => compareStrings(pairs[a], pairs[b]));
  const sorted: string[] = [];
  for (const [n, i] of places.entries()) {
    if (n > 0 && pairs[places[n - 1]] === pairs[i]) {
      throw new BadLabels(`duplicated label ${JSON.stringify(pairs[i].slice(0, 100))}`);
    }
    if (pairs[i + 1] !== "") sorted.push(pairs[i], pairs[i + 1]);
  }
  return Labels.fromSortedPairs(sorted);
}

function isReady(pairs: readonly string[]): boolean {
  for (let i = 0; i < pairs.length; i += 2) {
    if (pairs[i + 1] === "" || (i > 0 && compareStrings(pairs[i - 2], pairs[i]) >= 0)) return false;
  }
  return true;
}

/** Symbols that are numbered, and series that are known by them, before both are forgotten. */
const SYMBOLS_MAX = 400_000;
const SYMBOL_SERIES_MAX = 200_000;

/** Label sets by the numbers of their texts: in protocol 2.0 a series is a list of places in a table. */
export class SymbolCache {
  private numbers = new Map<string, number>();
  private series = new Map<string, Labels>();
  private created = new WeakMap<Labels, number>();
  private units = new Uint16Array(256);

  /** The numbers of these texts, which stay until `idsOf` is asked again. */
  idsOf(symbols: readonly string[]): number[] {
    if (this.numbers.size > SYMBOLS_MAX || this.series.size > SYMBOL_SERIES_MAX) {
      this.numbers = new Map();
      this.series = new Map();
    }
    return symbols.map((text) => {
      const known = this.numbers.get(text);
      if (known !== undefined) return known;
      const number = this.numbers.size;
      this.numbers.set(text, number);
      return number;
    });
  }

  /** The label set that these places of the table stand for; `make` checks them and may throw. */
  labels(refs: readonly number[], ids: readonly number[], make: () => Labels): Labels {
    if (2 * refs.length > this.units.length) return make();
    const { units } = this;
    for (let i = 0; i < refs.length; i++) {
      const id = ids[refs[i]];
      if (id === undefined) return make();
      units[2 * i] = id & 0xffff;
      units[2 * i + 1] = id >>> 16;
    }
    const key = String.fromCharCode.apply(null, units.subarray(0, 2 * refs.length) as unknown as number[]);
    const known = this.series.get(key);
    if (known) return known;
    const labels = make();
    this.series.set(key, labels);
    return labels;
  }

  /** Is this another time of creation than the one told last of the series? */
  isNewCreation(labels: Labels, timeMs: number): boolean {
    if (this.created.get(labels) === timeMs) return false;
    this.created.set(labels, timeMs);
    return true;
  }
}
