// What a rule would have done, over an in-memory store.
import { ALL_TENANTS, type TenantId, type TenantScope, tenantScope } from "@storewatch/model";
import { type RulePreviewRequest, rulePreviewRequestSchema, rulePreviewSchema } from "@storewatch/model/api";
import { createEngine, QueryError } from "@storewatch/promql/engine";
import { parseSeriesLine } from "@storewatch/promql/promqltest";
import { FakeClock } from "@storewatch/testkit";
import { describe, expect, test } from "vitest";
import { withAddedSeries } from "../query/added-series.ts";
import type { QueryService } from "../query/interface.ts";
import { enforceScope } from "../tenant/enforce.ts";
import { previewRule } from "./preview.ts";
import { readPreviewedRule } from "./preview-input.ts";
import { RulesInvalid } from "./rule-book.ts";
import { TestStore } from "./test-store.ts";

const MINUTE = 60_000;
/** A whole number of minutes and hours. */
const T0 = 1_700_006_400_000;

/** Series with a value a minute from T0 on. */
async function preview(
  request: RulePreviewRequest,
  input: readonly string[],
  options: { readonly scope?: TenantScope; readonly minutes?: number; readonly signal?: AbortSignal } = {},
) {
  const { scope = ALL_TENANTS, minutes = 20 } = options;
  const store = new TestStore();
  store.load(input.map(parseSeriesLine), T0, MINUTE);
  store.visibleUntilMs = Number.POSITIVE_INFINITY;
  const clock = new FakeClock(T0 + minutes * MINUTE);
  const engine = createEngine({ clock });
  const query: QueryService = {
    instant: (by, expression, timeMs, { added, signal } = {}) =>
      engine.instant(withAddedSeries(store, added), { ...enforceScope(by, expression), signal }, timeMs),
    range(by, expression, startMs, endMs, stepMs, { added, signal } = {}) {
      const request = { ...enforceScope(by, expression), signal };
      return engine.range(withAddedSeries(store, added), request, startMs, endMs, stepMs);
    },
    read: (_scope, _options, read) => read(new AbortController().signal),
  };
  const settings = () => ({ externalLabels: { region: "eu" }, evaluationIntervalMs: MINUTE, queryOffsetMs: 0 });
  const body = rulePreviewRequestSchema.parse({ rangeMs: minutes * MINUTE, ...request });
  const deps = { query, clock, settings, externalUrl: "http://x" };
  const result = await previewRule(deps, scope, readPreviewedRule(body), {
    endMs: clock.nowMs(),
    rangeMs: body.rangeMs,
    signal: options.signal,
  });
  return rulePreviewSchema.parse(result);
}

/** `pending 2-4` in minutes since T0. */
function spans(alert: { intervals: readonly { state: string; fromMs: number; toMs: number; open: boolean }[] }) {
  const minute = (ms: number) => (ms - T0) / MINUTE;
  return alert.intervals.map(
    ({ state, fromMs, toMs, open }) => `${state} ${minute(fromMs)}-${open ? "" : minute(toMs)}`,
  );
}

describe("a preview", () => {
  test("says when the rule would have been pending and firing, with the value beside its threshold", async () => {
    const result = await preview(
      {
        alert: "Slow",
        expr: "latency > 0.5",
        for: "2m",
        labels: { severity: "page" },
        annotations: { summary: "{{ $labels.shop }} at {{ $value }} in {{ $externalLabels.region }}" },
      },
      ['latency{shop="a"} 0x5 1x4 0x2 2x3 0x20', 'latency{shop="b"} 0x17 0.7 0.9 0.8', 'latency{shop="c"} 0x20'],
    );
    expect(result.alerts.map((alert) => [alert.labels.shop, ...spans(alert)])).toEqual([
      ["a", "pending 6-8", "firing 8-11", "pending 14-16", "firing 16-18"],
      ["b", "pending 18-20", "firing 20-"],
    ]);
    expect(result).toMatchObject({ firings: 3, firingNow: 1, pendingNow: 0, alertsTotal: 2, seriesTotal: 3 });
    expect(result.threshold).toEqual({ operator: ">", value: 0.5 });
    expect(result.series.map((series) => series.labels.shop)).toEqual(["a", "b", "c"]);
    expect(result.series[1].points.at(-1)).toEqual([T0 + 20 * MINUTE, 0.8]);
    expect(result.lastFiring).toEqual({
      state: "firing",
      atMs: T0 + 20 * MINUTE,
      value: 0.8,
      labels: { alertname: "Slow", severity: "page", shop: "b" },
      annotations: { summary: "b at 0.8 in eu" },
    });
    expect(result.cost).toMatchObject({ evaluations: 23 });
    expect(result.cost.samples).toBeGreaterThan(50);
  });

  test("keep_firing_for, and an alert that is pending only", async () => {
    const kept = await preview({ expr: "x == 1", keepFiringFor: "3m" }, ["x 0x4 1 1 0x20"]);
    expect(spans(kept.alerts[0])).toEqual(["firing 5-10"]);
    const pending = await preview({ expr: "x == 1", for: "1h" }, ["x 1x30"], { minutes: 5 });
    expect(spans(pending.alerts[0])).toEqual(["pending 0-"]);
    expect(pending.lastFiring).toMatchObject({ state: "pending", value: 1 });
    expect(pending).toMatchObject({ firings: 0, pendingNow: 1 });
  });

  test("what was pending before the range fires in it when its time has come", async () => {
    const result = await preview({ expr: "x == 1", for: "5m", rangeMs: 6 * MINUTE }, ["x 0x9 1x20"], { minutes: 16 });
    expect(spans(result.alerts[0])).toEqual(["pending 10-15", "firing 15-"]);
  });

  test("shows nobody another shop's data, in values, texts and queries of templates", async () => {
    const input = ['x{tenant_id="acme"} 1x20', 'x{tenant_id="beta"} 1x20'];
    const request = {
      expr: "x == 1",
      annotations: { d: '{{ range query "x" }}{{ .Labels.tenant_id }} {{ end }}' },
    };
    const result = await preview(request, input, { scope: tenantScope(["acme" as TenantId]) });
    expect(JSON.stringify(result)).not.toContain("beta");
    expect(result.lastFiring?.annotations.d).toBe("acme ");
    expect((await preview(request, input)).lastFiring?.annotations.d).toBe("acme beta ");
  });

  test("takes a file, a group, a list of rules or one rule, and says where each is wrong", async () => {
    const rule = "alert: A\nexpr: |\n  x ==\n    1\n";
    const indented = rule.replaceAll("\n", "\n    ");
    for (const yaml of [
      rule,
      `- ${rule.replaceAll("\n", "\n  ")}`,
      `name: g\ninterval: 30s\nrules:\n  - ${indented}`,
      `groups:\n- name: g\n  rules:\n  - ${indented}`,
    ]) {
      expect((await preview({ yaml }, ["x 1x30"])).firingNow).toBe(1);
    }
    const findingsOf = async (yaml: string, at = 0) => {
      const failed = await preview({ yaml, rule: at }, []).catch((error: unknown) => error);
      if (!(failed instanceof RulesInvalid)) throw failed;
      return failed.findings.map(({ code, line, column }) => `${line}:${column} ${code}`);
    };
    expect(await findingsOf("alert: A\nexpr: sum(\nfro: 1m\n")).toEqual(["3:1 CONFIG_KEY", "2:1 RULE_EXPRESSION"]);
    expect(await findingsOf("name: g\nrules:\n- alert: A\n  expr: '{{'\n")).toEqual(["4:3 RULE_EXPRESSION"]);
    expect(await findingsOf("alert: [")).toEqual([expect.stringMatching(/^1:\d+ YAML$/)]);
    expect(await findingsOf("alert: A\nexpr: up\n", 3)).toEqual(["1:1 RULE_PREVIEW"]);
    expect(await findingsOf("")).toEqual(["1:1 RULE_PREVIEW"]);
  });

  test("a recording rule shows its series", async () => {
    const result = await preview({ record: "x:sum", expr: "sum(x)" }, ["x 1x30"]);
    expect(result).toMatchObject({ type: "recording", name: "x:sum", alerts: [], lastFiring: null, threshold: null });
    expect(result.series[0].points).toHaveLength(21);
  });

  describe("of a group that is not stored yet", () => {
    const GROUP = `
name: shop
rules:
- record: unrelated
  expr: x * 100
- record: shop:x:rate
  expr: rate(x[5m]) * 60
  labels: { kind: rate }
- record: shop:x:mean
  expr: avg_over_time(shop:x:rate[2m])
- alert: A
  expr: shop:x:mean{kind="rate"} > 1.5
  for: 1m
- record: later
  expr: x
- alert: B
  expr: later > 0
`;
    const input = ['x{shop="a"} 0+1x10 12+2x20', 'x{shop="b"} 0+1x30', "later 0x30"];

    test("a rule sees what those above it would have recorded, and not those below it", async () => {
      const result = await preview({ yaml: GROUP, rule: 3 }, input, { minutes: 30 });
      // The rate is 2 from minute 15 on, 1.5 and a little more around minute 13.
      expect(result.alerts.map(({ labels }) => labels)).toEqual([{ alertname: "A", kind: "rate", shop: "a" }]);
      expect(result.firings).toBe(1);
      expect(result.threshold).toEqual({ operator: ">", value: 1.5 });
      expect(result.series[0].points.at(-1)?.[1]).toBeCloseTo(2);
    });

    test("values of a stored series of the same labels do not count, and a series that ends, ends", async () => {
      const yaml = "name: g\nrules:\n- record: r\n  expr: x > 5\n- alert: A\n  expr: r\n";
      const result = await preview({ yaml, rule: 1 }, ["x 0x4 9x4 0x30", "r 1x40"], { minutes: 30 });
      expect(result.alerts.map(spans)).toEqual([["firing 5-10"]]);
    });

    test("shows a shop what is recorded of its own data only", async () => {
      const yaml =
        "name: g\nrules:\n- record: r\n  expr: sum by (tenant_id) (x)\n- record: all\n  expr: sum(x)\n- alert: A\n  expr: r or all\n";
      const lines = ['x{tenant_id="acme"} 1x30', 'x{tenant_id="other"} 1x30'];
      const own = await preview({ yaml, rule: 2 }, lines, { scope: tenantScope(["acme" as TenantId]) });
      expect(own.alerts.map(({ labels }) => labels.tenant_id)).toEqual(["acme"]);
    });
  });

  test("ends when nobody waits for it any more", async () => {
    const gone = new AbortController();
    gone.abort(new QueryError("canceled", "the client closed the connection"));
    await expect(preview({ expr: "x > 1" }, ["x 2x30"], { signal: gone.signal })).rejects.toThrow("canceled");
  });

  test.each([
    ["0.1 * 2 < (rate(x[5m]))", "rate(x[5m])", { operator: ">", value: 0.2 }],
    ["(x) <= -1", "(x)", { operator: "<=", value: -1 }],
    ["x > y", "x > y", null],
    ["x > 1 and y > 2", "x", { operator: ">", value: 1 }],
    ["(x > 1) unless on (shop) y", "x", { operator: ">", value: 1 }],
    ["x and y > 2", "x and y > 2", null],
    ["x > 1 or y > 2", "x > 1 or y > 2", null],
  ])("the threshold of %s", async (expr, _, threshold) => {
    expect((await preview({ expr }, [])).threshold).toEqual(threshold);
  });

  test("a rule that fails within the range says so", async () => {
    const result = await preview({ expr: "x == 1", labels: { shop: "same" } }, [
      'x{shop="a"} 0x9 1x30',
      'x{shop="b"} 0x9 1x30',
    ]);
    expect(result.findings).toMatchObject([
      { severity: "error", message: expect.stringMatching(/^at \S+ the rule fails: vector contains metrics/) },
    ]);
    await expect(preview({ expr: '"text"' }, [])).rejects.toThrow(QueryError);
  });

  test("a long range is looked at in wider steps, and a spike stays in the chart", async () => {
    const result = await preview({ expr: "x > 5", rangeMs: 5 * 86_400_000 }, ["x 0x1999 9 0x6000"], {
      minutes: 5 * 24 * 60,
    });
    expect(result.stepMs).toBe(4 * MINUTE);
    expect(result.series[0].points.length).toBeLessThanOrEqual(600);
    expect(result.series[0].points.some(([, value]) => value === 9)).toBe(true);
    expect(result.firings).toBe(1);
  });
});
