// Remote write 1.0 by hand: the least that a sender needs. Snappy blocks of literals are valid and not compressed.

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left >= 0x80) {
    bytes.push((left % 0x80) | 0x80);
    left = Math.floor(left / 0x80);
  }
  bytes.push(left);
  return Buffer.from(bytes);
}

/** A field that has a length. */
function field(number: number, body: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(body.length), body]);
}

function sample(value: number, timeMs: number): Buffer {
  const double = Buffer.alloc(8);
  double.writeDoubleLE(value);
  return Buffer.concat([Buffer.from([0x09]), double, Buffer.from([0x10]), varint(timeMs)]);
}

/** The body of a request with one sample of one series. */
function writeRequest(labels: Readonly<Record<string, string>>, value: number, timeMs: number): Buffer {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const named = pairs.map(([name, text]) =>
    field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, Buffer.from(text))])),
  );
  const plain = field(1, Buffer.concat([...named, field(2, sample(value, timeMs))]));
  return Buffer.concat([
    varint(plain.length),
    Buffer.from([61 << 2, (plain.length - 1) & 255, (plain.length - 1) >> 8]),
    plain,
  ]);
}

export function remoteWrite(
  labels: Readonly<Record<string, string>>,
  value: number,
  timeMs: number,
): { readonly method: "POST"; readonly headers: Record<string, string>; readonly body: Uint8Array<ArrayBuffer> } {
  return {
    method: "POST",
    headers: {
      "content-type": "application/x-protobuf",
      "content-encoding": "snappy",
      "x-prometheus-remote-write-version": "0.1.0",
    },
    body: Uint8Array.from(writeRequest(labels, value, timeMs)),
  };
}
