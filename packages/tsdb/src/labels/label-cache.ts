import type { Labels } from "@storewatch/model";

/** Some 200 bytes each. Rules ask for the same series again and again, all of them in turn: that many should stay. */
const LABELS_MAX = 131_072;

/** Label sets as objects, by series id: those that were asked for lately stay when it is full. */
export class LabelCache {
  private readonly byId: Array<Labels | undefined> = [];
  private asked = new Uint8Array(1024);
  private count = 0;

  constructor(private readonly max = LABELS_MAX) {}

  get(id: number): Labels | undefined {
    const labels = this.byId[id];
    if (labels) this.asked[id] = 1;
    return labels;
  }

  /** The id must not be there. */
  set(id: number, labels: Labels): void {
    if (this.count >= this.max) this.makeRoom();
    // Without holes the array stays one block of memory.
    while (this.byId.length <= id) this.byId.push(undefined);
    if (id >= this.asked.length) this.grow(id + 1);
    this.byId[id] = labels;
    this.count++;
  }

  delete(id: number): void {
    if (!this.byId[id]) return;
    this.byId[id] = undefined;
    this.count--;
  }

  /** Lets go what nobody asked for since the last time; everything when all of it was asked for. */
  private makeRoom(): void {
    const before = this.count;
    for (let id = 0; id < this.byId.length; id++) if (this.asked[id] === 0) this.delete(id);
    this.asked.fill(0);
    if (this.count < before) return;
    this.byId.length = 0;
    this.count = 0;
  }

  private grow(length: number): void {
    const asked = new Uint8Array(2 * length);
    asked.set(this.asked);
    this.asked = asked;
  }
}
