/** A Uint32Array that reads 0 beyond what was set: per-series state, indexed by series id. */
export class GrowableUint32 {
  words: Uint32Array;

  constructor(capacity = 256) {
    this.words = new Uint32Array(capacity);
  }

  get(index: number): number {
    return index < this.words.length ? this.words[index] : 0;
  }

  set(index: number, value: number): void {
    if (index >= this.words.length) {
      const grown = new Uint32Array(Math.max(index + 1, this.words.length + (this.words.length >>> 1)));
      grown.set(this.words);
      this.words = grown;
    }
    this.words[index] = value;
  }
}
