// Remote read: series and samples for another Prometheus, as snappy-compressed protobuf.
//
//   ReadRequest  { queries 1, accepted_response_types 2 }
//   Query        { start_ms 1, end_ms 2, matchers 3 { type 1, name 2, value 3 }, hints 4 }
//   ReadResponse { results 1 { timeseries 1 { labels 1 { name 1, value 2 }, samples 2 { value 1, time 2 }, histograms 4 } } }
//
// Who asks for chunks (STREAMED_XOR_CHUNKS) gets samples too, as upstream's protocol allows. Hints are not needed.
import {
  bitsOf,
  isStaleAt,
  Labels,
  Matcher,
  type MatchOperator,
  RegexError,
  type SeriesSamples,
  STALE_HIGH,
  STALE_LOW,
} from "@storewatch/model";
import type { FastifyReply, FastifyRequest } from "fastify";
import { ProtobufError, ProtobufReader } from "../collect/protobuf/reader.ts";
import { SnappyError, snappyCompress, snappyDecompress } from "../collect/protobuf/snappy.ts";
import { ProtoWriter } from "../collect/protobuf/writer.ts";
import { writeHistogram } from "../collect/remote-write/histogram-codec.ts";
import { BadParameter } from "../query/params.ts";
import { reading } from "../query/series-route.ts";
import { runSlices, sortInTurns, type Turns } from "../query/slices.ts";
import { withExternal } from "./external-labels.ts";
import type { ExportDependencies } from "./interface.ts";

export const REMOTE_READ_BODY_BYTES = 1 << 20;
const REQUEST_BYTES = 8 << 20;
const QUERIES_MAX = 100;
const MATCHERS_MAX = 200;
/** About 1 GB of reply before compression would be far too much; upstream's default is this many as well. */
const SAMPLES_MAX = 50_000_000;
const REPLY_BYTES_MAX = 256 << 20;
/** Samples between two turns: about 2 ms. */
const SAMPLES_PER_TURN = 20_000;
const OPERATORS: readonly MatchOperator[] = ["=", "!=", "=~", "!~"];

export interface ReadQuery {
  readonly fromMs: number;
  readonly toMs: number;
  readonly matchers: readonly Matcher[];
}

export async function remoteRead(
  deps: ExportDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const queries = readRequest(request.body);
  const body = await reading(deps, request, async (turns) => {
    const out = new ProtoWriter(65_536);
    let left = SAMPLES_MAX;
    for (const query of queries) left -= await writeResult(deps, request, query, out, left, turns);
    return snappyCompress(out.view());
  });
  return reply
    .header("content-type", "application/x-protobuf")
    .header("content-encoding", "snappy")
    .send(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
}

/** Throws BadParameter. */
export function readRequest(body: unknown): ReadQuery[] {
  if (!Buffer.isBuffer(body)) throw new BadParameter("remote read needs a body of application/x-protobuf");
  try {
    return decodeReadRequest(snappyDecompress(body, REQUEST_BYTES));
  } catch (error) {
    if (error instanceof SnappyError) throw new BadParameter(`snappy: ${error.message}`);
    if (error instanceof ProtobufError) throw new BadParameter(`protobuf: ${error.message}`);
    if (error instanceof RegexError) throw new BadParameter(`matcher: ${error.message}`);
    throw error;
  }
}

function decodeReadRequest(bytes: Uint8Array): ReadQuery[] {
  const reader = new ProtobufReader(bytes);
  const queries: ReadQuery[] = [];
  while (reader.next(reader.end)) {
    if (reader.field !== 1) {
      reader.skip();
      continue;
    }
    if (queries.length >= QUERIES_MAX) throw new BadParameter(`more than ${QUERIES_MAX} queries`);
    queries.push(decodeQuery(reader, reader.messageEnd()));
  }
  return queries;
}

function decodeQuery(reader: ProtobufReader, end: number): ReadQuery {
  let fromMs = 0;
  let toMs = 0;
  const matchers: Matcher[] = [];
  while (reader.next(end)) {
    if (reader.field === 1) fromMs = reader.int64();
    else if (reader.field === 2) toMs = reader.int64();
    else if (reader.field === 3) {
      if (matchers.length >= MATCHERS_MAX) throw new BadParameter(`more than ${MATCHERS_MAX} matchers`);
      matchers.push(decodeMatcher(reader, reader.messageEnd()));
    } else reader.skip();
  }
  return { fromMs, toMs, matchers };
}

function decodeMatcher(reader: ProtobufReader, end: number): Matcher {
  let type = 0;
  let name = "";
  let value = "";
  while (reader.next(end)) {
    if (reader.field === 1) type = reader.int32();
    else if (reader.field === 2) name = reader.string();
    else if (reader.field === 3) value = reader.string();
    else reader.skip();
  }
  const operator = OPERATORS[type];
  if (operator === undefined) throw new BadParameter(`matcher type ${type} is not known`);
  return new Matcher(operator, name, value);
}

/** Returns the number of samples written. */
async function writeResult(
  { store, externalLabels }: ExportDependencies,
  request: FastifyRequest,
  query: ReadQuery,
  out: ProtoWriter,
  maxSamples: number,
  turns: Turns,
): Promise<number> {
  const external = externalLabels();
  const matchers = withoutExternal(query.matchers, external);
  const { scope } = request.principal;
  const found = await runSlices(store.selectSlices(scope, matchers, query.fromMs, query.toMs, { maxSamples }), turns);
  const sorted = await sortInTurns([...found], (a, b) => Labels.compare(a.labels, b.labels), turns);
  const result = new ProtoWriter(65_536);
  let samples = 0;
  let turnAt = SAMPLES_PER_TURN;
  for (const series of sorted) {
    writeSeries(result, series, external);
    samples += series.timesMs.length;
    if (out.size + result.size > REPLY_BYTES_MAX)
      throw new BadParameter(`the answer has more than ${REPLY_BYTES_MAX >> 20} MB: ask for less at once`);
    if (samples < turnAt) continue;
    turnAt = samples + SAMPLES_PER_TURN;
    await turns.next();
  }
  out.raw(1, result.view());
  return samples;
}

/** The reader adds our external labels as matchers: they are on no stored series. */
function withoutExternal(matchers: readonly Matcher[], external: Labels): Matcher[] {
  return matchers.filter(
    ({ operator, name, value }) => operator !== "=" || value === "" || external.get(name) !== value,
  );
}

function writeSeries(out: ProtoWriter, { labels, timesMs, values, histograms }: SeriesSamples, external: Labels): void {
  const { pairs } = withExternal(labels, external);
  const bits = bitsOf(values);
  out.message(1, (series) => {
    for (let i = 0; i < pairs.length; i += 2) {
      series.message(1, (label) => {
        label.string(1, pairs[i]).string(2, pairs[i + 1]);
      });
    }
    for (let i = 0; i < timesMs.length; i++) {
      const histogram = histograms?.[i];
      if (histogram) {
        series.message(4, (one) => writeHistogram(one, histogram, timesMs[i]));
        continue;
      }
      series.message(2, (sample) => {
        const value = values[i];
        if (isStaleAt(bits, i)) sample.doubleBits(1, STALE_LOW, STALE_HIGH);
        else if (value !== 0 || Object.is(value, -0)) sample.double(1, value);
        sample.int(2, timesMs[i]);
      });
    }
  });
}
