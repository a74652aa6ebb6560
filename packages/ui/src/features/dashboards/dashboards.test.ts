import { normaliseDashboard, type Panel } from "@storewatch/model/dashboard";
import { describe, expect, it } from "vitest";
import { cellText, stateColor, viewField } from "./field-config.ts";
import type { Field, Frame } from "./frames.ts";
import { instantSeriesFrames, tableFrame } from "./frames.ts";
import { sectionsOf } from "./grid.ts";
import { reduceValues } from "./reduce.ts";
import { transform } from "./transformations.ts";

const panelOf = (json: object): Panel => normaliseDashboard({ panels: [{ type: "stat", ...json }] }).panels[0];
const numbers = (name: string, values: (number | null)[], more: Partial<Field> = {}): Field => ({
  name,
  kind: "number",
  values,
  ...more,
});
const strings = (name: string, values: string[]): Field => ({ name, kind: "string", values });
const times = (values: number[]): Field => ({ name: "Time", kind: "time", values });
const shape = (frames: readonly Frame[]) =>
  frames.map((frame) => Object.fromEntries(frame.fields.map((field) => [field.name, field.values])));

describe("fields", () => {
  const panel = panelOf({
    fieldConfig: {
      defaults: {
        unit: "percentunit",
        thresholds: {
          mode: "absolute",
          steps: [
            { color: "green", value: null },
            { color: "red", value: 0.8 },
          ],
        },
        mappings: [{ type: "value", options: { "0": { text: "none" } } }],
      },
      overrides: [
        {
          matcher: { id: "byName", options: "used" },
          properties: [
            { id: "unit", value: "bytes" },
            { id: "custom.fillOpacity", value: 20 },
          ],
        },
        {
          matcher: { id: "byRegexp", options: "/^US/i" },
          properties: [{ id: "displayName", value: "${__field.labels.node} used" }],
        },
      ],
    },
  });
  it("take defaults, and overrides that match by name or pattern", () => {
    const view = viewField(panel, numbers("used", [], { labels: { node: "n1" } }));
    expect([view.name, view.unit, view.custom.fillOpacity]).toEqual(["n1 used", "bytes", 20]);
    expect(viewField(panel, numbers("free", [])).unit).toBe("percentunit");
  });
  it("are coloured beyond the base only, and mapped to words", () => {
    const view = viewField(panel, numbers("free", []));
    expect([stateColor(view, 0.5), stateColor(view, 0.9)]).toEqual([undefined, "var(--crit)"]);
    expect([cellText(view, 0), cellText(view, null), cellText(view, 0.5).replace("\u202f", " ")]).toEqual([
      "none",
      "–",
      "50 %",
    ]);
    expect(cellText(viewField(panelOf({}), numbers("x", [])), 3)).toBe("3");
  });
});

describe("reducers", () => {
  it("work by Grafana's names", () => {
    const values = [1, null, 4, 3];
    const all = [
      "last",
      "lastNotNull",
      "first",
      "min",
      "max",
      "mean",
      "sum",
      "count",
      "range",
      "diff",
      "delta",
      "p50",
    ].map((calc) => reduceValues(values, calc));
    expect(all).toEqual([3, 3, 1, 1, 4, 8 / 3, 8, 4, 3, 2, 6, 3]);
    expect(reduceValues([], "mean")).toBeNull();
  });
});

describe("transformations", () => {
  const a: Frame = { refId: "A", fields: [times([1, 1]), strings("pod", ["x", "y"]), numbers("Value #A", [1, 2])] };
  const b: Frame = { refId: "B", fields: [times([1, 1]), strings("pod", ["y", "z"]), numbers("Value #B", [20, 30])] };
  it("join by a field, then drop, order and rename columns", () => {
    const joined = transform(
      [a, b],
      [
        { id: "joinByField", options: { byField: "pod", mode: "outer" } },
        {
          id: "organize",
          options: {
            excludeByName: { "Time 1": true, "Time 2": true },
            indexByName: { "Value #B": 0, pod: 1 },
            renameByName: { "Value #A": "CPU" },
          },
        },
      ],
    );
    expect(shape(joined)).toEqual([{ "Value #B": [null, 20, 30], pod: ["x", "y", "z"], CPU: [1, 2, null] }]);
    expect(joined[0].fields.map((field) => field.name)).toEqual(["Value #B", "pod", "CPU"]);
  });
  it("merge rows that agree in what they share", () => {
    expect(shape(transform([a, b], [{ id: "merge" }]))).toEqual([
      { Time: [1, 1, 1], pod: ["x", "y", "z"], "Value #A": [1, 2, null], "Value #B": [null, 20, 30] },
    ]);
  });
  it("reduce rows of several series to one field", () => {
    const series = [1, 3].map(
      (value, i): Frame => ({ refId: "A", fields: [times([5, 6]), numbers(`s${i}`, [value, value + 1])] }),
    );
    const options = { mode: "reduceRow", reduce: { reducer: "mean" }, alias: "avg", replaceFields: true };
    expect(shape(transform(series, [{ id: "calculateField", options }]))).toEqual([{ Time: [5, 6], avg: [2, 3] }]);
  });
  it("group, sort, filter, rename, turn labels into columns", () => {
    const table: Frame = { refId: "A", fields: [strings("k", ["b", "a", "b"]), numbers("v", [1, 5, 3])] };
    const grouped = transform(
      [table],
      [
        {
          id: "groupBy",
          options: { fields: { k: { operation: "groupby" }, v: { operation: "aggregate", aggregations: ["sum"] } } },
        },
        { id: "sortBy", options: { sort: [{ field: "v (sum)", desc: true }] } },
        { id: "renameByRegex", options: { regex: "(.*) \\(sum\\)", renamePattern: "$1 total" } },
      ],
    );
    expect(shape(grouped)).toEqual([{ k: ["a", "b"], "v total": [5, 4] }]);
    const labelled: Frame = {
      refId: "A",
      fields: [times([1]), numbers("x", [7], { labels: { __name__: "up", job: "j" } })],
    };
    expect(
      shape(
        transform(
          [labelled],
          [{ id: "labelsToFields" }, { id: "filterFieldsByName", options: { include: { names: ["job", "up"] } } }],
        ),
      ),
    ).toEqual([{ job: ["j"], up: [7] }]);
    expect(transform([a], [{ id: "unknownOne" }, { id: "merge", disabled: true }])).toEqual([a]);
  });
  it("make tables and named series of instant results", () => {
    const result = { atMs: 9, warnings: [], samples: [{ labels: { __name__: "up", job: "j" }, timeMs: 9, value: 1 }] };
    expect(shape([tableFrame({ refId: "B" }, result, true)])).toEqual([
      { Time: [9], __name__: ["up"], job: ["j"], "Value #B": [1] },
    ]);
    expect(instantSeriesFrames({ refId: "A" }, "up", result, "{{job}}!")[0].fields[1].name).toBe("j!");
  });
});

describe("grid", () => {
  const dashboard = normaliseDashboard({
    panels: [
      { id: 1, type: "stat", gridPos: { x: 0, y: 0, w: 6, h: 4 } },
      {
        id: 2,
        type: "row",
        title: "R",
        collapsed: true,
        gridPos: { x: 0, y: 4, w: 24, h: 1 },
        panels: [{ id: 3, type: "stat", gridPos: { x: 0, y: 5, w: 6, h: 4 } }],
      },
      { id: 4, type: "row", title: "S", gridPos: { x: 0, y: 5, w: 24, h: 1 }, panels: [] },
      { id: 5, type: "timeseries", repeat: "node", gridPos: { x: 0, y: 6, w: 12, h: 8 } },
      { id: 6, type: "timeseries", gridPos: { x: 0, y: 14, w: 12, h: 8 } },
    ],
  });
  const values = new Map([["node", { values: ["a", "b", "c", "d", "e"], multi: true }]]);
  it("keeps collapsed rows closed until they are opened, and repeats panels", () => {
    const sections = sectionsOf(dashboard.panels, values, new Set());
    expect(sections.map((section) => [section.key, section.open, section.panels.length])).toEqual([
      ["top", true, 1],
      ["row-2", false, 1],
      ["row-4", true, 6],
    ]);
    expect(sections[2].panels.map((panel) => [panel.x, panel.y, panel.w])).toEqual([
      [0, 0, 6],
      [6, 0, 6],
      [12, 0, 6],
      [18, 0, 6],
      [0, 8, 6],
      [0, 16, 12],
    ]);
    expect(sections[2].panels[1].own.get("node")?.values).toEqual(["b"]);
    expect(sectionsOf(dashboard.panels, values, new Set([2, 4])).map((section) => section.open)).toEqual([
      true,
      true,
      false,
    ]);
  });
});
