import { interpolateText, type Panel, type VariableValues } from "@storewatch/model/dashboard";
import type { ReactNode } from "react";
import { text } from "../options.ts";

/** Markdown's common part: headings, lists, emphasis, code, links. HTML in it is shown as text, never run. */
export function TextPanel({ panel, values }: { readonly panel: Panel; readonly values: VariableValues }) {
  const content = interpolateText(text(panel.options.content) || text(panel.content), values);
  return <div className="panel-text">{blocks(content)}</div>;
}

function blocks(content: string): ReactNode[] {
  return content.split(/\n{2,}/).map((block, i) => {
    const lines = block.split("\n").filter((line) => line.trim() !== "");
    const key = `${i} ${block.slice(0, 20)}`;
    const heading = /^(#{1,6})\s+(.*)$/.exec(lines[0] ?? "");
    if (heading && lines.length === 1)
      return heading[1].length < 3 ? <h3 key={key}>{inline(heading[2])}</h3> : <h4 key={key}>{inline(heading[2])}</h4>;
    if (lines.length > 0 && lines.every((line) => /^\s*[-*+]\s+/.test(line))) {
      return (
        <ul key={key}>
          {lines.map((line) => (
            <li key={line}>{inline(line.replace(/^\s*[-*+]\s+/, ""))}</li>
          ))}
        </ul>
      );
    }
    return <p key={key}>{inline(lines.join(" "))}</p>;
  });
}

const INLINE = /(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)\s]+\))/g;

function inline(line: string): ReactNode[] {
  return line.split(INLINE).map((part, i) => {
    const key = `${i} ${part}`;
    if (part.startsWith("`") && part.endsWith("`") && part.length > 2)
      return <code key={key}>{part.slice(1, -1)}</code>;
    if (part.startsWith("**") && part.endsWith("**") && part.length > 4) return <b key={key}>{part.slice(2, -2)}</b>;
    const link = /^\[([^\]]+)\]\((https?:\/\/[^)\s]+)\)$/.exec(part);
    if (!link) return part;
    return (
      <a key={key} href={link[2]} target="_blank" rel="noreferrer">
        {link[1]}
      </a>
    );
  });
}
