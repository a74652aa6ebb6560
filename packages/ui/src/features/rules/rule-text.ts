// What the editor has to know of a rule file's text without parsing YAML: names and the lines where rules begin. The
// server is the judge of everything else.

export interface RuleAtLine {
  /** From 0, over the whole text. */
  readonly index: number;
  readonly name: string;
  readonly type: "alerting" | "recording";
  /** Where its list item begins, from 1. */
  readonly line: number;
}

const RULE_KEY = /^(\s*)(-\s+)?(alert|record):\s*(\S.*)$/;

export function rulesInText(text: string): RuleAtLine[] {
  const lines = text.split("\n");
  const found: RuleAtLine[] = [];
  let key: number | undefined;
  lines.forEach((line, i) => {
    const match = RULE_KEY.exec(line);
    if (!match) return;
    const column = match[1].length + (match[2]?.length ?? 0);
    // Keys of rules stand in one column; an annotation of that name stands further in.
    key ??= column;
    if (column !== key) return;
    found.push({
      index: found.length,
      name: unquoted(match[4]),
      type: match[3] === "alert" ? "alerting" : "recording",
      line: match[2] ? i + 1 : itemStart(lines, i, column),
    });
  });
  return found;
}

/** The line of the dash before a rule whose first key is another one. */
function itemStart(lines: readonly string[], from: number, column: number): number {
  for (let i = from; i >= 0; i--) {
    const match = /^(\s*)(-\s+)\S/.exec(lines[i]);
    if (match && match[1].length + match[2].length === column) return i + 1;
  }
  return from + 1;
}

/** The rule that a line belongs to: the last one that begins before it. */
export function ruleAtLine(rules: readonly RuleAtLine[], line: number): number {
  return rules.filter((rule) => rule.line <= line).at(-1)?.index ?? 0;
}

/** The name of the text's group; undefined when there is none to see. */
export function groupNameIn(text: string): string | undefined {
  for (const line of text.split("\n")) {
    const match = /^\s*-?\s*name:\s*(\S.*)$/.exec(line);
    if (match) return unquoted(match[1]) || undefined;
  }
  return undefined;
}

function unquoted(text: string): string {
  const trimmed = text.trim();
  const quoted = /^"((?:[^"\\]|\\.)*)"|^'((?:[^']|'')*)'/.exec(trimmed);
  if (quoted?.[1] !== undefined) return quoted[1].replace(/\\(.)/g, "$1");
  if (quoted?.[2] !== undefined) return quoted[2].replaceAll("''", "'");
  return trimmed.replace(/\s+#.*$/, "").trim();
}

/** A start for a new group, with a rule that means something. */
export const NEW_GROUP = `groups:
  - name: my-rules
    interval: 15s
    rules:
      - alert: NoOrders
        expr: sum by (tenant_id) (increase(orders_total{status="paid"}[15m])) == 0
        for: 5m
        labels:
          severity: warning
        annotations:
          summary: "{{ $labels.tenant_id }} takes no orders"
          description: "No order was paid at {{ $labels.tenant_id }} in the last 15 minutes."
`;

/** The text with its group renamed, for a copy. */
export function withGroupName(text: string, name: string): string {
  return text.replace(/^(\s*-?\s*name:\s*)\S.*$/m, (_line, head: string) => head + JSON.stringify(name));
}
