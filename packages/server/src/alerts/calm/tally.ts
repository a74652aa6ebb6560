// Counts by name, the largest first.
import { compareStrings } from "@storewatch/model";

export interface Count {
  readonly name: string;
  readonly alerts: number;
}

export class Tally {
  private readonly counts = new Map<string, number>();

  add(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  list(most: number): Count[] {
    return [...this.counts]
      .map(([name, alerts]) => ({ name, alerts }))
      .sort((a, b) => b.alerts - a.alerts || compareStrings(a.name, b.name))
      .slice(0, most);
  }

  get size(): number {
    return this.counts.size;
  }

  /** `A 12, B 3 and 4 more` */
  text(most: number): string {
    const parts = this.list(most).map(({ name, alerts }) => `${name || "none"} ${alerts}`);
    const rest = this.size - parts.length;
    return parts.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
  }
}
