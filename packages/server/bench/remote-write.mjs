// Remote write in, from the compressed body to the store's log: CPU of each step, per million samples. 10,000 series with 9
// labels, 500 samples a request, one sample of each series a round, as a Prometheus sends them. And what sending costs.
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ALL_TENANTS, Labels } from "@storewatch/model";
import { openTsdb } from "@storewatch/tsdb";
import { Registry } from "prom-client";
import { createIntake } from "../dist/collect/intake/intake.js";
import { PushedRollups } from "../dist/collect/limits/pushed-rollups.js";
import { ReceiptBook } from "../dist/collect/limits/receipts.js";
import { NO_LIMITS } from "../dist/collect/limits/settings.js";
import { TenantLimits } from "../dist/collect/limits/tenant-limits.js";
import { MetadataBook } from "../dist/collect/metadata/metadata-book.js";
import { snappyCompress, snappyDecompress } from "../dist/collect/protobuf/snappy.js";
import { ProtoWriter } from "../dist/collect/protobuf/writer.js";
import { WriteRequestDecoder } from "../dist/collect/remote-write/decode-v1.js";
import { WriteRequestV2Decoder } from "../dist/collect/remote-write/decode-v2.js";
import { encodeWriteRequest } from "../dist/collect/remote-write/encode-v1.js";
import { encodeWriteRequestV2 } from "../dist/collect/remote-write/encode-v2.js";
import { SeriesCache, SymbolCache } from "../dist/collect/remote-write/series-cache.js";
import { systemClock as clock } from "../dist/kernel/clock.js";
import { cpuMs } from "./shop-series.mjs";

const SERIES = 10_000;
const PER_REQUEST = 500;
const ROUNDS = 60;
const WARM_UP = 15;

const series = Array.from({ length: SERIES }, (_, i) =>
  Labels.from({
    __name__: "http_request_duration_seconds_bucket",
    instance: `10.0.${i % 7}.${i % 200}:9100`,
    job: "shop-api",
    le: String(i % 13),
    method: ["GET", "POST"][i % 2],
    path: `/api/v1/products/${i % 97}`,
    pod: `api-7f9c-${i}`,
    status: String(200 + (i % 5)),
    tenant_id: `shop-${i % 100}`,
  }),
);

async function run(version) {
  const dir = mkdtempSync(path.join(os.tmpdir(), "remote-write-bench-"));
  const retention = { default: { name: "default", timeMs: 30 * 86_400_000 } };
  const tsdb = await openTsdb({ dataDir: dir, clock, retention });
  const metrics = new Registry();
  const receipts = new ReceiptBook({ clock });
  const activeSeries = () => tsdb.activeSeriesBy("tenant_id");
  const isActive = (labels) => tsdb.isActive(labels);
  const limits = new TenantLimits({ config: NO_LIMITS, clock, metrics, receipts, activeSeries, isActive });
  const rollups = new PushedRollups({ clock, limits, typeOf: () => undefined, lastValue: () => undefined });
  const store = { append: (_scope, samples) => tsdb.append(samples) };
  const intake = createIntake({ store, clock, metrics, metadata: new MetadataBook(), limits, rollups });
  const caches = { 1: new SeriesCache(), 2: new SymbolCache() };
  const encode = version === 1 ? encodeWriteRequest : encodeWriteRequestV2;
  const Decoder = version === 1 ? WriteRequestDecoder : WriteRequestV2Decoder;
  const cost = { encode: 0, compress: 0, decompress: 0, decode: 0, store: 0 };
  const measured = async (step, work) => {
    const before = cpuMs();
    const result = await work();
    cost[step] += cpuMs() - before;
    return result;
  };
  const startMs = clock.nowMs() - 3_600_000;
  for (let round = 0; round < ROUNDS; round++) {
    if (round === WARM_UP) for (const step of Object.keys(cost)) cost[step] = 0;
    for (let at = 0; at < SERIES; at += PER_REQUEST) {
      const timeMs = startMs + round * 15_000;
      const samples = series.slice(at, at + PER_REQUEST).map((labels, i) => ({ labels, timeMs, value: round * i }));
      const out = new ProtoWriter(1 << 17);
      await measured("encode", () => encode(out, { samples }));
      const body = Buffer.from(await measured("compress", () => snappyCompress(out.view())));
      const bytes = await measured("decompress", () => snappyDecompress(body, 1e8));
      const decoded = await measured("decode", () => {
        const decoder = new Decoder(bytes, caches[version]);
        while (decoder.step(5000));
        return decoder.result();
      });
      await measured("store", () => intake.write(ALL_TENANTS, { ...decoded, reusesLabels: true }));
    }
  }
  await tsdb.close();
  rmSync(dir, { recursive: true });
  const millions = ((ROUNDS - WARM_UP) * SERIES) / 1e6;
  const figures = Object.entries(cost).map(([step, ms]) => `${step} ${(ms / 1000 / millions).toFixed(2)}`);
  const taking = (cost.decompress + cost.decode + cost.store) / 1000 / millions;
  console.log(
    `remote write ${version}.0, CPU-s per million samples: taking in ${taking.toFixed(2)} (${figures.join(", ")})`,
  );
}

await run(1);
await run(2);
