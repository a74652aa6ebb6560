// The address of a request as a line may show it.
import type { Redactor } from "./redaction/redactor.ts";
import { GONE } from "./redaction/text-rules.ts";

const URL_CHARS_MAX = 2048;

/** Values of secret names are masked, and in the others whatever the redactor finds. Never throws. */
export function shownUrl(url: string, redactor: Redactor): string {
  const short = url.length > URL_CHARS_MAX ? url.slice(0, URL_CHARS_MAX) : url;
  const at = short.indexOf("?");
  if (at < 0) return redactor.text(short);
  const query = short.slice(at + 1).split("&");
  return `${redactor.text(short.slice(0, at))}?${query.map((pair) => shownPair(pair, redactor)).join("&")}`;
}

function shownPair(pair: string, redactor: Redactor): string {
  const at = pair.indexOf("=");
  if (at < 0) return redactor.text(pair);
  const name = plain(pair.slice(0, at));
  // `filter[password]=…`: the last name counts as well.
  const inner = name.replace(/]$/, "").split("[").at(-1) ?? "";
  if (redactor.isSecret(name) || redactor.isSecret(inner)) return `${pair.slice(0, at)}=${GONE}`;
  const value = pair.slice(at + 1);
  const decoded = plain(value);
  // A mask only shows where something was found: other values stay as they were sent.
  const clean = redactor.text(decoded);
  return clean === decoded ? pair : `${pair.slice(0, at)}=${encodeURI(clean)}`;
}

function plain(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
