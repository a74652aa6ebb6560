// What Prometheus' API tells of scrape pools, of the way through relabelling and of external Alertmanagers. All of it
// belongs to the platform: callers of some shops are told of none.
import { ALL_TENANTS, Labels, Matcher, METRIC_NAME, RegexError } from "@storewatch/model";
import { ParseError, parseMetricSelector } from "@storewatch/promql/parser";
import { parse, stringify } from "yaml";
import type { TargetBoard } from "../collect/index.ts";
import type { MetadataBook } from "../collect/metadata/metadata-book.ts";
import type { PrometheusConfig, ScrapeConfig } from "../collect/prometheus-config.ts";
import { createRelabeller, type RelabelConfig } from "../collect/relabel.ts";
import { BadParameter, limitParam, type Params, required } from "../query/params.ts";
import type { StatusPage } from "../query/route.ts";
import type { MetricStore } from "../store/interface.ts";

export interface TargetPageOptions {
  readonly prometheus: () => PrometheusConfig;
  /** The Prometheus file without its secrets. */
  readonly configText: () => string;
  readonly board: TargetBoard;
  readonly metadata: Pick<MetadataBook, "mergedWith">;
  readonly store: Pick<MetricStore, "labelValues">;
  readonly nowMs: () => number;
  /** URLs that alerts go to besides our own routes. */
  readonly alertmanagers: () => readonly string[];
}

const RECENT_MS = 300_000;

export function targetPages(options: TargetPageOptions): Readonly<Record<string, StatusPage>> {
  const { prometheus } = options;
  return {
    scrape_pools: (scope) => ({ scrapePools: scope.kind === "all" ? poolNames(options) : [] }),
    "scrape_pools/config": (scope, params) => {
      const pool = required(params, "scrapePool");
      if (scope.kind !== "all") throw unknownPool(pool);
      mustFind(prometheus(), pool);
      return { yaml: stringify(jobText(options.configText(), pool)) };
    },
    "targets/relabel_steps": (scope, params) => {
      const pool = required(params, "scrapePool");
      if (scope.kind !== "all") throw unknownPool(pool);
      return { steps: relabelSteps(mustFind(prometheus(), pool), labelsParam(params)) };
    },
    "targets/metadata": (scope, params) => (scope.kind === "all" ? targetMetadata(options, params) : []),
    alertmanagers: (scope) => ({
      activeAlertmanagers: scope.kind === "all" ? options.alertmanagers().map((url) => ({ url })) : [],
      droppedAlertmanagers: [],
    }),
  };
}

/** Of the file, and those that Storewatch adds itself. */
function poolNames({ prometheus, board }: TargetPageOptions): string[] {
  const names = [
    ...prometheus().scrapeConfigs.map(({ jobName }) => jobName),
    ...board.active().map((t) => t.scrapePool),
  ];
  return [...new Set(names)].sort();
}

function unknownPool(pool: string): BadParameter {
  return new BadParameter(`invalid parameter "scrapePool": unknown scrape pool "${pool}"`);
}

function mustFind({ scrapeConfigs }: PrometheusConfig, pool: string): ScrapeConfig {
  const found = scrapeConfigs.find(({ jobName }) => jobName === pool);
  if (!found) throw unknownPool(pool);
  return found;
}

/** The job as it stands in the file. */
function jobText(text: string, pool: string): unknown {
  const file = parse(text) as { scrape_configs?: Array<{ job_name?: unknown }> } | null;
  return file?.scrape_configs?.find((job) => job?.job_name === pool) ?? { job_name: pool };
}

function labelsParam(params: Params): ReadonlyMap<string, string> {
  const text = required(params, "labels");
  try {
    const data: unknown = JSON.parse(text);
    if (typeof data === "object" && data !== null && !Array.isArray(data))
      return new Map(Object.entries(data).map(([name, value]) => [name, String(value)]));
  } catch {
    // told below
  }
  throw new BadParameter(`invalid parameter "labels": it is no JSON object of strings`);
}

/** What each rule makes of the labels, up to the one that drops the target. */
function relabelSteps({ relabel, nameScheme }: ScrapeConfig, labels: ReadonlyMap<string, string>): unknown[] {
  const now = new Map(labels);
  const steps: unknown[] = [];
  for (const rule of relabel) {
    const keep = createRelabeller([rule], nameScheme)(now);
    const output = Labels.fromEntries(now);
    steps.push({ rule: ruleJson(rule), output: keep ? output : {}, keep });
    if (!keep) break;
  }
  return steps;
}

function ruleJson(rule: RelabelConfig): unknown {
  return {
    ...(rule.sourceLabels.length > 0 ? { source_labels: rule.sourceLabels } : {}),
    separator: rule.separator,
    regex: rule.regex,
    ...(rule.modulus > 0n ? { modulus: Number(rule.modulus) } : {}),
    ...(rule.targetLabel === "" ? {} : { target_label: rule.targetLabel }),
    replacement: rule.replacement,
    action: rule.action,
  };
}

const FAMILY_SUFFIX = /_(bucket|sum|count|total|created|info)$/;

/** Of the families that a target's series are of. */
function targetMetadata({ board, metadata, store, nowMs }: TargetPageOptions, params: Params): unknown[] {
  const matchers = matchTarget(params.get("match_target") ?? "");
  const metric = params.get("metric") ?? "";
  const limit = limitParam(params) || Number.POSITIVE_INFINITY;
  const known = metadata.mergedWith(board.metadata());
  const found: unknown[] = [];
  for (const target of board.active()) {
    const labels = target.labels.filter((name) => !name.startsWith("__"));
    if (found.length >= limit) break;
    if (!matchers.every((matcher) => matcher.matches(labels.get(matcher.name)))) continue;
    const own = [...labels].map(([name, value]) => new Matcher("=", name, value));
    const names = store.labelValues(ALL_TENANTS, METRIC_NAME, own, nowMs() - RECENT_MS, nowMs());
    const families = new Set(names.flatMap((name) => [name, name.replace(FAMILY_SUFFIX, "")]));
    for (const [family, entries] of known) {
      if (!families.has(family) || (metric !== "" && metric !== family)) continue;
      for (const one of entries) found.push({ target: labels, ...(metric === "" ? { metric: family } : {}), ...one });
      if (found.length >= limit) break;
    }
  }
  return found.slice(0, limit);
}

function matchTarget(text: string): readonly Matcher[] {
  if (text === "") return [];
  try {
    return parseMetricSelector(text);
  } catch (error) {
    if (error instanceof ParseError || error instanceof RegexError)
      throw new BadParameter(`invalid parameter "match_target": ${error.message}`);
    throw error;
  }
}
