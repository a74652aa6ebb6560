import type { RulePreview } from "@storewatch/model/api";
import { expect, it } from "vitest";
import { heldLines, previewChart } from "./preview-chart.ts";

const preview = (more: Partial<RulePreview>): RulePreview => ({
  type: "alerting",
  name: "High",
  fromMs: 0,
  toMs: 1000,
  stepMs: 10,
  intervalMs: 10,
  forMs: 0,
  keepFiringForMs: 0,
  series: [],
  seriesTotal: 0,
  threshold: { operator: ">", value: 2 },
  expression: "x > 2",
  alerts: [],
  alertsTotal: 0,
  firings: 0,
  firingNow: 0,
  pendingNow: 0,
  lastFiring: null,
  findings: [],
  cost: { durationMs: 1, samples: 1, evaluations: 1, evaluationMs: 1 },
  ...more,
});

it("puts lines with times of their own on one axis, real gaps left open", () => {
  const lines = heldLines(
    [
      [
        [0, 1],
        [20, 2],
        [90, 3],
      ],
      [
        [10, 5],
        [20, null],
      ],
    ],
    25,
  );
  expect(lines.timesMs).toEqual([0, 10, 20, 90]);
  expect(lines.values).toEqual([
    [1, 1, 2, 3],
    [null, 5, null, null],
  ]);
  expect(heldLines([[[0, 1]], [[30, 2]]], 25).values[0]).toEqual([1, null]);
});

it("draws series of alerts that fired first, and their times below", () => {
  const series = Array.from({ length: 15 }, (_, i) => ({
    labels: { __name__: "x", tenant_id: `t${i}` },
    points: [[0, i] as [number, number]],
  }));
  const chart = previewChart(
    preview({
      series,
      seriesTotal: 40,
      alerts: [
        {
          labels: { alertname: "High", severity: "warning", tenant_id: "t14" },
          intervals: [{ state: "firing", fromMs: 250, toMs: 500, open: false }],
        },
      ],
      alertsTotal: 3,
    }),
  );
  expect(chart.lines[0].name).toBe("t14");
  expect([chart.lines.length, chart.hidden, chart.moreRows]).toEqual([12, 28, 2]);
  expect(chart.rows[0]).toMatchObject({ name: "t14", spans: [{ leftPercent: 25, widthPercent: 25 }] });
});
