// Contextual HTML escaping, as html/template does it: each value is escaped for the place in which it stands.
import type { Writer } from "./executor.ts";
import { sprint } from "./format.ts";
import { advance, attributeKind, beforeInsertion, type Context, isComment, START } from "./html-context.ts";
import { escapeCss, escapeJsRegexp, escapeJsString, filterCss, scriptValue } from "./html-script.ts";
import type { TemplateValue } from "./interface.ts";
import { type SafeKind, SafeText } from "./values.ts";

/** Stands in the output where a value would have been dangerous. */
const REFUSED = "ZgotmplZ";

export class HtmlWriter implements Writer {
  private readonly parts: string[] = [];
  private context: Context = START;
  size = 0;

  result(): string {
    return this.parts.join("");
  }

  private emit(text: string): void {
    this.parts.push(text);
    this.size += text.length;
  }

  /** Text of the template: passes as it is, but without comments and with stray "<" escaped. */
  text(text: string): void {
    let at = 0;
    while (at < text.length) {
      const before = this.context;
      const { context: after, read } = advance(before, text.slice(at));
      this.emit(this.cleaned(before, after, text.slice(at, at + read)));
      this.context = after;
      at += read;
    }
  }

  private cleaned(before: Context, after: Context, part: string): string {
    let out = part;
    if (isComment(before.state) && before.delimiter === "none") {
      if (before.state === "jsBlockComment")
        return after.state === before.state ? "" : /[\n\r\u2028\u2029]/.test(part) ? "\n" : " ";
      if (before.state === "cssBlockComment") return after.state === before.state ? "" : " ";
      return "";
    }
    if (before.state !== after.state && isComment(after.state) && after.delimiter === "none") {
      out = out.slice(0, -(after.state === "htmlComment" ? 4 : 2));
    }
    if (before.state !== "text" && before.state !== "rcdata") return out;
    // The last "<" opened the tag that the context moved into; all others are text.
    const opened = after.state !== before.state && !isComment(after.state) ? out.lastIndexOf("<") : out.length;
    const literal = out.slice(0, opened).replace(/<(?!!doctype)/gi, "&lt;");
    return literal + out.slice(opened);
  }

  value(value: TemplateValue, escapedBy: string | undefined): void {
    const context = beforeInsertion(this.context);
    this.context = context.state === "js" ? { ...context, slash: "division" } : context;
    this.emit(escapeFor(context, value, escapedBy));
  }
}

interface Plain {
  readonly text: string;
  readonly kind: SafeKind | undefined;
}

function plain(value: TemplateValue): Plain {
  if (value instanceof SafeText) return { text: value.text, kind: value.kind };
  return { text: value == null ? "" : sprint([value]), kind: undefined };
}

function escapeFor(context: Context, value: TemplateValue, escapedBy: string | undefined): string {
  const inner = escapeState(context, value, escapedBy);
  if (context.delimiter === "none") return inner.text;
  const text = inner.kind === "HTML" ? stripTags(inner.text) : inner.text;
  const kept = inner.kind === "HTML";
  if (context.delimiter === "double" || context.delimiter === "single") return escapeMarkup(text, kept);
  return text === "" ? REFUSED : escapeUnquoted(text, kept);
}

function escapeState(context: Context, value: TemplateValue, escapedBy: string | undefined): Plain {
  const done = (text: string): Plain => ({ text, kind: undefined });
  const { text, kind } = plain(value);
  if (isComment(context.state)) return done("");
  switch (context.state) {
    case "text":
      return done(kind === "HTML" ? text : escapeMarkup(text, false));
    case "rcdata":
      return done(escapeMarkup(text, kind === "HTML"));
    case "url":
    case "cssUrl":
    case "cssDoubleUrl":
    case "cssSingleUrl":
      return done(escapeUrlPart(context, text, kind, escapedBy));
    case "cssDouble":
    case "cssSingle":
      if (context.urlPart === "query") return done(escapeUrl(text, kind === "URL"));
      return done(escapeCss(context.urlPart === "none" ? filterUrl(text, kind) : text));
    case "srcset":
      return done(filterSrcset(text, kind));
    case "js":
      return done(kind === "JS" ? text : scriptValue(value));
    case "jsDouble":
    case "jsSingle":
    case "jsTemplate":
      return done(escapeJsString(text));
    case "jsRegexp":
      return done(escapeJsRegexp(text));
    case "css":
      return done(kind === "CSS" ? text : (filterCss(text) ?? REFUSED));
    case "tag":
    case "attrName":
    case "afterName":
      return done(kind === "HTMLAttr" ? text : filterName(text));
    default:
      return { text, kind };
  }
}

function escapeUrlPart(
  context: Context,
  text: string,
  kind: SafeKind | undefined,
  escapedBy: string | undefined,
): string {
  if (escapedBy === "urlquery") return text;
  if (context.urlPart === "query") return escapeUrl(text, kind === "URL");
  return escapeUrl(context.urlPart === "none" ? filterUrl(text, kind) : text, true);
}

/** Only http, https, mailto and relative addresses. */
function filterUrl(text: string, kind: SafeKind | undefined): string {
  if (kind === "URL") return text;
  const colon = text.indexOf(":");
  const scheme = colon < 0 ? "" : text.slice(0, colon);
  const fine = colon < 0 || scheme.includes("/") || /^(https?|mailto)$/i.test(scheme);
  return fine ? text : `#${REFUSED}`;
}

/** Percent-encodes; `normalize` keeps reserved characters and encodings that are there already. */
function escapeUrl(text: string, normalize: boolean): string {
  const bytes = Buffer.from(text, "utf8");
  let out = "";
  for (let i = 0; i < bytes.length; i++) {
    const c = String.fromCharCode(bytes[i]);
    const isEncoded = c === "%" && /^%[0-9a-fA-F]{2}$/.test(bytes.toString("latin1", i, i + 3));
    const keep = /[A-Za-z0-9\-._~]/.test(c) || (normalize && (/[!#$&*+,/:;=?@[\]]/.test(c) || isEncoded));
    out += keep ? c : `%${bytes[i].toString(16).padStart(2, "0")}`;
  }
  return out;
}

function filterSrcset(text: string, kind: SafeKind | undefined): string {
  if (kind === "URL") return escapeUrl(text, true).replaceAll(",", "%2c");
  const parts = text.split(",").map((part) => {
    const [, lead, url, rest] = /^(\s*)(\S*)(.*)$/s.exec(part)!;
    const isSafe = filterUrl(url, undefined) === url && /^[\sA-Za-z0-9.]*$/.test(rest);
    return isSafe ? lead + escapeUrl(url, true) + rest : `#${REFUSED}`;
  });
  return parts.join(",");
}

function filterName(text: string): string {
  const lower = text.toLowerCase();
  const fine = lower !== "" && /^[a-z0-9]+$/.test(lower) && attributeKind(lower) === "plain";
  return fine ? lower : REFUSED;
}

const MARKUP: Readonly<Record<string, string>> = {
  "\0": "\ufffd",
  '"': "&#34;",
  "&": "&amp;",
  "'": "&#39;",
  "+": "&#43;",
  "<": "&lt;",
  ">": "&gt;",
};

/** `keepEntities`: an "&" of text that is HTML already stays. */
function escapeMarkup(text: string, keepEntities: boolean): string {
  return text.replace(/[\0"&'+<>]/g, (c) => (keepEntities && c === "&" ? c : MARKUP[c]));
}

function escapeUnquoted(text: string, keepEntities: boolean): string {
  return text.replace(/[\0\t\n\v\f\r "&'+<=>`]/g, (c) => {
    if (keepEntities && c === "&") return c;
    if (c === "\0") return "&#xfffd;";
    return MARKUP[c] ?? `&#${c.charCodeAt(0)};`;
  });
}

/** The text of an HTML fragment, for attributes. */
function stripTags(html: string): string {
  let out = "";
  let context: Context = START;
  for (let at = 0; at < html.length; ) {
    const { context: after, read } = advance(context, html.slice(at));
    if (context.state === "text" || context.state === "rcdata") {
      const part = html.slice(at, at + read);
      const cut = after.state === context.state ? part.length : part.lastIndexOf("<");
      out += part.slice(0, Math.max(cut, 0));
    }
    context = after;
    at += read;
    if (read === 0 && after.state !== "text") break;
  }
  return out;
}
