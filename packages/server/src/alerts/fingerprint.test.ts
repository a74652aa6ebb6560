import fc from "fast-check";
import { expect, it } from "vitest";
import { fingerprintOf } from "./fingerprint.ts";

function reference(labels: Record<string, string>): string {
  let hash = 0xcbf29ce484222325n;
  const bytes = Object.keys(labels)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .flatMap((name) => [...Buffer.from(name), 0xff, ...Buffer.from(labels[name]), 0xff]);
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, "0");
}

it("is the one that Prometheus and Alertmanager print", () => {
  expect(fingerprintOf({ severity: "warning", job: "foo" })).toBe("9266ef3da838ad95");
});

it("is FNV-1a over the sorted labels, whatever they hold", () => {
  const labels = fc.dictionary(fc.string({ unit: "binary", minLength: 1 }), fc.string({ unit: "binary" }));
  fc.assert(fc.property(labels, (record) => fingerprintOf(record) === reference(record)));
});
