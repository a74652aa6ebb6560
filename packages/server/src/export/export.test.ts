import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { snappyCompress } from "../collect/protobuf/snappy.ts";
import { ProtoWriter } from "../collect/protobuf/writer.ts";
import { BadParameter } from "../query/params.ts";
import { formOf } from "./federate.ts";
import { readRequest } from "./remote-read.ts";

describe("remote read requests", () => {
  const body = (fill: (out: ProtoWriter) => void) => {
    const out = new ProtoWriter();
    fill(out);
    return Buffer.from(snappyCompress(out.view()));
  };

  test("times, matchers of every type, and what is not needed", () => {
    const queries = readRequest(
      body((out) => {
        out.message(1, (query) => {
          query.int(1, -5).int(2, 1_700_000_000_000);
          for (const type of [0, 1, 2, 3])
            query.message(3, (matcher) => {
              if (type > 0) matcher.uint(1, type);
              matcher.string(2, `n${type}`).string(3, "a|b");
            });
          query.message(4, (hints) => {
            hints.int(1, 15_000).string(2, "rate");
          });
        });
        out.uint(2, 1);
      }),
    );
    expect(queries.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([[-5, 1_700_000_000_000]]);
    expect(queries[0].matchers.map(({ name, operator, value }) => name + operator + value)).toEqual([
      "n0=a|b",
      "n1!=a|b",
      "n2=~a|b",
      "n3!~a|b",
    ]);
  });

  test("a bad pattern, an unknown matcher, no body", () => {
    const withMatcher = (type: number, value: string) =>
      body((out) => {
        out.message(1, (query) => {
          query.message(3, (matcher) => {
            matcher.uint(1, type).string(2, "a").string(3, value);
          });
        });
      });
    expect(() => readRequest(withMatcher(2, "("))).toThrow(/matcher: /);
    expect(() => readRequest(withMatcher(9, "x"))).toThrow("matcher type 9 is not known");
    expect(() => readRequest(undefined)).toThrow(BadParameter);
  });

  test("any bytes end in BadParameter or in queries", () => {
    const damaged = fc
      .tuple(fc.uint8Array({ maxLength: 200 }), fc.boolean())
      .map(([bytes, compress]) => Buffer.from(compress ? snappyCompress(bytes) : bytes));
    fc.assert(
      fc.property(damaged, (bytes) => {
        try {
          expect(Array.isArray(readRequest(bytes))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(BadParameter);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("the form of a federation", () => {
  const f = (accept: string, start: string, allowsUtf8 = false) => {
    const form = formOf(accept);
    expect(form.contentType.startsWith(start), form.contentType).toBe(true);
    expect(form.allowsUtf8).toBe(allowsUtf8);
  };
  test("is what the Accept header prefers of the text forms", () => {
    f("", "text/plain; version=0.0.4");
    f("*/*", "text/plain; version=0.0.4");
    f("application/json", "text/plain; version=0.0.4");
    f("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.8", "text/plain; version=0.0.4");
    f(
      "application/vnd.google.protobuf;encoding=delimited,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.8,text/plain;q=0.5",
      "application/openmetrics-text; version=1.0.0",
      true,
    );
    f("text/plain;version=1.0.0;escaping=allow-utf-8", "text/plain; version=1.0.0", true);
  });
});
