// The identity of an alert: FNV-1a 64 over its labels sorted by name, each as name 0xff value 0xff, as 16 hex digits.
import { compareStrings, type LabelRecord } from "@storewatch/model";

const encoder = new TextEncoder();

export function fingerprintOf(labels: LabelRecord): string {
  // 64-bit arithmetic in two 32-bit halves: BigInt is about 20 times slower, and every alert of every evaluation comes by.
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  const add = (byte: number) => {
    low = (low ^ byte) >>> 0;
    // The prime is 2^40 + 0x1b3: one shift by 40 and one small product.
    const product = low * 0x1b3;
    high = (high * 0x1b3 + Math.floor(product / 0x1_0000_0000) + ((low << 8) >>> 0)) % 0x1_0000_0000;
    low = product % 0x1_0000_0000;
  };
  for (const name of Object.keys(labels).sort(compareStrings)) {
    for (const byte of encoder.encode(name)) add(byte);
    add(0xff);
    for (const byte of encoder.encode(labels[name])) add(byte);
    add(0xff);
  }
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}
