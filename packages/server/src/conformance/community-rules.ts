// Widely used rule files: every expression must parse, and evaluate without error on an empty and on a filled store.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Labels, type Matcher, METRIC_NAME, matchesAll, type SeriesSamples } from "@storewatch/model";
import { createEngine, type Queryable, QueryError } from "@storewatch/promql/engine";
import { collectSelectors } from "@storewatch/promql/parser";
import { parseConfigDocument } from "../config/document.ts";
import { systemClock } from "../kernel/clock.ts";
import { type RuleConfig, readRuleDocument } from "../rules/index.ts";
import type { Suite, SuiteReport } from "./suite.ts";

const EVALUATION_MS = 1_700_000_000_000;
const STEP_MS = 15_000;
const SAMPLES = 240;

const EMPTY: Queryable = { select: () => [] };

/** One series for each selector of an expression, an hour of a growing counter. */
function filledStore(rule: RuleConfig): Queryable {
  const series = new Map<string, SeriesSamples>();
  for (const { matchers } of collectSelectors(rule.parsed)) {
    const labels = labelsFor(matchers);
    if (labels) series.set(labels.key, samplesOf(labels));
  }
  return {
    select(matchers, fromMs, toMs) {
      return [...series.values()]
        .filter(({ labels }) => matchesAll(matchers, labels))
        .map(({ labels, timesMs, values }) => {
          const from = timesMs.findIndex((timeMs) => timeMs >= fromMs);
          const to = timesMs.findLastIndex((timeMs) => timeMs <= toMs) + 1;
          if (from < 0 || from >= to) return { labels, timesMs: new Float64Array(), values: new Float64Array() };
          return { labels, timesMs: timesMs.subarray(from, to), values: values.subarray(from, to) };
        })
        .filter(({ timesMs }) => timesMs.length > 0);
    },
  };
}

function samplesOf(labels: Labels): SeriesSamples {
  const timesMs = Float64Array.from({ length: SAMPLES }, (_, i) => EVALUATION_MS - (SAMPLES - 1 - i) * STEP_MS);
  return { labels, timesMs, values: Float64Array.from({ length: SAMPLES }, (_, i) => 1 + i * 0.5) };
}

/** Labels that satisfy the matchers; undefined when no simple guess does. */
function labelsFor(matchers: readonly Matcher[]): Labels | undefined {
  const record: Record<string, string> = { job: "demo", instance: "demo:9100" };
  for (const matcher of matchers) {
    const guesses = [
      matcher.value,
      ...(matcher.regex?.literals ?? []),
      `${matcher.regex?.prefix ?? ""}x`,
      "x",
      "1",
      "",
    ];
    const guess = guesses.find((value) => matcher.matches(value));
    if (guess !== undefined) record[matcher.name] = guess;
  }
  if (!record[METRIC_NAME]) record[METRIC_NAME] = "some_metric";
  const labels = Labels.from(record);
  return matchesAll(matchers, labels) ? labels : undefined;
}

/** What is wrong with one rule; "" when nothing is. */
async function problemOf(rule: RuleConfig): Promise<string> {
  const engine = createEngine({ clock: systemClock });
  for (const [what, store] of [["empty", EMPTY] as const, ["filled", filledStore(rule)] as const]) {
    try {
      await engine.instant(store, { expression: rule.expression }, EVALUATION_MS);
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      return `${what} store: ${error.message}: ${rule.expression}`;
    }
  }
  return "";
}

async function judge(dir: string, file: string, report: SuiteReport): Promise<void> {
  const document = parseConfigDocument(file, readFileSync(path.join(dir, file), "utf8"));
  const { data } = document;
  if (typeof data === "object" && data !== null && "kind" in data && data.kind === "CustomResourceDefinition") {
    report.skip(file, "a CRD without rules");
    return;
  }
  const { groups, findings } = readRuleDocument(document);
  const problems = findings.map((finding) => `${finding.line}: ${finding.message}`);
  for (const rule of groups.flatMap((group) => group.rules)) {
    const problem = await problemOf(rule);
    if (problem !== "") problems.push(`${rule.line}: ${problem}`);
  }
  if (problems.length === 0) report.pass(file);
  else report.fail(file, problems.join("\n"));
}

export const communityRulesSuite: Suite = {
  name: "community-rules",
  needs: "community-rules",
  async run(dataDir, report) {
    const root = path.join(dataDir, "community-rules");
    for (const folder of readdirSync(root).sort()) {
      const dir = path.join(root, folder);
      for (const file of readdirSync(dir).sort()) if (/\.ya?ml$/.test(file)) await judge(dir, file, report);
    }
  },
};
