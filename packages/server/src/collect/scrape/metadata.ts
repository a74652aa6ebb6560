// HELP, TYPE and UNIT by metric family, as the target last said them.
import type { MetricMetadata } from "@storewatch/model";
import type { MetricType } from "./exposition.ts";
import type { MetadataSink } from "./page-targets.ts";

/** A target that makes up names for ever must not fill the memory. */
const FAMILIES_MAX = 20_000;
const HELP_CHARACTERS_MAX = 4096;
const UNIT_CHARACTERS_MAX = 256;

export class TargetMetadata implements MetadataSink {
  readonly families = new Map<string, MetricMetadata>();

  help(family: string, text: string): void {
    this.update(family, { help: text.slice(0, HELP_CHARACTERS_MAX) });
  }

  type(family: string, type: MetricType): void {
    this.update(family, { type: type === "untyped" ? "unknown" : type });
  }

  unit(family: string, unit: string): void {
    this.update(family, { unit: unit.slice(0, UNIT_CHARACTERS_MAX) });
  }

  typeOf(family: string): string | undefined {
    return this.families.get(family)?.type;
  }

  private update(family: string, change: Partial<MetricMetadata>): void {
    const known = this.families.get(family);
    if (!known && this.families.size >= FAMILIES_MAX) return;
    this.families.set(family, { type: "unknown", help: "", unit: "", ...known, ...change });
  }
}

/** Metadata of many targets in one map; each variant once. */
export function mergeMetadata(targets: Iterable<TargetMetadata>): Map<string, readonly MetricMetadata[]> {
  const merged = new Map<string, MetricMetadata[]>();
  for (const target of targets) {
    for (const [family, one] of target.families) {
      const list = merged.get(family);
      if (!list) merged.set(family, [one]);
      else if (!list.some((m) => m.type === one.type && m.help === one.help && m.unit === one.unit)) list.push(one);
    }
  }
  return merged;
}
