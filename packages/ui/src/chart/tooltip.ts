// The box beside the cross-hair. Plain DOM: it moves with every mouse event, React would only be in the way.
import type uPlot from "uplot";
import type { Format } from "../design/units.ts";

export interface TooltipRow {
  readonly name: string;
  readonly color: string;
  readonly value: number;
  readonly format: Format;
}

export interface TooltipContent {
  readonly title: string;
  readonly rows: readonly TooltipRow[];
  readonly notes: readonly string[];
}

const MAX_ROWS = 10;

export function createTooltip(over: HTMLElement): {
  show(content: TooltipContent, leftPx: number): void;
  hide(): void;
} {
  const box = document.createElement("div");
  box.className = "chart-tip";
  box.hidden = true;
  over.appendChild(box);
  return {
    show(content, leftPx) {
      box.replaceChildren(
        element("div", "chart-tip-title", content.title),
        ...content.rows.slice(0, MAX_ROWS).map(rowElement),
      );
      if (content.rows.length > MAX_ROWS)
        box.append(element("div", "chart-tip-note", `+${content.rows.length - MAX_ROWS}`));
      for (const note of content.notes) box.append(element("div", "chart-tip-note", note));
      box.hidden = false;
      const flip = leftPx > over.clientWidth / 2;
      box.style.left = flip ? "" : `${leftPx + 14}px`;
      box.style.right = flip ? `${over.clientWidth - leftPx + 14}px` : "";
    },
    hide() {
      box.hidden = true;
    },
  };
}

function rowElement(row: TooltipRow): HTMLElement {
  const line = element("div", "chart-tip-row", "");
  const swatch = element("i", "", "");
  swatch.style.background = row.color;
  line.append(swatch, element("span", "", row.name), element("b", "", row.format(row.value)));
  return line;
}

function element(tag: string, className: string, text: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Index of the cursor, or undefined when it is not over the plot. */
export const cursorIndex = (plot: uPlot): number | undefined => plot.cursor.idx ?? undefined;
