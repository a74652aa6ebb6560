// A pushed group: what a batch job said last, under the labels of its URL.

import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { Labels, METRIC_NAME, type MetricMetadata, TENANT_LABEL } from "@storewatch/model";
import { StorewatchError } from "../../../kernel/errors.ts";
import { ProtobufError } from "../../protobuf/reader.ts";
import { ExpositionError, ExpositionParser } from "../../scrape/exposition.ts";
import { readMessages } from "./protobuf.ts";

export interface PushedFamily {
  readonly type: string;
  readonly help: string;
  readonly series: ReadonlyArray<{ readonly labels: Labels; readonly value: number }>;
}

export interface PushGroup {
  /** `job` and the further labels of the URL, with the tenant that the credential gives. */
  readonly labels: Labels;
  readonly families: ReadonlyMap<string, PushedFamily>;
  readonly pushedMs: number;
  /** 0: never. */
  readonly failedMs: number;
}

const LABEL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LABELS_MAX = 30;
const VALUE_MAX = 1024;
const SERIES_MAX = 20_000;

/**
 * The grouping labels of a path after `/metrics/`: `job/NAME{/LABEL/VALUE}`, a name with `@base64` for values that do not
 * fit a path. Throws BAD_REQUEST.
 */
export function groupLabels(path: string): Labels {
  const parts = path.replace(/\/$/, "").split("/");
  if (parts.length % 2 !== 0 || !/^job(@base64)?$/.test(parts[0]))
    throw bad("expected /metrics/job/NAME{/LABEL/VALUE}");
  if (parts.length / 2 > LABELS_MAX) throw bad(`more than ${LABELS_MAX} grouping labels`);
  const labels: Record<string, string> = {};
  for (let i = 0; i < parts.length; i += 2) {
    const isBase64 = parts[i].endsWith("@base64");
    const name = isBase64 ? parts[i].slice(0, -"@base64".length) : parts[i];
    if (!LABEL_NAME.test(name) || name.startsWith("__")) throw bad(`improper label name "${name}"`);
    if (i > 0 && name === "job") throw bad("the label job stands twice");
    const value = isBase64 ? fromBase64(parts[i + 1]) : fromPath(parts[i + 1]);
    if (value.length > VALUE_MAX) throw bad(`the value of ${name} is longer than ${VALUE_MAX}`);
    labels[name] = value;
  }
  if (labels.job === "") throw bad("job name is required");
  return Labels.from(labels);
}

function fromBase64(text: string): string {
  // "=" stands for the empty value, which a path cannot hold.
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) throw bad("a label value is not base64");
  const bytes = Buffer.from(text, "base64");
  if (!isUtf8(bytes)) throw bad("a label value is not UTF-8");
  return bytes.toString("utf8");
}

function fromPath(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw bad("the path cannot be decoded");
  }
}

/** Which file holds the group, and which group two pushes mean. */
export function groupKey(labels: Labels): string {
  return createHash("sha256").update(labels.key).digest("hex");
}

/** The families of a pushed page, grouping labels over the series' own. Throws BAD_REQUEST, TENANT_FORBIDDEN. */
export function readFamilies(body: Buffer, grouping: Labels, isProtobuf = false): Map<string, PushedFamily> {
  const families = new Families(grouping);
  try {
    if (isProtobuf) takeProtobuf(body, families);
    else takeText(body, families);
  } catch (error) {
    if (error instanceof ExpositionError) throw bad(`text format parsing error in ${error.message}`);
    if (error instanceof ProtobufError) throw bad(`protobuf parsing error: ${error.message}`);
    throw error;
  }
  return families.byName;
}

class Families {
  readonly byName = new Map<string, MutableFamily>();
  private readonly seen = new Set<string>();

  constructor(private readonly grouping: Labels) {}

  of(name: string): MutableFamily {
    const family = this.byName.get(name) ?? { type: "untyped", help: "", series: [] };
    this.byName.set(name, family);
    return family;
  }

  add(family: MutableFamily, metric: string, own: ReadonlyArray<readonly [string, string]>, value: number): void {
    const labels = seriesLabels(metric, own, this.grouping);
    if (this.seen.has(labels.key)) throw bad(`${labels} stands twice`);
    if (this.seen.add(labels.key).size > SERIES_MAX) throw bad(`more than ${SERIES_MAX} series in a group`);
    family.series.push({ labels, value });
  }
}

const NO_TIMESTAMPS = "pushed metrics must not have timestamps";

function takeText(body: Buffer, families: Families): void {
  const page = Buffer.concat([body, Buffer.from("\n")]);
  const parser = new ExpositionParser();
  parser.reset(page, body.length);
  for (let entry = parser.next(); entry.kind !== "end"; entry = parser.next()) {
    if (entry.kind === "help") families.of(entry.family).help = entry.text;
    else if (entry.kind === "type") families.of(entry.family).type = entry.type;
    else if (entry.kind === "series") {
      if (entry.timeMs !== undefined) throw bad(NO_TIMESTAMPS);
      const family = families.of(familyName(entry.series.metric, families.byName));
      families.add(family, entry.series.metric, entry.series.labels, entry.value);
    }
  }
}

function takeProtobuf(body: Buffer, families: Families): void {
  for (const { name, help, type, series, hasTimestamps } of readMessages(body)) {
    if (hasTimestamps) throw bad(NO_TIMESTAMPS);
    const family = Object.assign(families.of(name), { help, type });
    for (const one of series) families.add(family, one.metric, one.labels, one.value);
  }
}

interface MutableFamily {
  type: string;
  help: string;
  readonly series: Array<{ readonly labels: Labels; readonly value: number }>;
}

function seriesLabels(metric: string, own: ReadonlyArray<readonly [string, string]>, grouping: Labels): Labels {
  const tenant = own.find(([name]) => name === TENANT_LABEL)?.[1];
  const given = grouping.get(TENANT_LABEL);
  if (tenant !== undefined && given !== "" && tenant !== given)
    throw new StorewatchError("TENANT_FORBIDDEN", { tenant });
  return Labels.fromEntries([...own, ...grouping, [METRIC_NAME, metric]]);
}

/** `x_bucket`, `x_sum` and `x_count` belong to a histogram or summary x that was announced. */
function familyName(metric: string, families: ReadonlyMap<string, { readonly type: string }>): string {
  const base = /^(.+)_(?:bucket|sum|count)$/.exec(metric)?.[1];
  const type = base === undefined ? undefined : families.get(base)?.type;
  return type === "histogram" || type === "summary" ? base! : metric;
}

export function metadataOf(group: PushGroup): Map<string, MetricMetadata> {
  return new Map([...group.families].map(([name, { type, help }]) => [name, { type, help, unit: "" }]));
}

function bad(reason: string): StorewatchError {
  return new StorewatchError("BAD_REQUEST", { reason });
}
