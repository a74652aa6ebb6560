// What pushed data says of its metric families; scrapes keep their own with their targets.
import type { MetricMetadata } from "@storewatch/model";

/** Clients that make up names for ever must not fill the memory. */
const FAMILIES_MAX = 50_000;
const VARIANTS_MAX = 10;
const TEXT_CHARACTERS_MAX = 4096;

/** What is kept over a restart: the newest word of each family, from pushes and scrapes. */
export interface SavedMetadata {
  metadata(): ReadonlyMap<string, MetricMetadata>;
  putMetadata(entries: Iterable<readonly [family: string, metadata: MetricMetadata]>): void;
}

const NOTHING_SAVED: SavedMetadata = { metadata: () => new Map(), putMetadata: () => {} };

export class MetadataBook {
  private readonly families = new Map<string, MetricMetadata[]>();

  constructor(private readonly saved: SavedMetadata = NOTHING_SAVED) {}

  /** The newest variant comes first. */
  note(family: string, told: MetricMetadata): void {
    const known = this.families.get(family);
    if (!known) {
      if (this.families.size >= FAMILIES_MAX) return;
      const one = shortened(told);
      this.families.set(family, [one]);
      this.saved.putMetadata([[family, one]]);
      return;
    }
    if (isSame(known[0], told)) return;
    const one = shortened(told);
    const others = known.filter((other) => !isSame(other, one));
    this.families.set(family, [one, ...others].slice(0, VARIANTS_MAX));
    this.saved.putMetadata([[family, one]]);
  }

  /** The type of the family, as it was told last. */
  typeOf(family: string): string | undefined {
    return this.families.get(family)?.[0].type;
  }

  /** The same from before the last restart, for who knows nothing newer. */
  savedTypeOf(family: string): string | undefined {
    return this.saved.metadata().get(family)?.type;
  }

  /** Keeps what scrapes say. */
  save(scraped: ReadonlyMap<string, readonly MetricMetadata[]>): void {
    const fresh = [...scraped].filter(([family]) => !this.families.has(family));
    this.saved.putMetadata(fresh.map(([family, variants]) => [family, variants[0]] as const));
  }

  all(): ReadonlyMap<string, readonly MetricMetadata[]> {
    return this.families;
  }

  /** Together with what scrapes know; each variant once. */
  mergedWith(scraped: ReadonlyMap<string, readonly MetricMetadata[]>): ReadonlyMap<string, readonly MetricMetadata[]> {
    const saved = this.saved.metadata();
    if (this.families.size === 0 && saved.size === 0) return scraped;
    const merged = new Map(scraped);
    for (const [family, told] of this.families) {
      const known = merged.get(family) ?? [];
      merged.set(family, [...known, ...told.filter((one) => !known.some((other) => isSame(one, other)))]);
    }
    for (const [family, one] of saved) if (!merged.has(family)) merged.set(family, [one]);
    return merged;
  }
}

function shortened({ type, help, unit }: MetricMetadata): MetricMetadata {
  return { type, help: help.slice(0, TEXT_CHARACTERS_MAX), unit: unit.slice(0, TEXT_CHARACTERS_MAX) };
}

function isSame(a: MetricMetadata, b: MetricMetadata): boolean {
  return a.type === b.type && a.help === b.help && a.unit === b.unit;
}
