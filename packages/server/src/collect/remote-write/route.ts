// Prometheus remote write, in. Acknowledged means: in the write-ahead log.
import type { TenantScope } from "@storewatch/model";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { Counter, type Registry } from "prom-client";
import { StorewatchError } from "../../kernel/errors.ts";
import { BodyBudget, Slots } from "../intake/body-budget.ts";
import type { Intake, IntakeResult, Refusal } from "../intake/interface.ts";
import { chooseTenant } from "../intake/tenant-choice.ts";
import { ProtobufError } from "../protobuf/reader.ts";
import { SnappyError, snappyDecompress } from "../protobuf/snappy.ts";
import { type DecodedWrite, WriteRequestDecoder } from "./decode-v1.ts";
import { WriteRequestV2Decoder } from "./decode-v2.ts";
import { SeriesCache, SymbolCache } from "./series-cache.ts";

export interface RemoteWriteDependencies {
  readonly intake: Intake;
  readonly metrics: Registry;
  /** Lets others have their turn while a large request is read. */
  readonly nextTurn: () => Promise<void>;
}

/** Of the compressed body; Prometheus sends some 100 kB. */
const BODY_BYTES_MAX = 16 * 2 ** 20;
const DECOMPRESSED_BYTES_MAX = 64 * 2 ** 20;
/** Of all bodies that are being received. */
const BODIES_BYTES_MAX = 128 * 2 ** 20;
/** Requests that are decompressed at the same time. */
const DECODING_MAX = 4;
/** Series that are decoded before others have their turn: some 5 ms. */
const SLICE_SERIES = 5000;
/** What a sender waits before it tries again while nothing can be written. */
const RETRY_SECONDS = 5;

interface Decoder {
  step(seriesMax: number): boolean;
  result(): DecodedWrite;
}

export function remoteWriteRoutes(deps: RemoteWriteDependencies): FastifyPluginAsync {
  const budget = new BodyBudget(BODIES_BYTES_MAX, BODY_BYTES_MAX);
  const receiver = createReceiver(deps);
  return async (app) => {
    takeBodies(app);
    app.setErrorHandler((error, _request, reply) => sendError(reply, error));
    const handler = (request: FastifyRequest, reply: FastifyReply) => receiver(request, reply);
    const options = { config: { access: "ingest" as const }, onRequest: holdBudget(budget) };
    app.post("/api/v1/write", options, handler);
    app.post("/t/:tenant/api/v1/write", options, handler);
  };
}

function takeBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: BODY_BYTES_MAX }, (_request, body, done) =>
    done(null, body),
  );
}

function holdBudget(budget: BodyBudget) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const giveBack = budget.take(request.headers["content-length"]);
    reply.raw.once("close", giveBack);
  };
}

function createReceiver({ intake, metrics, nextTurn }: RemoteWriteDependencies) {
  const cache = new SeriesCache();
  const symbols = new SymbolCache();
  const slots = new Slots(DECODING_MAX);
  const requests = new Counter({
    name: "storewatch_remote_write_requests_total",
    help: "Remote write requests by protocol version and answer.",
    labelNames: ["version", "status"],
    registers: [metrics],
  });
  const decode = async (request: FastifyRequest, version: Version): Promise<DecodedWrite> => {
    const bytes = decompress(request);
    const decoder: Decoder =
      version === "2.0" ? new WriteRequestV2Decoder(bytes, symbols) : new WriteRequestDecoder(bytes, cache);
    while (decoder.step(SLICE_SERIES)) await nextTurn();
    return decoder.result();
  };
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const version = versionOf(request);
    reply.raw.once("finish", () => requests.inc({ version, status: reply.raw.statusCode }));
    const scope = scopeOf(request);
    const { zeros, ...decoded } = await slots.run(() => decode(request, version));
    if (zeros.length > 0) await intake.write(scope, { samples: zeros, reusesLabels: true, isOptional: true });
    const result = await intake.write(scope, { ...decoded, reusesLabels: true });
    const refusals = [...decoded.refusals, ...result.refusals];
    setWritten(reply, result);
    return sendResult(reply, refusals);
  };
}

type Version = "1.0" | "2.0";

const MESSAGES: Readonly<Record<string, Version>> = {
  "prometheus.WriteRequest": "1.0",
  "io.prometheus.write.v2.Request": "2.0",
};

/** By the content type alone, as the specification wants it. Throws MEDIA_TYPE. */
function versionOf(request: FastifyRequest): Version {
  const [type, ...parameters] = (request.headers["content-type"] ?? "").split(";").map((part) => part.trim());
  if (type.toLowerCase() !== "application/x-protobuf") throw new StorewatchError("MEDIA_TYPE", {});
  const message =
    parameters.find((one) => one.startsWith("proto="))?.slice("proto=".length) ?? "prometheus.WriteRequest";
  const version = MESSAGES[message];
  if (version === undefined) throw new StorewatchError("MEDIA_TYPE", {});
  const encoding = request.headers["content-encoding"] ?? "snappy";
  if (encoding !== "snappy") throw new StorewatchError("MEDIA_TYPE", {});
  return version;
}

/** What the credential allows, narrowed by the path or by the header. */
function scopeOf(request: FastifyRequest): TenantScope {
  const { tenant } = request.params as { readonly tenant?: string };
  const header = request.headers["x-scope-orgid"];
  const asked = tenant ?? (Array.isArray(header) ? header[0] : header);
  return chooseTenant(request.principal.scope, asked);
}

/** Throws BAD_REQUEST. */
function decompress(request: FastifyRequest): Uint8Array {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  try {
    return snappyDecompress(body, DECOMPRESSED_BYTES_MAX);
  } catch (error) {
    if (!(error instanceof SnappyError)) throw error;
    throw new StorewatchError("BAD_REQUEST", { reason: `the body is no snappy block: ${error.message}` });
  }
}

function setWritten(reply: FastifyReply, written: Omit<IntakeResult, "refusals">): void {
  reply.header("x-prometheus-remote-write-samples-written", written.samples);
  reply.header("x-prometheus-remote-write-histograms-written", written.histograms);
  reply.header("x-prometheus-remote-write-exemplars-written", written.exemplars);
}

/** 400: never send the rest again; 429: later. What has been there before is no error, for senders repeat. */
function sendResult(reply: FastifyReply, refusals: readonly Refusal[]): FastifyReply {
  const real = refusals.filter(({ reason }) => reason !== "duplicate");
  if (real.length === 0) return reply.code(204).send();
  const isRate = real.some(({ reason }) => reason === "rate-limit");
  if (isRate) reply.header("retry-after", RETRY_SECONDS);
  const lines = real.map(({ reason, count, example }) => `${count} not taken (${reason}), for example: ${example}`);
  return sendText(reply, isRate ? 429 : 400, lines.join("\n"));
}

/** Senders log the first line of a plain text. */
function sendError(reply: FastifyReply, error: unknown): FastifyReply {
  if (!reply.hasHeader("x-prometheus-remote-write-samples-written")) {
    setWritten(reply, { samples: 0, histograms: 0, exemplars: 0 });
  }
  if (error instanceof ProtobufError) return sendText(reply, 400, `the body is no write request: ${error.message}`);
  if (!(error instanceof StorewatchError)) {
    const status = (error as { readonly statusCode?: unknown }).statusCode;
    if (typeof status === "number" && status >= 400 && status < 500) return sendText(reply, status, String(error));
    throw error;
  }
  if (error.status === 401) reply.header("www-authenticate", 'Bearer realm="storewatch"');
  if (error.status === 429 || error.status === 503) {
    reply.header("retry-after", error.retryAfterSeconds ?? RETRY_SECONDS);
  }
  return sendText(reply, error.status, error.hint === undefined ? error.message : `${error.message}: ${error.hint}`);
}

function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type("text/plain; charset=utf-8").send(`${text}\n`);
}
