// Services take texts up to a length: what is longer is cut, never sent to be refused.

/** Cuts after `max` characters (code points); the last one is then "…". */
export function truncated(text: string, max: number): string {
  // Most texts are short: counting code points costs an array.
  if (text.length <= max) return text;
  const characters = [...text];
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join("")}…`;
}

/** Cuts after `max` UTF-16 units, never within a character. */
export function truncatedUnits(text: string, max: number): string {
  if (text.length <= max) return text;
  const cut = text.slice(0, max - 1);
  return `${/[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/** The longest beginning of `text` for which `fits`; with "…" when something is missing. */
export function longestFitting(text: string, fits: (part: string) => boolean): string {
  if (fits(text)) return text;
  let low = 1;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (fits(truncatedUnits(text, middle))) low = middle;
    else high = middle - 1;
  }
  return truncatedUnits(text, low);
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', nbsp: "\u00a0" };

/** What a reader of simple HTML sees. */
export function textOfHtml(html: string): string {
  return html
    .replaceAll(/<\/?[A-Za-z][^>]*>/g, "")
    .replaceAll(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([a-z]{2,6}));/g, (whole, decimal, hex, name) => {
      if (name !== undefined) return ENTITIES[name as string] ?? whole;
      const code = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : whole;
    });
}

export function escapedHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
