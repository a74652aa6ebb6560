import { describe, expect, test } from "vitest";
import { scrubAttributes, scrubData, scrubEvent, scrubSpan, scrubText } from "./scrub.ts";

describe("texts", () => {
  test.each([
    ["postgres://shop:hush@db:5432/shop refused", "postgres://***@db:5432/shop refused"],
    ["GET https://pay.example/charge?card=hush#hush failed", "GET https://pay.example/charge failed"],
    ["header Authorization: Bearer hush.hush-hush", "header Authorization: Bearer [redacted]"],
    ["token eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl ended", "token [redacted] ended"],
    [`{"api_key":"hush","id":7}`, `{"api_key":"[redacted]","id":7}`],
    ["db_password=hush, retrying", "db_password=[redacted], retrying"],
  ])("%s", (text, clean) => {
    expect(scrubText(text)).toBe(clean);
  });

  test("what holds no secret stays as it is", () => {
    const text = 'order 1234 of acme: relation "orders" does not exist (postgres:5432, 10:30)';
    expect(scrubText(text)).toBe(text);
  });

  test("long and hostile texts take little time", () => {
    const started = performance.now();
    for (const part of ["password", "a://", "https://x", "eyJaaaaa.", "bearer ", "token="])
      scrubText(part.repeat(100_000));
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

test("data of any depth, size and shape is cut, not followed for ever", () => {
  const ring: Record<string, unknown> = { password: "hush" };
  ring.self = ring;
  expect(JSON.stringify(scrubData(ring))).not.toContain("hush");
  const wide = Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`k${at}`, at]));
  expect(Object.keys(scrubData(wide) as object).length).toBeLessThanOrEqual(2000);
});

test("an event keeps what explains the error and loses what names people", () => {
  const event = scrubEvent({
    message: "failed with password=hush",
    request: {
      url: "https://shop.example/pay?card=hush",
      query_string: "card=hush",
      cookies: { sid: "hush" },
      data: "hush",
      headers: {
        cookie: "sid=hush",
        authorization: "Bearer hush-hush",
        "X-Forwarded-For": "hush",
        Host: "shop.example",
      },
    },
    user: { id: "u7", email: "hush@example.com", ip_address: "hush" },
    exception: {
      values: [
        { type: "Error", value: "redis://:hush@cache", stacktrace: { frames: [{ lineno: 3, vars: { a: "hush" } }] } },
      ],
    },
    breadcrumbs: [
      {
        message: "GET https://x.example/?t=hush",
        data: { url: "https://x.example/a?t=hush", "http.query": "t=hush", status_code: 200 },
      },
    ],
    extra: { order: { id: 7, card_number: "hush" } },
    contexts: { trace: { trace_id: "0af7", data: { "http.request.header.cookie": "hush", "http.route": "/pay" } } },
    spans: [
      { op: "db", description: "SELECT * FROM users WHERE email = 'hush'", data: { "db.statement": "SELECT 'hush'" } },
    ],
  });
  expect(JSON.stringify(event)).not.toContain("hush");
  expect(event).toMatchObject({
    request: { url: "https://shop.example/pay", headers: { Host: "shop.example" } },
    user: { id: "u7" },
    exception: { values: [{ type: "Error", value: "redis://***@cache", stacktrace: { frames: [{ lineno: 3 }] } }] },
    breadcrumbs: [{ data: { url: "https://x.example/a", status_code: 200 } }],
    extra: { order: { id: 7 } },
    contexts: { trace: { trace_id: "0af7", data: { "http.route": "/pay" } } },
    spans: [{ description: "SELECT * FROM users WHERE email = ?" }],
  });
});

test("a span: statements without values, addresses without people, headers by a list", () => {
  const span = scrubSpan({
    name: "INSERT INTO t VALUES ('hush')",
    attributes: {
      "sentry.op": "db.query",
      "db.query.text": "INSERT INTO t VALUES ('hush')",
      "db.query.parameter.0": "hush",
      "client.address": "hush",
      "user.email": "hush",
      "user.id": "u7",
      "url.full": "https://pay.example/a?t=hush",
      "url.query": "t=hush",
      "http.request.header.x_session": "hush",
      "http.request.header.content_type": "text/plain",
      tenant_id: "acme",
    },
  });
  expect(JSON.stringify(span)).not.toContain("hush");
  expect(span).toMatchObject({
    name: "INSERT INTO t VALUES (?)",
    attributes: {
      tenant_id: "acme",
      "user.id": "u7",
      "url.full": "https://pay.example/a",
      "http.request.header.content_type": "text/plain",
    },
  });
  expect(scrubAttributes({ "http.response.header.set-cookie.sid": "hush" })).toEqual({});
});
