// The shipper on a clock of the test, against a server made of functions.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Reply } from "./bulk.ts";
import { Shipper } from "./shipper.ts";

type Behaviour = (ids: string[], body: string) => Reply | Promise<Reply>;

const ok = (ids: string[]): Reply => items(ids, () => 201);
function items(ids: readonly string[], status: (id: string, at: number) => number): Reply {
  const made = ids.map((id, at) => ({ create: { status: status(id, at), error: { type: "t", reason: "r" } } }));
  return { status: 200, retryAfter: undefined, body: JSON.stringify({ errors: true, items: made }) };
}
const reply = (status: number, retryAfter?: string): Reply => ({ status, retryAfter, body: "" });

interface Line {
  id: string;
  index: string;
  n: number;
}

function linesOf(body: string): Line[] {
  const rows = body.trimEnd().split("\n");
  const lines: Line[] = [];
  for (let at = 0; at < rows.length; at += 2) {
    const { create } = JSON.parse(rows[at] ?? "") as { create: { _id: string; _index: string } };
    lines.push({ id: create._id, index: create._index, n: (JSON.parse(rows[at + 1] ?? "") as { n: number }).n });
  }
  return lines;
}

function rig(behaviour: Behaviour, buffer = { lines: 10_000, bytes: 16 << 20 }, random = 1) {
  const state = {
    behaviour,
    requests: [] as { atMs: number; lines: Line[] }[],
    warnings: [] as string[],
    lost: 0,
    closed: 0,
  };
  const shipper = new Shipper(
    { flushIntervalMs: 2000, buffer },
    {
      clock: { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
      random: () => random,
      dropped: (_reason, lines) => {
        state.lost += lines;
      },
      warn: (problem) => state.warnings.push(problem),
      sender: {
        send: async (body) => {
          const lines = linesOf(body);
          state.requests.push({ atMs: performance.now() - start, lines });
          return state.behaviour(
            lines.map(({ id }) => id),
            body,
          );
        },
        close: () => {
          state.closed += 1;
        },
      },
    },
  );
  const start = performance.now();
  let n = 0;
  const add = (count: number, level = "info", index = "i") => {
    for (let left = count; left > 0; left -= 1) shipper.add({ index, level, json: JSON.stringify({ n: n++ }) });
  };
  return { state, shipper, add };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const numbers = (requests: { lines: Line[] }[]) => requests.flatMap(({ lines }) => lines.map(({ n }) => n));
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

describe("batches", () => {
  test("lines are collected for the interval and sent oldest first", async () => {
    const { state, add } = rig(ok);
    add(3);
    await pass(1999);
    expect(state.requests).toEqual([]);
    await pass(1);
    expect(numbers(state.requests)).toEqual([0, 1, 2]);
    add(1);
    await pass(2000);
    expect(state.requests.map(({ atMs }) => atMs)).toEqual([2000, 4000]);
  });

  test("a batch's worth goes at once, and one request at a time", async () => {
    let answer: (() => void) | undefined;
    const { state, add, shipper } = rig(
      (ids) =>
        new Promise((resolve) => {
          answer = () => resolve(ok(ids));
        }),
    );
    add(1200);
    await pass(1);
    expect(state.requests.length).toBe(1);
    await pass(5000);
    expect(state.requests.length).toBe(1);
    for (let round = 0; round < 3; round += 1) {
      answer?.();
      await pass(2000);
    }
    expect(state.requests.map(({ lines }) => lines.length)).toEqual([500, 500, 200]);
    expect(numbers(state.requests)).toEqual(upTo(1200));
    expect(shipper.stats()).toMatchObject({ deliveredLines: 1200, bufferedLines: 0, bufferedBytes: 0 });
  });
});

describe("the server is away", () => {
  test("pauses double up to 30 s; then all arrives, in order, under the same ids", async () => {
    const { state, add, shipper } = rig(() => {
      throw new Error("connect ECONNREFUSED");
    });
    add(700);
    await pass(120_000);
    const times = state.requests.map(({ atMs }) => Math.round(atMs / 100) / 10);
    const gaps = times.slice(1).map((at, before) => Math.round((at - (times[before] ?? 0)) * 10) / 10);
    expect(gaps).toEqual([0.5, 1, 2, 4, 8, 16, 30, 30]);
    expect(state.warnings).toEqual(["log lines wait for Elasticsearch: connect ECONNREFUSED"]);
    const before = state.requests.length;
    const firstIds = state.requests[0]?.lines.map(({ id }) => id);
    state.behaviour = ok;
    await pass(40_000);
    const arrived = state.requests.slice(before);
    expect(numbers(arrived)).toEqual(upTo(700));
    expect(arrived[0]?.lines.map(({ id }) => id)).toEqual(firstIds);
    expect(shipper.stats().droppedLines).toEqual({ full: 0, refused: 0, expired: 0, closed: 0 });
  });

  test("jitter: a pause is at least half of its length", async () => {
    const { state, add } = rig(() => reply(503), undefined, 0);
    add(500);
    await pass(800);
    expect(state.requests.map(({ atMs }) => Math.round(atMs))).toEqual([0, 250, 750]);
  });

  test.each([
    ["7", 7000],
    ["Thu, 01 Jan 2026 00:00:20 GMT", 20_000],
    ["999999", 300_000],
    ["soon", 500],
  ])("Retry-After %s is kept", async (retryAfter, pauseMs) => {
    vi.setSystemTime(Date.UTC(2026, 0, 1));
    const { state, add } = rig(() => reply(429, retryAfter));
    add(500);
    await pass(pauseMs - 10);
    expect(state.requests.length).toBe(1);
    await pass(20);
    expect(state.requests.length).toBe(2);
  });

  test.each([500, 502, 503, 429, 401, 403, 404, 301, 307])("%i: nothing is lost", async (status) => {
    const { state, add, shipper } = rig(() => reply(status));
    add(10);
    await pass(60_000);
    expect(shipper.stats()).toMatchObject({ bufferedLines: 10, deliveredLines: 0 });
    state.behaviour = ok;
    await pass(40_000);
    expect(shipper.stats()).toMatchObject({ bufferedLines: 0, deliveredLines: 10 });
  });

  test.each(["", "<html>", "[]", "null", '{"errors":true}', '{"errors":true,"items":[]}', '{"items":[{}]}'])(
    "200 with %j is no answer",
    async (body) => {
      const { state, add, shipper } = rig(() => ({ status: 200, retryAfter: undefined, body }));
      add(2);
      await pass(10_000);
      expect(state.requests.length).toBeGreaterThan(1);
      expect(shipper.stats()).toMatchObject({ bufferedLines: 2, deliveredLines: 0 });
    },
  );

  test("full: counted by reason, told once, errors stay", async () => {
    const { state, add, shipper } = rig(() => reply(503), { lines: 1000, bytes: 16 << 20 });
    add(200, "error");
    add(5000, "debug");
    await pass(60_000);
    expect(shipper.stats()).toMatchObject({ bufferedLines: 1000, droppedLines: { full: 4200 } });
    expect(state.warnings.filter((text) => text.includes("full")).length).toBe(1);
    state.behaviour = ok;
    const before = state.requests.length;
    await pass(60_000);
    expect(numbers(state.requests.slice(before)).slice(0, 200)).toEqual(upTo(200));
  });
});

describe("lines that are not taken", () => {
  test("only what failed by overload is sent again; 409 is there already; what is refused is lost and counted", async () => {
    const { state, add, shipper } = rig((ids) => items(ids, (_, at) => [201, 429, 400, 409, 503][at] ?? 201));
    add(5);
    await pass(2000);
    state.behaviour = ok;
    await pass(10_000);
    expect(state.requests.map(({ lines }) => lines.map(({ n }) => n))).toEqual([
      [0, 1, 2, 3, 4],
      [1, 4],
    ]);
    expect(shipper.stats()).toMatchObject({ deliveredLines: 4, droppedLines: { refused: 1 }, bufferedLines: 0 });
    expect(state.warnings).toEqual(["log lines are lost on the way to Elasticsearch: 400 t: r (index i)"]);
  });

  test("one tenant's closed index does not hold up the others and is given up in the end", async () => {
    const closed = new Set<string>();
    const { state, add, shipper } = rig((ids, body) => {
      for (const { id, index } of linesOf(body)) if (index === "tenant-red") closed.add(id);
      return items(ids, (id) => (closed.has(id) ? 503 : 201));
    });
    add(2000, "info", "tenant-red");
    add(1, "info", "tenant-green");
    for (let second = 0; second < 60; second += 1) {
      add(100, "info", "tenant-green");
      await pass(1000);
    }
    await pass(10_000);
    expect(shipper.stats()).toMatchObject({ deliveredLines: 6001, bufferedLines: 2000 });
    await pass(7_200_000);
    expect(shipper.stats()).toMatchObject({ bufferedLines: 0, droppedLines: { expired: 2000 } });
    expect(state.requests.length).toBeLessThan(600);
  });

  test("the line that breaks a whole request is found, the others arrive once", async () => {
    const seen: number[] = [];
    const { add, shipper, state } = rig((ids, body) => {
      const lines = linesOf(body);
      if (lines.some(({ n }) => n === 777)) return reply(400);
      seen.push(...lines.map(({ n }) => n));
      return ok(ids);
    });
    add(1500);
    await pass(60_000);
    expect(seen).toEqual(upTo(1500).filter((n) => n !== 777));
    expect(shipper.stats()).toMatchObject({ bufferedLines: 0, droppedLines: { refused: 1 } });
    expect(state.requests.length).toBeLessThan(80);
  });

  test("a server that refuses everything is not asked without a pause", async () => {
    const { add, state } = rig(() => reply(413));
    add(1000);
    await pass(60_000);
    expect(state.requests.length).toBeLessThan(30);
  });
});

describe("the end", () => {
  test("flush sends at once what waits", async () => {
    const { add, shipper, state } = rig(ok);
    add(1300);
    const flushed = shipper.flush(5000);
    await pass(0);
    await flushed;
    expect(numbers(state.requests)).toEqual(upTo(1300));
    await shipper.flush(5000);
  });

  test("flush of a server that is away: tries often, ends in time; close counts the lost", async () => {
    const { add, shipper, state } = rig(() => reply(503));
    add(10);
    await pass(100_000);
    const before = state.requests.length;
    let ended = false;
    void shipper.flush(3000).then(() => {
      ended = true;
    });
    await pass(2999);
    expect(ended).toBe(false);
    await pass(2);
    expect(ended).toBe(true);
    expect(state.requests.length - before).toBeGreaterThan(8);
    shipper.close();
    shipper.close();
    expect(state.closed).toBe(1);
    add(1);
    await pass(100_000);
    expect(shipper.stats().droppedLines.closed).toBe(11);
    expect(state.lost).toBe(11);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("flush ends in time when the server hangs", async () => {
    const { add, shipper } = rig(() => new Promise<Reply>(() => undefined));
    add(1);
    let ended = false;
    void shipper.flush(1000).then(() => {
      ended = true;
    });
    await pass(1001);
    expect(ended).toBe(true);
  });

  test("it comes back while flush waits", async () => {
    const { add, shipper, state } = rig(() => reply(503));
    add(20);
    await pass(50_000);
    const flushed = shipper.flush(5000);
    await pass(600);
    state.behaviour = ok;
    await pass(600);
    await flushed;
    expect(shipper.stats()).toMatchObject({ deliveredLines: 20, bufferedLines: 0 });
  });
});
