// Bodies that wait to be read take memory: together they may take so much and no more.
import { StorewatchError } from "../../kernel/errors.ts";

export class BodyBudget {
  private taken = 0;

  /** `bytesMax` of all, `bodyBytesMax` of one. */
  constructor(
    private readonly bytesMax: number,
    private readonly bodyBytesMax: number,
  ) {}

  /**
   * Takes what the header says that the body has; a body of unknown length counts as the largest one. Returns how to give it
   * back. Throws BODY_TOO_LARGE and, when others have it all, UNAVAILABLE.
   */
  take(contentLength: string | undefined): () => void {
    const told = Number(contentLength ?? this.bodyBytesMax);
    const bytes = Number.isSafeInteger(told) && told >= 0 ? told : this.bodyBytesMax;
    if (bytes > this.bodyBytesMax) throw new StorewatchError("BODY_TOO_LARGE", { limit: this.bodyBytesMax });
    if (this.taken + bytes > this.bytesMax) {
      throw new StorewatchError("UNAVAILABLE", { reason: "too many bodies are being read: send this one again" });
    }
    this.taken += bytes;
    let isGiven = false;
    return () => {
      if (!isGiven) this.taken -= bytes;
      isGiven = true;
    };
  }
}

/** So many at once, the others in the order of their coming. */
export class Slots {
  private readonly waiting: Array<() => void> = [];

  constructor(private free: number) {}

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free++;
    }
  }
}
