// Builds families sample by sample: the first sample of a name brings its HELP and TYPE.
import type { FamilySample, FamilyType, LabelValues, MetricFamily } from "./interface.ts";

const NO_LABELS: LabelValues = {};

interface OpenFamily extends MetricFamily {
  readonly samples: FamilySample[];
}

export interface HistogramValue {
  /** Upper bound (`Infinity` may be left out) → observations at or below it. Ascending. */
  readonly buckets: ReadonlyArray<readonly [upperBound: number, cumulativeCount: number]>;
  readonly sum: number;
  readonly count: number;
}

export class Families {
  private readonly byName = new Map<string, OpenFamily>();

  gauge(name: string, help: string, value: number, labels: LabelValues = NO_LABELS): void {
    this.open(name, help, "gauge").samples.push({ labels, value });
  }

  counter(name: string, help: string, value: number, labels: LabelValues = NO_LABELS): void {
    this.open(name, help, "counter").samples.push({ labels, value });
  }

  untyped(name: string, help: string, value: number, labels: LabelValues = NO_LABELS): void {
    this.open(name, help, "untyped").samples.push({ labels, value });
  }

  histogram(name: string, help: string, value: HistogramValue, labels: LabelValues = NO_LABELS): void {
    const { samples } = this.open(name, help, "histogram");
    const bounds = value.buckets.filter(([bound]) => bound !== Number.POSITIVE_INFINITY);
    for (const [bound, count] of bounds) {
      samples.push({ suffix: "_bucket", labels: { ...labels, le: String(bound) }, value: count });
    }
    samples.push({ suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: value.count });
    samples.push({ suffix: "_sum", labels, value: value.sum }, { suffix: "_count", labels, value: value.count });
  }

  /** A sample of any type; a second one with another type or help goes to the family as it was opened. */
  add(name: string, help: string, type: FamilyType, sample: FamilySample): void {
    this.open(name, help, type).samples.push(sample);
  }

  addAll(families: readonly MetricFamily[]): void {
    for (const { name, help, type, samples } of families) {
      const family = this.open(name, help, type);
      for (const sample of samples) family.samples.push(sample);
    }
  }

  /** These in place of what has their names. */
  replace(families: readonly MetricFamily[]): void {
    for (const { name } of families) this.byName.delete(name);
    this.addAll(families);
  }

  list(): readonly MetricFamily[] {
    return [...this.byName.values()];
  }

  private open(name: string, help: string, type: FamilyType): OpenFamily {
    let family = this.byName.get(name);
    if (!family) {
      family = { name, help, type, samples: [] };
      this.byName.set(name, family);
    }
    return family;
  }
}
