// Ranges of server versions as postgres_exporter's files have them: `>=13`, `>=9.1 <9.2`, `<10 || >=13.2`.

const COMPARATOR = /^(>=|<=|!=|>|<|==?|!)?v?(\d{1,4})(?:\.(\d{1,4}|x))?(?:\.(\d{1,4}|x))?$/;

export type VersionTest = (version: number) => boolean;

/** A test of a `server_version_num` (150018 for 15.18); undefined for a text that is no range. */
export function parseVersionRange(text: string): VersionTest | undefined {
  const alternatives: VersionTest[][] = [];
  for (const part of text.split("||")) {
    const words = part
      .trim()
      .replace(/(>=|<=|!=|==|>|<|=|!)\s+/g, "$1")
      .split(/\s+/);
    const tests = words.map(parseComparator);
    if (tests.some((test) => test === undefined)) return undefined;
    alternatives.push(tests.flatMap((test) => test ?? []));
  }
  return (version) => alternatives.some((tests) => tests.every((test) => test(version)));
}

function parseComparator(word: string): VersionTest | undefined {
  const match = COMPARATOR.exec(word);
  if (!match) return undefined;
  const [, operator = "=", major, minor, patch] = match;
  const number = (text: string | undefined) => (text === undefined || text === "x" ? 0 : Number(text));
  // Before 10 the second number was of the feature release: 90603 is 9.6.3; since then 150018 is 15.18.
  const wanted =
    Number(major) >= 10
      ? Number(major) * 10_000 + number(minor)
      : Number(major) * 10_000 + number(minor) * 100 + number(patch);
  switch (operator) {
    case ">=":
      return (version) => version >= wanted;
    case "<=":
      return (version) => version <= wanted;
    case ">":
      return (version) => version > wanted;
    case "<":
      return (version) => version < wanted;
    case "!=":
    case "!":
      return (version) => version !== wanted;
    default:
      return (version) => version === wanted;
  }
}
