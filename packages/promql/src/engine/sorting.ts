import { pickRows, type Vector } from "./vector.ts";

/** How many series have a point, for each step. */
export function presentPerStep(vector: Vector): Uint32Array {
  const counts = new Uint32Array(vector.steps);
  for (let cell = 0; cell < vector.present.length; cell++) counts[cell % vector.steps] += vector.present[cell];
  return counts;
}

/** A one-step vector in the order of its values, NaN last. */
export function sortByValue(vector: Vector, descending: boolean): Vector {
  const { values } = vector;
  const rows = vector.labels.map((_, i) => i).filter((row) => vector.present[row] === 1);
  rows.sort((a, b) => {
    const x = values[a];
    const y = values[b];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return x === y ? 0 : x < y === descending ? 1 : -1;
  });
  return pickRows(vector, rows);
}
