// Whatever a server answers, each line of the request has one fate, and reading the answer never throws.
import { expect, test } from "vitest";
import { answerOf, bulkBody } from "./bulk.ts";
import type { Entry } from "./line-buffer.ts";

const entries: Entry[] = Array.from({ length: 4 }, (_, sequence) => ({
  sequence,
  id: `id-${sequence}`,
  index: 'a"b\n',
  json: '{"n":1}',
  bytes: 7,
  rank: 2,
  refusals: 0,
}));

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

test("the body is lines of JSON, also for an index name that is none", () => {
  const rows = bulkBody(entries).split("\n");
  expect(rows.length).toBe(9);
  expect(rows.pop()).toBe("");
  expect(JSON.parse(rows[2] ?? "")).toEqual({ create: { _index: 'a"b\n', _id: "id-1" } });
});

test("an answer without errors may leave its items out", () => {
  const answer = answerOf({ status: 200, retryAfter: undefined, body: '{"errors":false}' }, entries, 0);
  expect(answer).toMatchObject({ kind: "items", delivered: entries });
});

test("random answers: one fate for each line", () => {
  const next = random(11);
  const whole = JSON.stringify({
    took: 1,
    errors: true,
    items: [201, 409, 429, 400].map((status) => ({ create: { status, error: { type: "t", reason: "r" } } })),
  });
  const oddities = ["null", "[]", "{}", "1e999", '"x"', "-1", "[[[[", '{"create":null}', "\u0000", "201", "503"];
  const kinds = new Map<string, number>();
  for (let round = 0; round < 20_000; round += 1) {
    let body = whole;
    for (let cuts = next(3); cuts > 0; cuts -= 1) {
      const at = next(body.length);
      body = body.slice(0, at) + (oddities[next(oddities.length)] ?? "") + body.slice(at + next(20));
    }
    const status = [200, 201, 204, 301, 400, 404, 413, 429, 500, 0][next(10)] ?? 0;
    const retryAfter = [
      undefined,
      "",
      "5",
      "-5",
      "1e9",
      "99999999999999999999",
      "never",
      "Thu, 01 Jan 1970 00:00:09 GMT",
    ][next(8)];
    const answer = answerOf({ status, retryAfter, body }, entries, 5000);
    kinds.set(answer.kind, (kinds.get(answer.kind) ?? 0) + 1);
    if (answer.kind === "items") {
      const all = [...answer.delivered, ...answer.again, ...answer.refused.map(({ entry }) => entry)];
      expect(all.map(({ sequence }) => sequence).sort()).toEqual([0, 1, 2, 3]);
    } else {
      expect(answer.reason.length).toBeLessThan(300);
      const afterMs = answer.kind === "retry" ? (answer.afterMs ?? 0) : 0;
      expect(afterMs >= 0 && afterMs <= 300_000).toBe(true);
    }
  }
  expect([...kinds.keys()].sort()).toEqual(["items", "retry", "split"]);
});
