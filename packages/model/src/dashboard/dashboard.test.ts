import { describe, expect, it } from "vitest";
import {
  chooseValue,
  customOptions,
  interpolateExpression,
  interpolateText,
  macroValues,
  nameSeries,
  niceInterval,
  normaliseDashboard,
  parseVariableQuery,
  refineOptions,
  type Variable,
} from "./index.ts";

const variable = (more: Partial<Variable>): Variable => ({
  name: "v",
  type: "query",
  hide: 0,
  query: "",
  regex: "",
  sort: 0,
  multi: false,
  includeAll: false,
  options: [],
  current: null,
  ...more,
});
const option = (value: string) => ({ text: value, value });

describe("normaliseDashboard", () => {
  it("takes the API wrapper without ids, places and refIds, and turns old panels into today's", () => {
    const dashboard = normaliseDashboard({
      dashboard: {
        title: "Old",
        panels: [
          {
            title: "G",
            type: "graph",
            stack: true,
            fill: 3,
            yaxes: [{ format: "bytes" }],
            targets: [{ expr: "up" }, { expr: "x" }],
          },
          {
            title: "S",
            type: "singlestat",
            format: "percent",
            thresholds: "10,20",
            colorValue: true,
            targets: [{ expr: "y" }],
          },
        ],
      },
    });
    const [graph, stat] = dashboard.panels;
    expect(graph).toMatchObject({ id: 1, type: "timeseries", gridPos: { x: 0, y: 0, w: 12, h: 8 }, stack: true });
    expect(graph.targets.map((target) => target.refId)).toEqual(["A", "B"]);
    expect(graph.fieldConfig.defaults).toMatchObject({
      unit: "bytes",
      custom: { fillOpacity: 30, stacking: { mode: "normal" } },
    });
    expect(stat).toMatchObject({ id: 2, type: "stat", gridPos: { x: 12, y: 0 } });
    expect(stat.fieldConfig.defaults.thresholds?.steps.map((step) => step.value)).toEqual([null, 10, 20]);
    expect(stat.options).toMatchObject({ colorMode: "value", reduceOptions: { calcs: ["lastNotNull"] } });
  });

  it("lays rows of old schema versions out on the grid", () => {
    const dashboard = normaliseDashboard({
      title: "Rows",
      rows: [
        {
          title: "One",
          showTitle: true,
          height: "250px",
          panels: [
            { type: "graph", span: 6 },
            { type: "graph", span: 6 },
            { type: "graph", span: 12 },
          ],
        },
        { title: "Two", collapse: true, panels: [{ type: "graph", span: 12 }] },
      ],
    });
    expect(dashboard.panels.map((panel) => [panel.type, panel.gridPos.x, panel.gridPos.y, panel.gridPos.w])).toEqual([
      ["row", 0, 0, 24],
      ["timeseries", 0, 1, 12],
      ["timeseries", 12, 1, 12],
      ["timeseries", 0, 8, 24],
      ["row", 0, 15, 24],
    ]);
    expect(dashboard.panels[4].panels).toHaveLength(1);
    expect(new Set(dashboard.panels.map((panel) => panel.id)).size).toBe(5);
  });

  it("names what is wrong", () => {
    expect(() => normaliseDashboard([])).toThrow("must be a JSON object");
    expect(() => normaliseDashboard({ title: "x" })).toThrow('needs "panels"');
    expect(() => normaliseDashboard({ panels: ["x"] })).toThrow("panels.0");
  });
});

describe("interpolation", () => {
  const values = new Map([
    ["one", { values: ['a"b'], multi: false }],
    ["many", { values: ["a.b", "c"], multi: true }],
    ["all", { values: ["a", "b"], multi: true, raw: ".+" }],
  ]);
  it("escapes for PromQL and leaves unknown names alone", () => {
    expect(interpolateExpression('x{a="$one",b=~"[[many]]",c=~"${all}"} $other', values)).toBe(
      'x{a="a\\"b",b=~"(a\\\\.b|c)",c=~".+"} $other',
    );
    expect(interpolateExpression("${many:pipe} ${many:csv} ${one:raw}", values)).toBe('a.b|c a.b,c a"b');
  });
  it("puts values into titles in both spellings", () => {
    expect(interpolateText("Shop {{many}} / $many", values)).toBe("Shop a.b + c / a.b + c");
  });
  it("knows the time macros", () => {
    const macros = macroValues({ fromMs: 0, toMs: 3_600_000, intervalMs: 15_000, scrapeIntervalMs: 15_000 });
    expect(interpolateExpression("rate(x[$__rate_interval]) + y[$__range] + $__interval", macros)).toBe(
      "rate(x[1m]) + y[3600s] + 15s",
    );
    expect(niceInterval(3_600_000, 300, 5000)).toBe(15_000);
  });
});

describe("variables", () => {
  it("reads label_values with and without a selector", () => {
    expect(parseVariableQuery('label_values(up{job="a", x="b"}, instance)')).toEqual({
      kind: "label-values",
      selector: 'up{job="a", x="b"}',
      label: "instance",
    });
    expect(parseVariableQuery("label_values(job)")).toEqual({
      kind: "label-values",
      selector: undefined,
      label: "job",
    });
    expect(parseVariableQuery("query_result(sum(up))")).toEqual({ kind: "query-result", expression: "sum(up)" });
  });
  it("splits custom lists", () => {
    expect(customOptions("1s, One : 1, a\\,b")).toEqual([option("1s"), { text: "One", value: "1" }, option("a,b")]);
  });
  it("filters by regex, takes captures, sorts", () => {
    expect(refineOptions(["b-2", "b-10", "c"], variable({ regex: "/b-(.*)/", sort: 3 }))).toEqual([
      option("2"),
      option("10"),
    ]);
    expect(refineOptions(["b", "a", "b"], variable({ sort: 2 }))).toEqual([option("b"), option("a")]);
  });
  it("chooses what the URL says, else the stored choice, else the first or All", () => {
    const options = ["a", "b"].map(option);
    expect(chooseValue(variable({}), options, ["b"]).selected).toEqual(["b"]);
    expect(chooseValue(variable({ current: { text: "b", value: "b" } }), options, undefined).selected).toEqual(["b"]);
    expect(chooseValue(variable({ current: { text: "gone", value: "gone" } }), options, undefined).selected).toEqual([
      "a",
    ]);
    const all = chooseValue(variable({ multi: true, includeAll: true, allValue: ".*" }), options, undefined);
    expect(all).toMatchObject({ selected: ["$__all"], value: { raw: ".*", values: ["a", "b"] } });
  });
});

describe("legends", () => {
  it("fills formats, and names by the one label that differs", () => {
    expect(nameSeries([{ a: "1", b: "x" }], "{{a}} {{c}}-", "q")).toEqual(["1 -"]);
    expect(
      nameSeries(
        [
          { a: "1", b: "x" },
          { a: "2", b: "x" },
        ],
        "",
        "q",
      ),
    ).toEqual(["1", "2"]);
    expect(nameSeries([{}], "__auto", "sum(up)")).toEqual(["sum(up)"]);
  });
});
