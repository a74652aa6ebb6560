// What is known of metric families: type, help, unit. Kept with the samples, so that it is there after a restart.
import type { MetricMetadata } from "@storewatch/model";

/** Names that are made up for ever must not fill the memory. */
const FAMILIES_MAX = 50_000;
const TEXT_CHARACTERS_MAX = 4096;

export type FamilyMetadata = readonly [family: string, metadata: MetricMetadata];

export class MetadataTable {
  private readonly families = new Map<string, MetricMetadata>();

  get all(): ReadonlyMap<string, MetricMetadata> {
    return this.families;
  }

  /** False when that was known, or there is no room. */
  put(family: string, { type, help, unit }: MetricMetadata): boolean {
    const known = this.families.get(family);
    const told = { type, help: cut(help), unit: cut(unit) };
    if (known ? known.type === type && known.help === told.help && known.unit === told.unit : this.isFull(family)) {
      return false;
    }
    this.families.set(family, told);
    return true;
  }

  private isFull(family: string): boolean {
    return this.families.size >= FAMILIES_MAX || family.length > TEXT_CHARACTERS_MAX;
  }

  /** Forgets families; returns how many there were. */
  removeWhere(isGone: (family: string) => boolean): number {
    const gone = [...this.families.keys()].filter(isGone);
    for (const family of gone) this.families.delete(family);
    return gone.length;
  }
}

function cut(text: string): string {
  return text.length > TEXT_CHARACTERS_MAX ? text.slice(0, TEXT_CHARACTERS_MAX) : text;
}
