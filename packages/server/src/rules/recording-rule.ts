// One recording rule: the answer of its query, written under its name and labels.
import { Labels, METRIC_NAME } from "@storewatch/model";
import type { RecordingRuleView } from "./interface.ts";
import type { RecordingRuleConfig } from "./rule-file.ts";
import { type EvaluationContext, RuleError, type RuleOutcome, RuleStatus, type SeriesWrite } from "./rule-status.ts";

/** What a sample of the rule's answer is written as. */
export function recordedLabels(config: RecordingRuleConfig, labels: Labels): Labels {
  return Labels.from({ ...labels.toJSON(), [METRIC_NAME]: config.record, ...config.labels });
}

export class RecordingRule {
  readonly name: string;
  readonly status = new RuleStatus();

  constructor(readonly config: RecordingRuleConfig) {
    this.name = config.record;
  }

  async evaluate(context: EvaluationContext): Promise<RuleOutcome> {
    const vector = await context.query(this.config.expression);
    if (context.limit > 0 && vector.length > context.limit) {
      throw new RuleError(`exceeded limit of ${context.limit} with ${vector.length} series`);
    }
    const seen = new Set<string>();
    const series: SeriesWrite[] = [];
    const timeMs = context.timeMs - context.queryOffsetMs;
    for (const { labels, value, histogram } of vector) {
      const named = recordedLabels(this.config, labels);
      if (seen.has(named.key)) {
        throw new RuleError("vector contains metrics with the same labelset after applying rule labels");
      }
      seen.add(named.key);
      series.push(histogram ? { labels: named, timeMs, value, histogram } : { labels: named, timeMs, value });
    }
    return { series, changed: true };
  }

  view(): RecordingRuleView {
    const { config } = this;
    return {
      type: "recording",
      name: this.name,
      query: config.expression,
      labels: config.labels,
      ...this.status.view(),
    };
  }
}
