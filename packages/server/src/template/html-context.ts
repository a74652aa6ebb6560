// Where in an HTML document a text ends: html/template's context automaton (states, attribute kinds, URL parts),
// run over the text as it is written. The writer escapes each value for the context that it falls into.

export type State =
  | "text"
  | "tag"
  | "attrName"
  | "afterName"
  | "beforeValue"
  | "htmlComment"
  | "rcdata"
  | "attr"
  | "url"
  | "srcset"
  | "js"
  | "jsDouble"
  | "jsSingle"
  | "jsTemplate"
  | "jsRegexp"
  | "jsBlockComment"
  | "jsLineComment"
  | "css"
  | "cssDouble"
  | "cssSingle"
  | "cssDoubleUrl"
  | "cssSingleUrl"
  | "cssUrl"
  | "cssBlockComment"
  | "cssLineComment";

export type Delimiter = "none" | "double" | "single" | "space";
export type UrlPart = "none" | "preQuery" | "query";
export type AttributeKind = "plain" | "url" | "style" | "script" | "srcset" | "scriptType";
export type Element = "none" | "script" | "style" | "textarea" | "title";

export interface Context {
  readonly state: State;
  readonly delimiter: Delimiter;
  readonly urlPart: UrlPart;
  /** What a slash means in a script: the start of a regular expression, or division. */
  readonly slash: "regexp" | "division";
  readonly attribute: AttributeKind;
  readonly element: Element;
}

export const START: Context = {
  state: "text",
  delimiter: "none",
  urlPart: "none",
  slash: "regexp",
  attribute: "plain",
  element: "none",
};

const SPACES = " \t\n\f\r";
const END_OF = { none: undefined, double: /"/, single: /'/, space: /[ \t\n\f\r>]/ } as const;
const ATTRIBUTE_STATES: Readonly<Record<AttributeKind, State>> = {
  plain: "attr",
  url: "url",
  style: "css",
  script: "js",
  srcset: "srcset",
  scriptType: "attr",
};
const CONTENT_STATES: Readonly<Record<Element, State>> = {
  none: "text",
  script: "js",
  style: "css",
  textarea: "rcdata",
  title: "rcdata",
};

export function isComment(state: State): boolean {
  return state === "htmlComment" || state.endsWith("Comment");
}

/** The context in which a value stands that follows `context`: a value can begin an attribute's name or value. */
export function beforeInsertion(context: Context): Context {
  switch (context.state) {
    case "tag":
      return { ...context, state: "attrName" };
    case "beforeValue":
      return { ...context, state: ATTRIBUTE_STATES[context.attribute], delimiter: "space", attribute: "plain" };
    case "afterName":
      return { ...context, state: "attrName", attribute: "plain" };
    default:
      return context;
  }
}

/** The context after some of `text`, and how much of it was read. */
export function advance(context: Context, text: string): { context: Context; read: number } {
  if (context.delimiter === "none") {
    const end = specialEnd(context, text);
    if (end === 0) return { context: START, read: 0 };
    return step(context, text.slice(0, end));
  }
  const end = text.search(END_OF[context.delimiter]!);
  if (end < 0) {
    let rest = unescapeHtml(text);
    let inner = context;
    while (rest !== "") {
      const moved = step(inner, rest);
      inner = moved.context;
      rest = rest.slice(Math.max(moved.read, moved.read === 0 ? 1 : 0));
    }
    return { context: inner, read: text.length };
  }
  const isForeignScript = context.attribute === "scriptType" && !isScriptType(text.slice(0, end));
  const element = isForeignScript ? "none" : context.element;
  return { context: { ...START, state: "tag", element }, read: context.delimiter === "space" ? end : end + 1 };
}

/** Where the end tag of a script, style, textarea or title begins; the text's length when it does not. */
function specialEnd(context: Context, text: string): number {
  if (context.element === "none" || ["tag", "attrName", "afterName", "beforeValue"].includes(context.state)) {
    return text.length;
  }
  const lower = text.toLowerCase();
  const mark = `</${context.element}`;
  for (let at = lower.indexOf(mark); at >= 0; at = lower.indexOf(mark, at + 1)) {
    const next = lower[at + mark.length];
    if (next === undefined || SPACES.includes(next) || next === ">" || next === "/") return at;
  }
  return text.length;
}

function step(context: Context, text: string): { context: Context; read: number } {
  switch (context.state) {
    case "text":
      return inText(context, text);
    case "tag":
      return inTag(context, text);
    case "attrName": {
      const end = attributeNameEnd(text, 0);
      return { context: end < text.length ? { ...context, state: "afterName" } : context, read: end };
    }
    case "afterName":
      return afterName(context, text);
    case "beforeValue":
      return beforeValue(context, text);
    case "htmlComment": {
      const end = text.indexOf("-->");
      return end < 0 ? { context, read: text.length } : { context: START, read: end + 3 };
    }
    case "rcdata":
    case "attr":
    case "srcset":
      return { context, read: text.length };
    case "url":
      return { context: inUrl(context, text), read: text.length };
    default:
      return context.state.startsWith("js") ? inScript(context, text) : inStyle(context, text);
  }
}

function inText(context: Context, text: string): { context: Context; read: number } {
  for (let from = 0; ; ) {
    const open = text.indexOf("<", from);
    if (open < 0 || open + 1 === text.length) return { context, read: text.length };
    if (text.startsWith("<!--", open)) return { context: { ...START, state: "htmlComment" }, read: open + 4 };
    const isEnd = text[open + 1] === "/";
    const start = isEnd ? open + 2 : open + 1;
    const name = /^[A-Za-z](?:[A-Za-z0-9]|[:-](?=[A-Za-z0-9]))*/.exec(text.slice(start))?.[0];
    if (name) {
      const lower = name.toLowerCase();
      const special = lower === "script" || lower === "style" || lower === "textarea" || lower === "title";
      const element: Element = special && !isEnd ? lower : "none";
      return { context: { ...START, state: "tag", element }, read: start + name.length };
    }
    if (start >= text.length) return { context, read: text.length };
    from = start;
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && SPACES.includes(text[at])) at++;
  return at;
}

function attributeNameEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && !` \t\n\f\r='"<>`.includes(text[at])) {
    if (text[at] === "/" && at === from) return at + 1;
    if (text[at] === "/") break;
    at++;
  }
  return at;
}

function inTag(context: Context, text: string): { context: Context; read: number } {
  const at = skipSpace(text, 0);
  if (at === text.length) return { context, read: at };
  if (text[at] === ">") {
    return { context: { ...START, state: CONTENT_STATES[context.element], element: context.element }, read: at + 1 };
  }
  const end = attributeNameEnd(text, at);
  // A stray quote or "=" where a name should be: skip it, as browsers do.
  if (end === at) return { context, read: at + 1 };
  if (text.slice(at, end) === "/") return { context, read: end };
  const name = text.slice(at, end).toLowerCase();
  const attribute = context.element === "script" && name === "type" ? "scriptType" : attributeKind(name);
  return { context: { ...context, state: end === text.length ? "attrName" : "afterName", attribute }, read: end };
}

function afterName(context: Context, text: string): { context: Context; read: number } {
  const at = skipSpace(text, 0);
  if (at === text.length) return { context, read: at };
  if (text[at] !== "=") return { context: { ...context, state: "tag", attribute: "plain" }, read: at };
  return { context: { ...context, state: "beforeValue" }, read: at + 1 };
}

function beforeValue(context: Context, text: string): { context: Context; read: number } {
  const at = skipSpace(text, 0);
  if (at === text.length) return { context, read: at };
  const delimiter = text[at] === '"' ? "double" : text[at] === "'" ? "single" : "space";
  const state = ATTRIBUTE_STATES[context.attribute];
  return { context: { ...context, state, delimiter }, read: delimiter === "space" ? at : at + 1 };
}

function inUrl(context: Context, text: string): Context {
  if (/[#?]/.test(text)) return { ...context, urlPart: "query" };
  return context.urlPart === "none" && text.trim() !== "" ? { ...context, urlPart: "preQuery" } : context;
}

const URL_ATTRIBUTES = new Set(
  "action archive background cite classid codebase data formaction href icon longdesc manifest poster profile src usemap xmlns".split(
    " ",
  ),
);

/** What an attribute's value is, from its name. */
export function attributeKind(rawName: string): AttributeKind {
  let name = rawName.toLowerCase();
  if (name.startsWith("data-")) name = name.slice(5);
  else if (name.includes(":")) {
    if (name.startsWith("xmlns:")) return "url";
    name = name.slice(name.indexOf(":") + 1);
  }
  if (name === "style") return "style";
  if (name === "srcset") return "srcset";
  if (URL_ATTRIBUTES.has(name)) return "url";
  if (name.startsWith("on")) return "script";
  return name.includes("src") || name.includes("uri") || name.includes("url") ? "url" : "plain";
}

function isScriptType(type: string): boolean {
  const name = type.split(";")[0].trim().toLowerCase();
  return (
    name === "" ||
    name === "module" ||
    /^(application|text)\/(x-)?(java|ecma|j|live)script(1\.[0-5])?$/.test(name) ||
    /^application\/(ld\+)?json$|^text\/json$/.test(name)
  );
}

function inScript(context: Context, text: string): { context: Context; read: number } {
  switch (context.state) {
    case "jsDouble":
      return inQuotes(context, text, '"', "js");
    case "jsSingle":
      return inQuotes(context, text, "'", "js");
    case "jsTemplate":
      return inQuotes(context, text, "`", "js");
    case "jsRegexp":
      return inRegexp(context, text);
    case "jsBlockComment":
      return untilMark(context, text, "*/", "js");
    case "jsLineComment":
      return untilLineEnd(context, text, /[\n\r\u2028\u2029]/, "js");
    default:
      break;
  }
  const at = text.search(/["'`/]/);
  if (at < 0) return { context: { ...context, slash: slashAfter(text, context.slash) }, read: text.length };
  const slash = slashAfter(text.slice(0, at), context.slash);
  const opened = { '"': "jsDouble", "'": "jsSingle", "`": "jsTemplate" } as const;
  const c = text[at];
  if (c !== "/") {
    return { context: { ...context, state: opened[c as '"' | "'" | "`"], slash: "regexp" }, read: at + 1 };
  }
  if (text[at + 1] === "/") return { context: { ...context, slash, state: "jsLineComment" }, read: at + 2 };
  if (text[at + 1] === "*") return { context: { ...context, slash, state: "jsBlockComment" }, read: at + 2 };
  if (slash === "regexp") return { context: { ...context, slash, state: "jsRegexp" }, read: at + 1 };
  return { context: { ...context, slash: "regexp" }, read: at + 1 };
}

const REGEXP_KEYWORDS = new Set(
  "break case continue delete do else finally in instanceof return throw try typeof void".split(" "),
);

/** What a slash after this script text would mean. */
function slashAfter(text: string, before: Context["slash"]): Context["slash"] {
  const trimmed = text.replace(/[\t\n\f\r \u2028\u2029]+$/, "");
  if (trimmed === "") return before;
  const c = trimmed[trimmed.length - 1];
  if (c === "+" || c === "-") {
    const run = /[+-]+$/.exec(trimmed)![0];
    let same = 0;
    while (same < run.length && run[run.length - 1 - same] === c) same++;
    return same % 2 === 1 ? "regexp" : "division";
  }
  if (c === ".") return /[0-9]\.$/.test(trimmed) ? "division" : "regexp";
  if (",<>=*%&|^?!~([:;{}".includes(c)) return "regexp";
  const word = /[A-Za-z0-9_$]+$/.exec(trimmed)?.[0];
  return word && REGEXP_KEYWORDS.has(word) ? "regexp" : "division";
}

function inQuotes(context: Context, text: string, mark: string, back: State): { context: Context; read: number } {
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === mark) {
      const slash = back === "js" ? "division" : context.slash;
      return { context: { ...context, state: back, slash, urlPart: "none" }, read: at + 1 };
    }
  }
  return { context, read: text.length };
}

function inRegexp(context: Context, text: string): { context: Context; read: number } {
  let inSet = false;
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (c === "\\") at++;
    else if (c === "[") inSet = true;
    else if (c === "]") inSet = false;
    else if (c === "/" && !inSet) return { context: { ...context, state: "js", slash: "division" }, read: at + 1 };
  }
  return { context, read: text.length };
}

function untilMark(context: Context, text: string, mark: string, back: State): { context: Context; read: number } {
  const end = text.indexOf(mark);
  return end < 0 ? { context, read: text.length } : { context: { ...context, state: back }, read: end + mark.length };
}

function untilLineEnd(context: Context, text: string, end: RegExp, back: State): { context: Context; read: number } {
  const at = text.search(end);
  return at < 0 ? { context, read: text.length } : { context: { ...context, state: back }, read: at };
}

function inStyle(context: Context, text: string): { context: Context; read: number } {
  switch (context.state) {
    case "cssDouble":
    case "cssDoubleUrl":
      return inStyleText(context, text, '"');
    case "cssSingle":
    case "cssSingleUrl":
      return inStyleText(context, text, "'");
    case "cssUrl":
      return inStyleText(context, text, " \t\n\f\r)");
    case "cssBlockComment":
      return untilMark(context, text, "*/", "css");
    case "cssLineComment":
      return untilLineEnd(context, text, /[\n\f\r]/, "css");
    default:
      break;
  }
  for (let from = 0; ; ) {
    const at = from + text.slice(from).search(/[("'/]/);
    if (at < from) return { context, read: text.length };
    const c = text[at];
    if (c === '"') return { context: { ...context, state: "cssDouble" }, read: at + 1 };
    if (c === "'") return { context: { ...context, state: "cssSingle" }, read: at + 1 };
    if (c === "/" && text[at + 1] === "/") return { context: { ...context, state: "cssLineComment" }, read: at + 2 };
    if (c === "/" && text[at + 1] === "*") return { context: { ...context, state: "cssBlockComment" }, read: at + 2 };
    if (c === "(" && /url[ \t\n\f\r]*$/i.test(text.slice(0, at))) {
      const start = skipSpace(text, at + 1);
      if (text[start] === '"') return { context: { ...context, state: "cssDoubleUrl" }, read: start + 1 };
      if (text[start] === "'") return { context: { ...context, state: "cssSingleUrl" }, read: start + 1 };
      return { context: { ...context, state: "cssUrl" }, read: start };
    }
    from = at + 1;
  }
}

function inStyleText(context: Context, text: string, ends: string): { context: Context; read: number } {
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (ends.includes(text[at])) return { context: { ...context, state: "css", urlPart: "none" }, read: at + 1 };
  }
  return { context: inUrl(context, text), read: text.length };
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };

/** The characters that an attribute's text stands for: numeric and the usual named entities. */
export function unescapeHtml(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]+));?/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
  });
}
