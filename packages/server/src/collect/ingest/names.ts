// Names of other systems in Prometheus' alphabet: what is not allowed becomes `_`.
import { Labels, METRIC_NAME } from "@storewatch/model";

/** `shop.orders-count` → `shop_orders_count`. Never empty. */
export function toMetricName(text: string): string {
  return legal(text.replace(/[^A-Za-z0-9_:]/g, "_"));
}

export function toLabelName(text: string): string {
  const name = legal(text.replace(/[^A-Za-z0-9_]/g, "_"));
  // Names with two underscores in front are the store's own.
  return name.startsWith("__") ? `tag${name}` : name;
}

function legal(name: string): string {
  if (name === "") return "_";
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

/** Datadog's tags, `key:value` or `key` alone (its value is "true"), as labels; the first of a key wins. */
export function labelsOfTags(
  metric: string,
  tags: Iterable<string>,
  more: Readonly<Record<string, string>> = {},
): Labels {
  const labels: Record<string, string> = { ...more };
  for (const tag of tags) {
    if (tag === "") continue;
    const colon = tag.indexOf(":");
    const name = toLabelName(colon < 0 ? tag : tag.slice(0, colon));
    if (!Object.hasOwn(labels, name)) labels[name] = colon < 0 ? "true" : tag.slice(colon + 1);
  }
  labels[METRIC_NAME] = toMetricName(metric);
  return Labels.from(labels);
}
