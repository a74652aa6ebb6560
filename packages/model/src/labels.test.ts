import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareStrings, Labels } from "./labels.ts";

const record = fc.dictionary(fc.string({ minLength: 1, maxLength: 4 }), fc.string({ maxLength: 4 }), { maxKeys: 6 });

describe("label sets", () => {
  test("are sorted, without empty values, and equal by content", () => {
    const labels = Labels.from({ b: "2", a: "1", gone: "" });
    expect(labels.pairs).toEqual(["a", "1", "b", "2"]);
    expect(
      labels.equals(
        Labels.fromEntries([
          ["b", "2"],
          ["a", "1"],
        ]),
      ),
    ).toBe(true);
    expect(labels.get("gone")).toBe("");
    expect(labels.size).toBe(2);
  });

  test("with() and without() give what a record with that change gives", () => {
    fc.assert(
      fc.property(
        record,
        fc.string({ minLength: 1, maxLength: 4 }),
        fc.string({ maxLength: 3 }),
        (base, name, value) => {
          expect(Labels.from(base).with(name, value).pairs).toEqual(Labels.from({ ...base, [name]: value }).pairs);
          expect(Labels.from(base).without([name]).pairs).toEqual(Labels.from({ ...base, [name]: "" }).pairs);
        },
      ),
    );
  });

  test("print as PromQL", () => {
    expect(Labels.from({ __name__: "up" }).toString()).toBe("up");
    expect(Labels.from({ __name__: "up", job: 'a"b\n' }).toString()).toBe('up{job="a\\"b\\n"}');
    expect(Labels.empty.toString()).toBe("{}");
  });
});

test("strings compare by code point, as UTF-8 bytes do", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      expect(Math.sign(compareStrings(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
    }),
  );
});
