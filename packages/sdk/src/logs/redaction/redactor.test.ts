import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isCardNumber } from "./cards.ts";
import { Redactor } from "./redactor.ts";

const redactor = new Redactor();

function text(input: string, expected: string) {
  expect(redactor.text(input)).toBe(expected);
}

describe("texts", () => {
  test("card numbers, however they are grouped and whatever stands beside them", () => {
    text("paid with 4111111111111111", "paid with [card]");
    text("4111 1111 1111 1111, 5500-0000-0000-0004", "[card], [card]");
    text("order 12 4111 1111 1111 1111 99", "order 12 [card] 99");
    text("amex 3782 822463 10005", "amex [card]");
    text("napas 9704 0000 0000 0018", "napas [card]");
    text("4111\u00a01111\u20101111.1111", "[card]");
  });

  test("numbers that are no cards stay: times, order numbers, wrong check digits", () => {
    text("at 1763843105123 order 20261122000017", "at 1763843105123 order 20261122000017");
    text("4111111111111112", "4111111111111112");
    text("ids 12, 13, 14 of 2026-11-22T10:11:12.131Z", "ids 12, 13, 14 of 2026-11-22T10:11:12.131Z");
  });

  test("e-mail addresses, also those of an encoded query", () => {
    text("mail to an.nguyen+shop@example.co.vn failed", "mail to [email] failed");
    text("/reset?user=an%40example.com&x=1", "/reset?user=[email]&x=1");
    text("user@localhost and @decorator", "user@localhost and @decorator");
  });

  test("tokens, passwords and cookies", () => {
    text("Authorization: Bearer abc.def-123", "Authorization: Bearer [redacted]");
    text("got eyJhbGciOi.eyJzdWIi.c2ln", "got [redacted]");
    text("postgres://shop:s3cr%40t@db:5432/shop", "postgres://***@db:5432/shop");
    text("GET /x?access_token=abc123&page=2", "GET /x?access_token=[redacted]&page=2");
    text('{"password":"hunter2","user":"an"}', '{"password":"[redacted]","user":"an"}');
    text("Cookie: sid=1; theme=dark", "Cookie: [redacted]");
    text("key sk_live_abcdefgh12345 of the provider", "key [redacted] of the provider");
    text("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----", "[redacted]");
  });

  test("what nobody is to lose stays: tokenizers, counts, plain words", () => {
    text("3 tokens used, keyboard ok, secretary hired", "3 tokens used, keyboard ok, secretary hired");
    text("HTTP Response", "HTTP Response");
  });

  test("a text is cut at 16 KiB, and a card on the cut does not show", () => {
    const long = redactor.text(`${"x".repeat(16_380)}4111111111111111`);
    expect(long.length).toBeLessThanOrEqual(16_385);
    expect(long).not.toMatch(/4111/);
  });
});

describe("fields", () => {
  test("names of secrets, in any spelling; no others", () => {
    const secret = [
      "password",
      "X-Api-Key",
      "access_token",
      "Set-Cookie",
      "session.id",
      "cardNumber",
      "clientSecret",
      "cvv",
    ];
    expect(secret.filter((name) => !redactor.isSecret(name))).toEqual([]);
    const plain = ["order_id", "tenant_id", "author", "pancake", "duration", "sessions_total", "shipping", "spin"];
    expect(plain.filter((name) => redactor.isSecret(name))).toEqual([]);
  });

  test("secret names are masked at every depth and in any writing, and harmless ones are not", () => {
    const input = {
      user: { dbPassword: "x", "X-Api-Key": "k", access_token: "t" },
      headers: { Cookie: "a=b", host: "shop" },
      list: [{ CVV: 123 }],
      tokenCount: 3,
      shipping: "express",
    };
    expect(redactor.fields(input)).toEqual({
      user: { dbPassword: "[redacted]", "X-Api-Key": "[redacted]", access_token: "[redacted]" },
      headers: { Cookie: "[redacted]", host: "shop" },
      list: [{ CVV: "[redacted]" }],
      tokenCount: 3,
      shipping: "express",
    });
    expect(input.user.dbPassword).toBe("x");
  });

  test("numbers that are cards, and secrets in errors with their causes", () => {
    const error = new Error("card 4111111111111111 refused", { cause: new Error("for an@example.com") });
    const { n, e } = redactor.fields({ n: 4111111111111111, e: error }) as { n: unknown; e: Record<string, unknown> };
    expect(n).toBe("[card]");
    expect(e.message).toBe("card [card] refused");
    expect(String(e.stack)).not.toContain("4111");
    expect((e.cause as { message: string }).message).toBe("for [email]");
  });

  test("names can be added and taken away, patterns be turned off, everything be turned off", () => {
    const own = new Redactor({ names: { add: ["phone"], remove: ["session"] }, text: { emails: false } });
    expect(own.fields({ Phone: "1", session: "s", note: "a@b.vn" })).toEqual({
      Phone: "[redacted]",
      session: "s",
      note: "a@b.vn",
    });
    expect(new Redactor(false).fields({ password: "x", n: 4111111111111111 })).toEqual({
      password: "x",
      n: 4111111111111111,
    });
    const broken = new Redactor({
      also: () => {
        throw new Error("broken");
      },
    });
    expect(broken.text("x")).toBe("[redacted]");
  });

  test("hostile objects: circular, throwing, endless, huge, odd", () => {
    const circular: Record<string, unknown> = { name: "a" };
    circular.self = circular;
    const throwing = {
      get bad() {
        throw new Error("no");
      },
    };
    const proxy = new Proxy(
      {},
      {
        ownKeys() {
          throw new Error("no");
        },
      },
    );
    const endless = { toJSON: () => endless };
    const deep = Array.from({ length: 50 }).reduce<object>((inner) => ({ inner }), {});
    expect(redactor.fields(circular)).toEqual({ name: "a", self: "[circular]" });
    expect(redactor.fields(throwing)).toEqual({ bad: "[unreadable]" });
    expect(redactor.fields(proxy)).toBe("[unreadable]");
    expect(redactor.fields(endless)).toBe("[circular]");
    expect(JSON.stringify(redactor.fields(deep))).toContain("[cut]");
    expect(redactor.fields(new Map([["an@example.com", 1]]))).toEqual({ "[email]": 1 });
    expect(redactor.fields([10n, Symbol("s"), () => 1, Number.NaN, undefined])).toEqual([
      "10",
      "Symbol(s)",
      "[function]",
      "NaN",
      undefined,
    ]);
    expect(redactor.fields(Buffer.from("secret"))).toBe("[6 bytes]");
    const huge = redactor.fields(Array.from({ length: 1e5 }, (_, i) => ({ i }))) as unknown[];
    expect(huge).toHaveLength(201);
    expect(huge.at(-1)).toBe("[99800 more]");
    const polluted = redactor.fields(JSON.parse('{"__proto__": {"admin": true}, "a": 1}')) as { admin?: boolean };
    expect(polluted.admin).toBeUndefined();
  });
});

/** A number with a valid check digit, in groups as people write it. */
const writtenCard = fc
  .tuple(
    fc.constantFrom("4", "51", "2221", "34", "37", "36", "6011", "62", "3528", "9704"),
    fc.integer({ min: 13, max: 19 }),
    fc.array(fc.nat(9), { minLength: 20, maxLength: 20 }),
    fc.constantFrom("", " ", "-", ".", " - ", "\u00a0"),
    fc.integer({ min: 2, max: 6 }),
  )
  .map(([prefix, length, digits, separator, group]) => {
    const body = (prefix + digits.join("")).slice(0, length - 1);
    const last = Array.from({ length: 10 }, (_, digit) => body + digit).find(isCardNumber)!;
    return { digits: last, text: last.match(new RegExp(`.{1,${group}}`, "g"))!.join(separator) };
  });

describe("properties", () => {
  test("no card survives, whatever words and small numbers stand around it", () => {
    const before = fc.constantFrom("", "order ", "12 ", "n=", "\n", "x", "₫ 5 ", "(", "id:7,");
    const after = fc.constantFrom("", " 99", ".", "\n12", "x", ", 5", ")");
    fc.assert(
      fc.property(before, writtenCard, after, (start, card, end) => {
        const clean = redactor.text(start + card.text + end);
        expect(clean).toContain("[card]");
        expect(clean.replace(/\D/g, "")).not.toContain(card.digits);
      }),
      { numRuns: 2000, seed: 20261122 },
    );
  });

  test("anything can be copied, and the copy can be written", () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withSparseArray: true,
          withTypedArray: true,
          withNullPrototype: true,
        }),
        (value) => {
          expect(() => JSON.stringify(redactor.fields(value))).not.toThrow();
        },
      ),
      { numRuns: 1000, seed: 20261122 },
    );
  });

  test("time grows with the text and no faster, whatever it is made of", () => {
    for (const piece of [
      "a",
      "1",
      "a.",
      "a@",
      "eyJ",
      "1 ",
      "a=",
      "password",
      "bearer ",
      "://",
      "--",
      "-----BEGIN PRIVATE KEY-----",
    ]) {
      const cpu = (size: number) => {
        const input = piece.repeat(size / piece.length);
        const before = process.cpuUsage();
        for (let i = 0; i < 4; i += 1) redactor.text(input);
        const { user, system } = process.cpuUsage(before);
        return user + system;
      };
      cpu(2000);
      // 16 KiB is all that is ever looked at. Quadratic patterns would take seconds here; the bound leaves much room.
      expect(cpu(16_000)).toBeLessThan(2_000_000);
    }
  });
});
