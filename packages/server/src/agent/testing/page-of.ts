// A page as series → value and family → type, for tests.
export interface ParsedPage {
  readonly types: ReadonlyMap<string, string>;
  /** `name{labels in order of their names}` → value. */
  readonly series: ReadonlyMap<string, number>;
}

export function parsePage(text: string): ParsedPage {
  const types = new Map<string, string>();
  const series = new Map<string, number>();
  for (const line of text.split("\n")) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type) types.set(type[1], type[2]);
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!sample) continue;
    const [, name, labels = "", value] = sample;
    const sorted = (labels.match(/\w+="(?:[^"\\]|\\.)*"/g) ?? []).sort().join(",");
    series.set(sorted === "" ? name : `${name}{${sorted}}`, Number(value.replace("Inf", "Infinity")));
  }
  return { types, series };
}
