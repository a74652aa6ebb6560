// What pushed data says of its metric families; scrapes keep their own with their targets.
import type { MetricMetadata } from "@storewatch/model";

/** Clients that make up names for ever must not fill the memory. */
const FAMILIES_MAX = 50_000;
const VARIANTS_MAX = 10;
const TEXT_CHARACTERS_MAX = 4096;

export class MetadataBook {
  private readonly families = new Map<string, MetricMetadata[]>();

  /** The newest variant comes first. */
  note(family: string, told: MetricMetadata): void {
    const known = this.families.get(family);
    if (!known) {
      if (this.families.size < FAMILIES_MAX) this.families.set(family, [shortened(told)]);
      return;
    }
    if (isSame(known[0], told)) return;
    const one = shortened(told);
    const others = known.filter((other) => !isSame(other, one));
    this.families.set(family, [one, ...others].slice(0, VARIANTS_MAX));
  }

  /** The type of the family, as it was told last. */
  typeOf(family: string): string | undefined {
    return this.families.get(family)?.[0].type;
  }

  all(): ReadonlyMap<string, readonly MetricMetadata[]> {
    return this.families;
  }

  /** Together with what scrapes know; each variant once. */
  mergedWith(scraped: ReadonlyMap<string, readonly MetricMetadata[]>): ReadonlyMap<string, readonly MetricMetadata[]> {
    if (this.families.size === 0) return scraped;
    const merged = new Map(scraped);
    for (const [family, told] of this.families) {
      const known = merged.get(family) ?? [];
      merged.set(family, [...known, ...told.filter((one) => !known.some((other) => isSame(one, other)))]);
    }
    return merged;
  }
}

function shortened({ type, help, unit }: MetricMetadata): MetricMetadata {
  return { type, help: help.slice(0, TEXT_CHARACTERS_MAX), unit: unit.slice(0, TEXT_CHARACTERS_MAX) };
}

function isSame(a: MetricMetadata, b: MetricMetadata): boolean {
  return a.type === b.type && a.help === b.help && a.unit === b.unit;
}
