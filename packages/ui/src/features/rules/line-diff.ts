// Two texts line by line, for the moment when somebody else has saved in between.

export interface DiffLine {
  readonly kind: "same" | "theirs" | "mine";
  readonly text: string;
}

/** Lines beyond which no common lines are looked for: the table has the product of both lengths. */
const LINES_MAX = 2000;

/** Longest common lines kept, theirs before mine where they differ. */
export function diffLines(theirs: string, mine: string): DiffLine[] {
  const [a, b] = [theirs.split("\n"), mine.split("\n")];
  if (a.length > LINES_MAX || b.length > LINES_MAX)
    return [
      ...a.map((text) => ({ kind: "theirs" as const, text })),
      ...b.map((text) => ({ kind: "mine" as const, text })),
    ];
  const width = b.length + 1;
  // common[i * width + j]: how many lines a from i and b from j have in common.
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] =
        a[i] === b[j]
          ? common[(i + 1) * width + j + 1] + 1
          : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  const out: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ kind: "same", text: a[i] });
      i++;
      j++;
    } else if (j === b.length || (i < a.length && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      out.push({ kind: "theirs", text: a[i++] });
    } else out.push({ kind: "mine", text: b[j++] });
  }
  return out;
}

/** Only what differs, with some lines around; null stands for lines left out. */
export function aroundChanges(lines: readonly DiffLine[], context = 2): Array<DiffLine | null> {
  const near = lines.map((_, i) =>
    lines.slice(Math.max(0, i - context), i + context + 1).some((line) => line.kind !== "same"),
  );
  const out: Array<DiffLine | null> = [];
  lines.forEach((line, i) => {
    if (near[i]) out.push(line);
    else if (out.length === 0 || out.at(-1) !== null) out.push(null);
  });
  return out;
}
