// What was refused of a batch, by reason, with the first one of each as an example.
import type { Refusal, RefusalReason } from "./interface.ts";

export class Refusals {
  private readonly found = new Map<RefusalReason, { count: number; example: string }>();

  add(reason: RefusalReason, count: number, example: () => string): void {
    const known = this.found.get(reason);
    if (known) known.count += count;
    else this.found.set(reason, { count, example: example() });
  }

  addAll(refusals: readonly Refusal[]): void {
    for (const { reason, count, example } of refusals) this.add(reason, count, () => example);
  }

  list(): Refusal[] {
    return [...this.found].map(([reason, { count, example }]) => ({ reason, count, example }));
  }
}
