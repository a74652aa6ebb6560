// From the labels on a page to the labels in the store. Runs once for each new line, never for known ones.
import { compareStrings, Labels, METRIC_NAME, scopeAllows, TENANT_LABEL, type TenantScope } from "@storewatch/model";
import { isLabelName, isMetricName, type NameScheme, type Relabeller } from "../relabel.ts";
import type { ExposedSeries } from "./exposition.ts";
import { SeriesRefused, type SeriesResolver } from "./page-targets.ts";

export interface LabelLimits {
  /** 0 means no limit, in each. Lengths are in bytes. */
  readonly labels: number;
  readonly nameBytes: number;
  readonly valueBytes: number;
}

export interface SeriesResolverOptions {
  readonly targetLabels: Labels;
  readonly honorLabels: boolean;
  readonly relabel: Relabeller;
  readonly limits: LabelLimits;
  readonly scheme: NameScheme;
  /** Whose series this target may write. */
  readonly tenants: TenantScope;
  readonly onForeignTenant: () => void;
}

export function createSeriesResolver(options: SeriesResolverOptions): SeriesResolver {
  return {
    resolve(series) {
      const labels = exposedLabels(series);
      if (options.honorLabels) addMissing(labels, options.targetLabels);
      else renameConflicting(labels, options.targetLabels);
      for (const [name, value] of labels) if (value === "") labels.delete(name);
      // Relabelling leaves no empty values.
      if (!options.relabel(labels)) return undefined;
      if (labels.size === 0) return undefined;
      checkLength(labels);
      checkNames(labels, options.scheme);
      checkLimits(labels, options.limits);
      if (!belongs(labels, options.tenants)) {
        options.onForeignTenant();
        return undefined;
      }
      return toLabels(labels);
    },
  };
}

/** Sorted pairs without an object in between: a first scrape makes 10,000 of these. */
function toLabels(labels: ReadonlyMap<string, string>): Labels {
  const pairs: string[] = [];
  for (const name of [...labels.keys()].sort(compareStrings)) pairs.push(name, labels.get(name)!);
  return Labels.fromSortedPairs(pairs);
}

/** The series that describe a scrape carry the target's labels and, for a single tenant's target, that tenant. */
export function reportLabels(metric: string, targetLabels: Labels, tenants: TenantScope): Labels {
  const labels = new Map<string, string>(targetLabels);
  labels.set(METRIC_NAME, metric);
  belongs(labels, tenants);
  return Labels.fromEntries(labels);
}

/** Empty values stay for now: with honor_labels they mean "not even the target's". */
function exposedLabels(series: ExposedSeries): Map<string, string> {
  const labels = new Map<string, string>([[METRIC_NAME, series.metric]]);
  for (const [name, value] of series.labels) {
    if (labels.has(name)) throw new SeriesRefused(`label name "${name}" is not unique: invalid sample`);
    labels.set(name, value);
  }
  return labels;
}

function addMissing(labels: Map<string, string>, target: Labels): void {
  for (const [name, value] of target) if (!labels.has(name)) labels.set(name, value);
}

/** Target labels win; what they hide is kept as exported_NAME, with as many prefixes as it takes. */
function renameConflicting(labels: Map<string, string>, target: Labels): void {
  const hidden: Array<[string, string]> = [];
  for (const [name, value] of target) {
    const exposed = labels.get(name);
    if (exposed) hidden.push([name, exposed]);
    labels.set(name, value);
  }
  hidden.sort(([a], [b]) => a.length - b.length);
  for (const [name, value] of hidden) {
    let free = `exported_${name}`;
    while (labels.get(free)) free = `exported_${free}`;
    labels.set(free, value);
  }
}

function checkNames(labels: ReadonlyMap<string, string>, scheme: NameScheme): void {
  const metric = labels.get(METRIC_NAME);
  if (metric === undefined) throw new SeriesRefused("missing metric name (__name__ label)");
  if (scheme === "utf8") {
    // The lexer let UTF-8 through only; relabelling makes nothing else of it.
    return;
  }
  const bad = [...labels.keys()].find((name) => name !== METRIC_NAME && !isLabelName(name, scheme));
  if (bad !== undefined || !isMetricName(metric, scheme)) {
    throw new SeriesRefused(`invalid metric name or label names: ${Labels.fromEntries(labels)}`);
  }
}

/**
 * A series is kept whole in the index and in the log. Jobs set narrower limits themselves; without this one a target
 * could put a text of 250 MB into both.
 */
const LABELS_LENGTH_MAX = 65_536;

function checkLength(labels: ReadonlyMap<string, string>): void {
  let length = 0;
  for (const [name, value] of labels) length += name.length + value.length;
  if (length <= LABELS_LENGTH_MAX) return;
  const metric = short(labels.get(METRIC_NAME) ?? "");
  throw new SeriesRefused(
    `a series has too long labels (metric: ${metric}, characters: ${length}, limit: ${LABELS_LENGTH_MAX})`,
  );
}

function checkLimits(labels: ReadonlyMap<string, string>, limits: LabelLimits): void {
  const metric = labels.get(METRIC_NAME) ?? "";
  if (limits.labels > 0 && labels.size > limits.labels) {
    throw new SeriesRefused(
      `label_limit exceeded (metric: ${short(metric)}, number of labels: ${labels.size}, limit: ${limits.labels})`,
    );
  }
  if (limits.nameBytes === 0 && limits.valueBytes === 0) return;
  for (const [name, value] of labels) {
    if (limits.nameBytes > 0 && Buffer.byteLength(name) > limits.nameBytes) {
      throw new SeriesRefused(
        `label_name_length_limit exceeded (metric: ${short(metric)}, label name: ${short(name)}, length: ${Buffer.byteLength(name)}, limit: ${limits.nameBytes})`,
      );
    }
    if (limits.valueBytes > 0 && Buffer.byteLength(value) > limits.valueBytes) {
      throw new SeriesRefused(
        `label_value_length_limit exceeded (metric: ${short(metric)}, label name: ${short(name)}, value: "${short(value)}", length: ${Buffer.byteLength(value)}, limit: ${limits.valueBytes})`,
      );
    }
  }
}

const short = (text: string): string => (text.length > 50 ? `${text.slice(0, 50)}…` : text);

/**
 * False: another tenant's series. A target of exactly one tenant gives that tenant to the series that name none;
 * with several, a series without a tenant could be anyone's and is not taken.
 */
function belongs(labels: Map<string, string>, tenants: TenantScope): boolean {
  if (tenants.kind === "all") return true;
  const id = labels.get(TENANT_LABEL);
  if (id !== undefined) return scopeAllows(tenants, id);
  const [only, ...others] = tenants.ids;
  if (only === undefined || others.length > 0) return false;
  labels.set(TENANT_LABEL, only);
  return true;
}
