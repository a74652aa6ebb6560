// From an address and labels that were discovered to a target: defaults, relabelling, checks, URL.
import { createHash } from "node:crypto";
import { formatDurationMs, Labels, parseDurationMs } from "@storewatch/model";
import type { ScrapeConfig, TargetGroup } from "../prometheus-config.ts";
import type { Relabeller } from "../relabel.ts";
import { goQuote } from "./go-text.ts";

export interface Target {
  /** Equal for the same labels at the same URL; names the target's rows in the store. */
  readonly key: string;
  readonly labels: Labels;
  readonly discoveredLabels: Labels;
  readonly url: URL;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export type TargetResult =
  | { readonly kind: "target"; readonly target: Target }
  | { readonly kind: "dropped"; readonly discoveredLabels: Labels }
  | { readonly kind: "invalid"; readonly discoveredLabels: Labels; readonly reason: string };

const PARAM = "__param_";

/** Every address of a group through the job's rules. */
export function resolveGroup(group: TargetGroup, config: ScrapeConfig, relabel: Relabeller): TargetResult[] {
  return group.targets.map((address) => resolveTarget(address, group.labels, config, relabel));
}

function resolveTarget(
  address: string,
  groupLabels: Readonly<Record<string, string>>,
  config: ScrapeConfig,
  relabel: Relabeller,
): TargetResult {
  const labels = new Map<string, string>([["__address__", address], ...Object.entries(groupLabels)]);
  const defaults: ReadonlyArray<readonly [string, string]> = [
    ["job", config.jobName],
    ["__scrape_interval__", formatDurationMs(config.intervalMs)],
    ["__scrape_timeout__", formatDurationMs(config.timeoutMs)],
    ["__metrics_path__", config.metricsPath],
    ["__scheme__", config.scheme],
    ...Object.entries(config.params).flatMap(([name, values]) =>
      values.length > 0 ? [[PARAM + name, values[0]] as const] : [],
    ),
  ];
  for (const [name, value] of defaults) if (!labels.get(name)) labels.set(name, value);
  const discoveredLabels = Labels.fromEntries(labels);
  for (const [name, value] of labels) if (value === "") labels.delete(name);
  if (!relabel(labels)) return { kind: "dropped", discoveredLabels };
  const made = makeTarget(labels, discoveredLabels, config);
  return typeof made === "string"
    ? { kind: "invalid", discoveredLabels, reason: made }
    : { kind: "target", target: made };
}

/** The target, or why it cannot be one. */
function makeTarget(labels: Map<string, string>, discoveredLabels: Labels, config: ScrapeConfig): Target | string {
  const address = labels.get("__address__");
  if (!address) return "no address";
  if (address.includes("/")) return `${goQuote(address)} is not a valid hostname`;
  const intervalMs = parseDurationMs(labels.get("__scrape_interval__") ?? "");
  const timeoutMs = parseDurationMs(labels.get("__scrape_timeout__") ?? "");
  if (!intervalMs) return `error parsing scrape interval: ${goQuote(labels.get("__scrape_interval__") ?? "")}`;
  if (!timeoutMs) return `error parsing scrape timeout: ${goQuote(labels.get("__scrape_timeout__") ?? "")}`;
  if (timeoutMs > intervalMs) {
    const times = `("${formatDurationMs(timeoutMs)}" > "${formatDurationMs(intervalMs)}")`;
    return `scrape timeout cannot be greater than scrape interval ${times}`;
  }
  const url = targetUrl(labels, config);
  if (!url) return `${goQuote(address)} cannot be asked: no valid URL`;
  const shown = new Map([...labels].filter(([name]) => !name.startsWith("__")));
  if (!shown.has("instance")) shown.set("instance", address);
  const own = Labels.fromEntries(shown);
  return { key: `${own} ${url.href}`, labels: own, discoveredLabels, url, intervalMs, timeoutMs };
}

function targetUrl(labels: ReadonlyMap<string, string>, config: ScrapeConfig): URL | undefined {
  const scheme = labels.get("__scheme__") ?? "";
  if (scheme !== "http" && scheme !== "https") return undefined;
  const params = new Map<string, string[]>(Object.entries(config.params).map(([name, values]) => [name, [...values]]));
  for (const [label, value] of labels) {
    if (!label.startsWith(PARAM)) continue;
    const name = label.slice(PARAM.length);
    params.set(name, [value, ...(params.get(name) ?? []).slice(1)]);
  }
  try {
    const url = new URL(`${scheme}://${labels.get("__address__")}`);
    // What looks like user:password@host is not how credentials are given, and would be shown with the URL.
    if (url.username !== "" || url.password !== "") return undefined;
    url.pathname = labels.get("__metrics_path__") ?? "";
    for (const name of [...params.keys()].sort()) {
      for (const value of params.get(name)!) url.searchParams.append(name, value);
    }
    return url;
  } catch {
    return undefined;
  }
}

/** A place in [0, range) that is the same for the same text: spreads targets over their interval. */
export function spread(text: string, range: number): number {
  const hash = createHash("md5").update(text).digest();
  return Math.floor((hash.readUInt32BE(0) / 2 ** 32) * range);
}
