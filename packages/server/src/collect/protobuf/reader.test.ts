import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProtobufError, ProtobufReader } from "./reader.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

function first(hex: string): ProtobufReader {
  const reader = new ProtobufReader(bytes(hex));
  expect(reader.next(reader.end)).toBe(true);
  return reader;
}

describe("ProtobufReader", () => {
  it("reads each kind of number", () => {
    expect(first("08 96 01").uint32()).toBe(150);
    expect(first("08 ff ff ff ff 0f").uint32()).toBe(2 ** 32 - 1);
    expect(first("08 fe ff ff ff ff ff ff ff ff 01").int32()).toBe(-2);
    expect(first("08 fe ff ff ff ff ff ff ff ff 01").int64()).toBe(-2);
    expect(first("08 ff ff ff ff ff ff ff 0f").uint64()).toBe(2 ** 53 - 1);
    expect(first("08 03").sint32()).toBe(-2);
    expect(first("08 fd ff ff ff ff ff ff 1f").sint64()).toBe(-(2 ** 53) + 1);
    expect(first("08 fe ff ff ff ff ff ff ff ff 01").sint64()).toBe(2 ** 63);
    expect(first("09 ff ff ff ff ff ff ff ff").sfixed64()).toBe(-1);
    expect(first("09 00 00 00 00 01 00 00 00").fixed64()).toBe(2 ** 32);
    expect(first("0d 01 00 00 00").fixed32()).toBe(1);
    expect(first("0d 00 00 c0 3f").float()).toBe(1.5);
    expect(first("09 00 00 00 00 00 00 f8 3f").double()).toBe(1.5);
    expect(first("08 01").bool()).toBe(true);
    expect(first("08 00").bool()).toBe(false);
  });

  it("tells a staleness marker from other NaNs", () => {
    expect(first("09 02 00 00 00 00 00 f0 7f").isStaleNext()).toBe(true);
    expect(first("09 01 00 00 00 00 00 f8 7f").isStaleNext()).toBe(false);
    expect(first("0d 02 00 00 00").isStaleNext()).toBe(false);
  });

  it("reads text and bytes, and refuses text that is no UTF-8", () => {
    expect(first("0a 03 c3 a9 61").string()).toBe("éa");
    expect(first(`0a 1e ${"61".repeat(30)}`).string()).toBe("a".repeat(30));
    expect([...first("0a 02 ff 00").byteField()]).toEqual([255, 0]);
    expect(() => first("0a 02 ff 00").string()).toThrow(/UTF-8/);
  });

  it("reads repeated numbers packed and one by one", () => {
    const reader = new ProtobufReader(bytes("0a 03 01 96 01 08 05"));
    const into: number[] = [];
    while (reader.next(reader.end)) reader.repeatedUint64(into);
    expect(into).toEqual([1, 150, 5]);
    const signed: number[] = [];
    first("0a 03 01 02 03").repeatedSint64(signed);
    expect(signed).toEqual([-1, 1, -2]);
    const doubles: number[] = [];
    first("0a 08 00 00 00 00 00 00 f8 3f").repeatedDouble(doubles);
    expect(doubles).toEqual([1.5]);
  });

  it("enters nested messages and skips what it is not asked for", () => {
    // 1: { 1: 7, 9: "x" }, 3: group { 1: 1 }, 2: 9
    const reader = new ProtobufReader(bytes("0a 05 08 07 4a 01 78 1b 08 01 1c 10 09"));
    const seen: number[] = [];
    while (reader.next(reader.end)) {
      if (reader.field === 1) {
        const end = reader.messageEnd();
        while (reader.next(end)) {
          if (reader.field === 1) seen.push(reader.uint32());
          else reader.skip();
        }
      } else if (reader.field === 2) seen.push(reader.uint32());
      else reader.skip();
    }
    expect(seen).toEqual([7, 9]);
  });

  it("goes through a stream of messages, each after its length", () => {
    const reader = new ProtobufReader(bytes("02 08 01 02 08 02"));
    const seen: number[] = [];
    for (let end = reader.delimitedEnd(); end !== undefined; end = reader.delimitedEnd()) {
      while (reader.next(end)) seen.push(reader.uint32());
    }
    expect(seen).toEqual([1, 2]);
  });

  it.each([
    ["a number that never ends", "08 ff ff ff ff ff ff ff ff ff ff 01", /longer than/],
    ["a number that is cut off", "08 ff", /ends within/],
    ["a length past the end", "0a 05 01", /length of 5/],
    ["a fixed number that is cut off", "09 01 02", /ends within/],
    ["field number 0", "00 01", /field number 0/],
    ["a wire type that does not exist", "0e 01", /wire type 6/],
    ["the end of a group that was not begun", "0c", /wire type 4/],
    ["groups without end", "0b".repeat(100), /nested too deep/],
  ])("refuses %s", (_, hex, reason) => {
    const read = () => {
      const reader = new ProtobufReader(bytes(hex));
      while (reader.next(reader.end)) reader.skip();
    };
    expect(read).toThrow(ProtobufError);
    expect(read).toThrow(reason);
  });

  it("refuses a field that reaches past the message that it stands in", () => {
    const reader = new ProtobufReader(bytes("0a 02 12 03 61 62 63"));
    expect(reader.next(reader.end)).toBe(true);
    const end = reader.messageEnd();
    expect(reader.next(end)).toBe(true);
    expect(reader.string()).toBe("abc");
    expect(() => reader.next(end)).toThrow(/past the end of its message/);
  });

  it("ends on any bytes, with fields or with a ProtobufError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
        const reader = new ProtobufReader(input);
        let fields = 0;
        try {
          while (reader.next(reader.end)) {
            fields += 1;
            reader.skip();
          }
          expect(reader.position).toBe(input.length);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtobufError);
        }
        expect(fields).toBeLessThanOrEqual(input.length);
      }),
      { numRuns: 2000 },
    );
  });
});
