import type { RouteNode, RoutingStep, RoutingTestResult } from "@storewatch/model/api";
import { expect, it } from "vitest";
import { labelsText, readLabels } from "./label-text.ts";
import { outcomes, treeRows } from "./tree-rows.ts";

const node = (id: string, children: string[] = []) =>
  ({
    id,
    parent: id === "0" ? null : id.slice(0, id.lastIndexOf(".")),
    depth: id.split(".").length - 1,
    children,
    matchers: [`m="${id}"`],
  }) as unknown as RouteNode;
const NODES = [node("0", ["0.0", "0.1"]), node("0.0", ["0.0.0"]), node("0.0.0"), node("0.1")];

it("draws lines past branches that have later ones", () => {
  expect(treeRows(NODES, undefined).map((row) => [row.node.id, row.passing, row.last, row.place])).toEqual([
    ["0", [], true, undefined],
    ["0.0", [], false, undefined],
    ["0.0.0", [true], true, undefined],
    ["0.1", [], true, undefined],
  ]);
});

it("marks the way of a tested alert", () => {
  const step = (id: string, matched: boolean, chosen = false) => ({
    id,
    matched,
    chosen,
    matchers: [{ text: "a", matched }],
  });
  const test = {
    path: [step("0", true), step("0.0", true, true), step("0.0.0", false)],
  } as unknown as RoutingTestResult;
  const rows = treeRows(NODES, test);
  expect(rows.map((row) => row.place)).toEqual(["way", "chosen", "refused", "unseen"]);
  expect(rows.map((row) => row.matchers[0].matched)).toEqual([true, true, false, undefined]);
});

it("names who is told once, and who is not", () => {
  const step = (receiver: string, outcome: string) => ({ receiver, outcome }) as RoutingStep;
  const { told, held } = outcomes([step("a", "told"), step("b", "muted"), step("a", "told")]);
  expect(told).toEqual(["a"]);
  expect(held.map((one) => one.receiver)).toEqual(["b"]);
});

it("reads labels as they are pasted", () => {
  const labels = { alertname: "High", summary: 'says "no", twice', empty: "" };
  expect(readLabels(labelsText(labels))).toEqual({ labels, bad: undefined });
  expect(readLabels('{alertname="A",severity=critical}').labels).toEqual({ alertname: "A", severity: "critical" });
  expect(readLabels("a=1\nb=two words\n").labels).toEqual({ a: "1", b: "two words" });
  expect(readLabels("a=1, nonsense, b=2")).toEqual({ labels: { a: "1" }, bad: "nonsense" });
  expect(readLabels("").labels).toEqual({});
});
