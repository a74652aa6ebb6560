import type { Labels } from "@storewatch/model";

/** External labels go on series that do not have them. */
export function withExternal(labels: Labels, external: Labels): Labels {
  if (external.size === 0) return labels;
  let all = labels;
  for (const [name, value] of external) if (!labels.has(name)) all = all.with(name, value);
  return all;
}
