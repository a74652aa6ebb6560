// YAML asks that the lines of a quoted text are indented deeper than its key. libyaml, and with it Prometheus, does not
// insist, and such files exist. Blanks at the start of those lines mean nothing, so deeper ones can be put there.

/** A key or list item whose quoted value does not end on its line. */
const OPENS = /^(\s*(?:- +)*)(?:[^\s#'"&|>{[-][^#]*?:\s+|- +)?(?:"((?:[^"\\]|\\.)*\\?)|'((?:[^']|'')*))$/;

/** The text with the continuation lines of quoted values indented deeper than their keys; line numbers stay. */
export function indentQuotedLines(text: string): string {
  let open: { mark: '"' | "'"; indent: string } | undefined;
  const lines = text.split("\n").map((line) => {
    if (open) {
      const isShallow = line.trim() !== "" && !line.startsWith(open.indent);
      const moved = isShallow ? open.indent + line : line;
      if (closes(line, open.mark)) open = undefined;
      return moved;
    }
    const start = OPENS.exec(line.replace(/\r$/, ""));
    if (start) open = { mark: start[2] === undefined ? "'" : '"', indent: " ".repeat(start[1].length + 2) };
    return line;
  });
  return lines.join("\n");
}

function closes(line: string, mark: '"' | "'"): boolean {
  const rest = mark === '"' ? line.replace(/\\./g, "") : line.replaceAll("''", "");
  return rest.includes(mark);
}
