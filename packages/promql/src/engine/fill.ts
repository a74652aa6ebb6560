// The fill modifiers: a side that has nothing to match is taken to have a given value.
import type { Labels } from "@storewatch/model";
import type { VectorMatching } from "../parser/ast.ts";
import { matchLabels, signatures } from "./signature.ts";
import { emptyVector, type Vector } from "./vector.ts";

/** Both sides, with stand-in series where one is missing and the other is not. */
export function fillMissing(left: Vector, right: Vector, matching: VectorMatching): [Vector, Vector] {
  const { fillLeft, fillRight } = matching;
  if (fillLeft === undefined && fillRight === undefined) return [left, right];
  const presence = [presenceByGroup(left, matching), presenceByGroup(right, matching)] as const;
  return [
    fillLeft === undefined ? left : withStandIns(left, presence[0], presence[1], fillLeft),
    fillRight === undefined ? right : withStandIns(right, presence[1], presence[0], fillRight),
  ];
}

interface Presence {
  readonly labels: Labels;
  readonly steps: Uint8Array;
}

function presenceByGroup(vector: Vector, matching: VectorMatching): Map<string, Presence> {
  const groups = new Map<string, Presence>();
  signatures(vector, matching).forEach((signature, i) => {
    let group = groups.get(signature);
    if (!group) {
      group = { labels: matchLabels(vector.labels[i], matching), steps: new Uint8Array(vector.steps) };
      groups.set(signature, group);
    }
    for (let s = 0; s < vector.steps; s++) group.steps[s] |= vector.present[i * vector.steps + s];
  });
  return groups;
}

function withStandIns(
  vector: Vector,
  own: ReadonlyMap<string, Presence>,
  other: ReadonlyMap<string, Presence>,
  value: number,
): Vector {
  const added: Presence[] = [];
  for (const [signature, { labels, steps }] of other) {
    const mine = own.get(signature)?.steps;
    const missing = steps.map((present, s) => (present === 1 && mine?.[s] !== 1 ? 1 : 0));
    if (missing.includes(1)) added.push({ labels, steps: missing });
  }
  if (added.length === 0) return vector;
  const filled = emptyVector(
    [...vector.labels, ...added.map((one) => one.labels)],
    [...vector.dropName, ...added.map(() => false)],
    vector.steps,
  );
  filled.values.fill(value);
  filled.values.set(vector.values);
  filled.present.set(vector.present);
  added.forEach(({ steps }, i) => {
    filled.present.set(steps, (vector.labels.length + i) * vector.steps);
  });
  if (vector.histograms) {
    const { histograms } = vector;
    return { ...filled, histograms: Array.from(filled.values, (_, cell) => histograms[cell]) };
  }
  return filled;
}
