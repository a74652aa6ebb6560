import { describe, expect, test } from "vitest";
import { LineGate } from "./line-gate.ts";

/** A generator with a seed: the same numbers in each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function gate(options: ConstructorParameters<typeof LineGate>[0]) {
  const time = { ms: 0 };
  const clock = { monotonicMs: () => time.ms, wallMs: () => time.ms };
  return { time, gate: new LineGate({ maxLinesPerSecond: 0, ...options }, { clock, random: seeded(7) }) };
}

const line = (level: string, requestId?: string, tenantId?: string) => ({ level, requestId, tenantId });

describe("sampling", () => {
  test("keeps the asked share of requests, and of each kept request every line", () => {
    const { gate: own } = gate({ sample: { debug: 0.1 } });
    let requests = 0;
    for (let i = 0; i < 20_000; i += 1) {
      const id = `request-${i}`;
      const verdicts = [1, 2, 3].map(() => own.ask(line("debug", id)).kept);
      expect(new Set(verdicts).size).toBe(1);
      if (verdicts[0]) requests += 1;
    }
    // Five standard deviations of a binomial with 20,000 draws.
    expect(Math.abs(requests - 2000)).toBeLessThan(5 * Math.sqrt(20_000 * 0.1 * 0.9));
  });

  test("lines outside of requests are drawn one by one, without bias", () => {
    const { gate: own } = gate({ sample: { debug: 0.25 } });
    let kept = 0;
    for (let i = 0; i < 20_000; i += 1) {
      const admission = own.ask(line("debug"));
      if (admission.kept) kept += admission.oneIn;
    }
    // Scaled by what each line stands for, the count is that of all lines.
    expect(Math.abs(kept - 20_000)).toBeLessThan(4 * 5 * Math.sqrt(20_000 * 0.25 * 0.75));
  });

  test("a smaller share keeps a part of what a larger one keeps", () => {
    const small = gate({ sample: { debug: 0.05 } }).gate;
    const large = gate({ sample: { debug: 0.5 } }).gate;
    for (let i = 0; i < 2000; i += 1)
      if (small.ask(line("debug", `r${i}`)).kept) expect(large.ask(line("debug", `r${i}`)).kept).toBe(true);
  });

  test.each(["warn", "error", "fatal", "crit"])("%s is never sampled: asking for it is refused", (level) => {
    expect(() => gate({ sample: { [level]: 0.5 } })).toThrow(`sample.${level}`);
  });

  test.each([0, -1, 1.5, Number.NaN])("a share of %s is refused", (share) => {
    expect(() => gate({ sample: { debug: share } })).toThrow("sample.debug");
  });
});

describe("floods", () => {
  test("each tenant has its own bound in each second; warnings and errors have none", () => {
    const { gate: own, time } = gate({ maxLinesPerSecond: 100 });
    const count = (level: string, tenantId: string, lines: number) =>
      Array.from({ length: lines }, () => own.ask(line(level, undefined, tenantId))).filter(({ kept }) => kept).length;
    expect(count("info", "noisy", 5000)).toBe(100);
    expect(count("info", "quiet", 50)).toBe(50);
    expect(count("error", "noisy", 3000)).toBe(3000);
    expect(count("warn", "noisy", 3000)).toBe(3000);
    time.ms = 1000;
    expect(count("info", "noisy", 5000)).toBe(100);
  });

  test("ten thousand made-up tenants take no more memory than two thousand", () => {
    const { gate: own } = gate({ maxLinesPerSecond: 1 });
    for (let i = 0; i < 10_000; i += 1) own.ask(line("info", undefined, `t${i}`));
    expect((own as unknown as { seconds: Map<string, unknown> }).seconds.size).toBeLessThanOrEqual(2000);
  });
});
