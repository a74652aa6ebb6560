// Federation: the newest sample of each matching series in text form, with its time and our external labels.
import {
  bitsOf,
  isStaleAt,
  Labels,
  METRIC_NAME,
  type NativeHistogram,
  quote,
  type SeriesSamples,
} from "@storewatch/model";
import type { FastifyReply, FastifyRequest } from "fastify";
import { formatValue, JsonBytes } from "../query/json-bytes.ts";
import { BadParameter } from "../query/params.ts";
import { paramsOf } from "../query/reply.ts";
import { reading, seriesQuestion } from "../query/series-route.ts";
import { runSlices, sortInTurns, type Turns } from "../query/slices.ts";
import { withExternal } from "./external-labels.ts";
import type { ExportDependencies } from "./interface.ts";

const LOOKBACK_MS = 300_000;
const PIECE_LENGTH = 32_768;
const CLASSIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const CLASSIC_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Which text form, and whether names beyond the classic ones may stand in it as they are. */
export interface TextForm {
  readonly contentType: string;
  readonly isOpenMetrics: boolean;
  readonly allowsUtf8: boolean;
}

export async function federate(
  deps: ExportDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const { selectors, scope } = seriesQuestion(request.principal.scope, paramsOf(request));
  // As upstream: without a selector there is nothing to tell.
  if (selectors.length > 100) throw new BadParameter("more than 100 match[] parameters");
  const nowMs = deps.clock.nowMs();
  const form = formOf(request.headers.accept ?? "");
  const body = await reading(deps, request, async (turns) => {
    const found = new Map<string, SeriesSamples>();
    for (const matchers of selectors) {
      const slices = deps.store.selectSlices(scope, matchers, nowMs - LOOKBACK_MS + 1, nowMs);
      for (const series of await runSlices(slices, turns)) found.set(series.labels.key, series);
    }
    return write([...found.values()], deps.externalLabels(), form, turns);
  });
  return reply.header("content-type", form.contentType).send(body);
}

/** The form that the Accept header prefers of those we have. */
export function formOf(accept: string): TextForm {
  let best = { weight: 0, media: "", params: "" };
  for (const part of accept.split(",")) {
    const [media, ...params] = part.trim().split(/\s*;\s*/);
    const quality = params.find((param) => param.startsWith("q="));
    const weight = quality === undefined ? 1 : Number(quality.slice(2)) || 0;
    const isKnown = media === "application/openmetrics-text" || media === "text/plain" || media === "*/*";
    if (isKnown && weight > best.weight) best = { weight, media, params: params.join(";") };
  }
  const allowsUtf8 = best.params.includes("escaping=allow-utf-8");
  const escaping = allowsUtf8 ? "; escaping=allow-utf-8" : "";
  if (best.media === "application/openmetrics-text") {
    const contentType = `application/openmetrics-text; version=1.0.0; charset=utf-8${escaping}`;
    return { contentType, isOpenMetrics: true, allowsUtf8 };
  }
  const version = best.params.includes("version=1.0.0") ? "1.0.0" : "0.0.4";
  return { contentType: `text/plain; version=${version}; charset=utf-8${escaping}`, isOpenMetrics: false, allowsUtf8 };
}

interface Line {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
  readonly timeMs: number;
}

async function write(found: readonly SeriesSamples[], external: Labels, form: TextForm, turns: Turns): Promise<Buffer> {
  const lines: Line[] = [];
  for (const series of found) {
    const line = newest(series);
    if (line) lines.push(escaped({ ...line, labels: withExternal(line.labels, external) }, form));
  }
  const sorted = await sortInTurns(lines, byName, turns);
  const out = new JsonBytes();
  const pieces: Buffer[] = [];
  let name = "";
  for (const line of sorted) {
    if (line.name !== name) {
      name = line.name;
      out.text(`# TYPE ${nameText(name)} ${form.isOpenMetrics ? "unknown" : "untyped"}\n`);
    }
    writeLine(out, line, form);
    if (out.length < PIECE_LENGTH) continue;
    pieces.push(out.take());
    await turns.next();
  }
  if (form.isOpenMetrics) out.text("# EOF\n");
  pieces.push(out.take());
  return Buffer.concat(pieces);
}

/** Undefined when the series has ended, or holds a histogram, which the text forms cannot carry. */
function newest({ labels, timesMs, values, histograms }: SeriesSamples): Line | undefined {
  const last = timesMs.length - 1;
  if (last < 0 || isStaleAt(bitsOf(values), last)) return undefined;
  const histogram: NativeHistogram | undefined = histograms?.[last];
  if (histogram) return undefined;
  return { name: labels.metricName, labels: labels.withoutMetricName(), value: values[last], timeMs: timesMs[last] };
}

function byName(a: Line, b: Line): number {
  return a.name === b.name ? Labels.compare(a.labels, b.labels) : a.name < b.name ? -1 : 1;
}

/** Who does not say that it takes all names gets underscores for what it may not know, as upstream does. */
function escaped(line: Line, { allowsUtf8 }: TextForm): Line {
  if (allowsUtf8) return line;
  const isPlain =
    CLASSIC_NAME.test(line.name) && line.labels.pairs.every((text, i) => i % 2 === 1 || CLASSIC_LABEL.test(text));
  if (isPlain) return line;
  const plain = (name: string, allowed: RegExp) =>
    allowed.test(name) ? name : name.replace(/^\d|[^a-zA-Z0-9_]/g, "_");
  const pairs = [...line.labels].map(([label, text]) => [plain(label, CLASSIC_LABEL), text] as const);
  return { ...line, name: plain(line.name, CLASSIC_NAME), labels: Labels.fromEntries(pairs) };
}

function nameText(name: string): string {
  return CLASSIC_NAME.test(name) ? name : quote(name);
}

function writeLine(out: JsonBytes, { name, labels, value, timeMs }: Line, form: TextForm): void {
  const pairs: string[] = [];
  if (!CLASSIC_NAME.test(name)) pairs.push(quote(name));
  for (const [label, text] of labels) {
    if (label === METRIC_NAME) continue;
    pairs.push(`${CLASSIC_LABEL.test(label) ? label : quote(label)}=${quote(text)}`);
  }
  // Upstream writes an empty `instance` where a series has none, so that the scraping side sets none of its own.
  if (!labels.has("instance")) pairs.push('instance=""');
  const head = CLASSIC_NAME.test(name) ? name : "";
  const time = form.isOpenMetrics ? secondsText(timeMs) : String(timeMs);
  out.text(`${head}{${pairs.join(",")}} ${formatValue(value)} ${time}\n`);
}

function secondsText(timeMs: number): string {
  return timeMs % 1000 === 0 ? String(timeMs / 1000) : (timeMs / 1000).toFixed(3);
}
