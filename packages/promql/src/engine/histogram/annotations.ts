// What is remarked about native histograms, in upstream's words.
import type { SourceRange } from "../../parser/ast.ts";
import { quoteString } from "../../parser/text.ts";
import type { Annotations } from "../context.ts";

/** The remarks about one expression. */
export class HistogramNotes {
  constructor(
    private readonly annotations: Annotations,
    private readonly place: SourceRange,
  ) {}

  private warn(message: string): void {
    this.annotations.warn(message, this.place);
  }

  private info(message: string): void {
    this.annotations.info(message, this.place);
  }

  mixedTypes(name: string): void {
    this.warn(`encountered a mix of histograms and floats for metric name ${quoteString(name)}`);
  }

  mixedTypesInAggregation(): void {
    this.warn("encountered a mix of histograms and floats for aggregation");
  }

  mixedClassicAndNative(name: string): void {
    this.warn(`vector contains a mix of classic and native histograms${forMetric(name)}`);
  }

  mixedSchemas(name: string): void {
    this.warn(
      `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quoteString(name)}`,
    );
  }

  notCounter(name: string): void {
    this.warn(`this native histogram metric is not a counter: ${quoteString(name)}`);
  }

  notGauge(name: string): void {
    this.warn(`this native histogram metric is not a gauge: ${quoteString(name)}`);
  }

  conflictingResets(during: Operation): void {
    this.warn(`conflicting counter resets during histogram ${during}`);
  }

  incompatibleLayout(operator: string): void {
    this.warn(`incompatible bucket layout encountered for binary operator ${operator}`);
  }

  reconciled(during: Operation): void {
    this.info(`mismatched custom buckets were reconciled during ${during}`);
  }

  ignoredInAggregation(operator: string): void {
    this.info(`ignored histogram in ${operator} aggregation`);
  }

  ignoredInRange(name: string): void {
    this.info(
      `ignored histograms in a range containing both floats and histograms for metric name ${quoteString(name)}`,
    );
  }

  incompatibleTypes(left: SampleType, operator: string, right: SampleType): void {
    const types = `${left} ${operator} ${right}`;
    this.info(`incompatible sample types encountered for binary operator ${quoteString(operator)}: ${types}`);
  }

  nanInQuantile(name: string, effect: "result" | "skewed"): void {
    const what = effect === "result" ? "result is NaN" : "result is skewed higher";
    this.info(`input to histogram_quantile has NaN observations, ${what}${forMetric(name)}`);
  }

  nanInFraction(name: string): void {
    this.info(
      `input to histogram_fraction has NaN observations, which are excluded from all fractions${forMetric(name)}`,
    );
  }
}

type Operation = "addition" | "subtraction" | "aggregation";
export type SampleType = "float" | "histogram";

function forMetric(name: string): string {
  return name === "" ? "" : ` for metric name ${quoteString(name)}`;
}
