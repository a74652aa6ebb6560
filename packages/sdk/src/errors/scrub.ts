// What leaves for the error tracker carries no secrets and no customers' data, whatever the tracker's own defaults are.
import { Redactor } from "../logs/redaction/redactor.ts";
import { GONE } from "../logs/redaction/text-rules.ts";
import { withoutValues } from "../metrics/slow.ts";

/** Request headers that help to understand an error and name nobody. */
const HEADERS = new Set(["host", "user-agent", "accept", "content-type", "content-length", "x-request-id"]);
const URL_QUERY = /(\bhttps?:\/\/[^\s?#"']{1,2048})[?#][^\s"']*/gi;
/** As for log lines; a tracker gets no URL's query at all. */
const redactor = new Redactor({ also: (text) => text.replace(URL_QUERY, "$1") });

/** Text as it may be sent: without passwords, tokens, cards, e-mail addresses and URLs' queries. */
export function scrubText(text: string): string {
  return redactor.text(text);
}

/** A copy of plain data without secrets; bounded in depth and size, because anybody may attach anything. */
export function scrubData(data: unknown): unknown {
  return redactor.fields(data);
}

/** The parts of an event that can carry what nobody is to see; the form that all versions of the client share. */
interface EventParts {
  message?: string | undefined;
  logentry?: unknown;
  transaction?: string | undefined;
  request?:
    | {
        url?: string | undefined;
        query_string?: unknown;
        cookies?: unknown;
        data?: unknown;
        env?: unknown;
        headers?: { [name: string]: string } | undefined;
      }
    | undefined;
  user?: { [name: string]: unknown } | undefined;
  exception?: { values?: ExceptionPart[] | undefined } | undefined;
  breadcrumbs?: BreadcrumbPart[] | undefined;
  extra?: { [name: string]: unknown } | undefined;
  contexts?: { [name: string]: unknown } | undefined;
  spans?: SpanPart[] | undefined;
}

interface ExceptionPart {
  value?: string | undefined;
  stacktrace?: { frames?: { vars?: unknown }[] | undefined } | undefined;
}

interface BreadcrumbPart {
  message?: string | undefined;
  data?: { [name: string]: unknown } | undefined;
}

interface SpanPart {
  description?: string | undefined;
  op?: string | undefined;
  data?: { [name: string]: unknown } | undefined;
}

/** Cleans an event in place: cookies, headers, bodies, query strings, e-mail addresses, secrets in texts and data. */
export function scrubEvent<E extends object>(event: E): E {
  const parts = event as EventParts;
  if (parts.message !== undefined) parts.message = scrubText(parts.message);
  if (parts.logentry !== undefined) parts.logentry = scrubData(parts.logentry);
  if (parts.transaction !== undefined) parts.transaction = withoutQuery(parts.transaction);
  scrubRequest(parts);
  if (parts.user !== undefined) parts.user = parts.user.id === undefined ? {} : { id: parts.user.id };
  for (const exception of parts.exception?.values ?? []) {
    if (exception.value !== undefined) exception.value = scrubText(exception.value);
    for (const frame of exception.stacktrace?.frames ?? []) delete frame.vars;
  }
  for (const crumb of parts.breadcrumbs ?? []) {
    if (crumb.message !== undefined) crumb.message = scrubText(crumb.message);
    if (crumb.data !== undefined) crumb.data = scrubAttributes(crumb.data);
  }
  if (parts.extra !== undefined) parts.extra = scrubData(parts.extra) as EventParts["extra"];
  for (const [name, context] of Object.entries(parts.contexts ?? {})) parts.contexts![name] = scrubContext(context);
  for (const span of parts.spans ?? []) {
    if (span.description !== undefined) span.description = spanName(span.description, span.op);
    if (span.data !== undefined) span.data = scrubAttributes(span.data);
  }
  return event;
}

function scrubRequest(parts: EventParts): void {
  const { request } = parts;
  if (request === undefined) return;
  for (const name of ["cookies", "data", "env", "query_string"] as const) delete request[name];
  if (request.url !== undefined) request.url = withoutQuery(request.url);
  const headers = Object.entries(request.headers ?? {}).filter(([name]) => HEADERS.has(name.toLowerCase()));
  request.headers = Object.fromEntries(headers.map(([name, value]) => [name, scrubText(String(value))]));
}

function scrubContext(context: unknown): unknown {
  if (typeof context !== "object" || context === null || !("data" in context)) return scrubData(context);
  const { data, ...rest } = context as { data: unknown };
  const clean =
    typeof data === "object" && data !== null ? scrubAttributes(data as Record<string, unknown>) : undefined;
  return { ...(scrubData(rest) as object), data: clean };
}

/** Cleans a finished span (`name` and `attributes`, the streamed form) in place. */
export function scrubSpan<S extends { name?: string; attributes?: object | undefined }>(span: S): S {
  const attributes = (span.attributes ?? {}) as Record<string, unknown>;
  if (span.name !== undefined) span.name = spanName(span.name, attributes["sentry.op"], attributes["db.system.name"]);
  (span as { attributes?: object }).attributes = scrubAttributes(attributes);
  return span;
}

/** A statement's span has the statement as its name; Redis' are a command and a server. */
function spanName(name: string, op: unknown, system?: unknown): string {
  return typeof op === "string" && op.startsWith("db") && system !== "redis"
    ? withoutValues(name)
    : scrubText(withoutQuery(name));
}

const PEOPLE =
  /^(?:user\.(?:email|name|full_name|ip_address)|client\.address|http\.client_ip|network\.peer\.address|net\.peer\.ip|net\.sock\.peer\.addr)$/;
const HEADER = /^http\.(?:request|response)\.header\.(.+?)(?:\..*)?$/;
const QUERY =
  /^(?:url\.query|http\.query|url\.fragment|http\.fragment|http\.request\.body\.data|db\.(?:query\.)?parameters?\b.*)$/;
const URL_LIKE = /^(?:url(?:\.full|\.path)?|http\.(?:url|target)|sentry\.segment\.name)$/;
const STATEMENT = /^db\.(?:statement|query\.text|query\.summary)$/;

/** Attributes of a span, or data of a breadcrumb: a copy without what names people, secrets, values and query strings. */
export function scrubAttributes(attributes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const clean: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (PEOPLE.test(name) || QUERY.test(name)) continue;
    const header = HEADER.exec(name)?.[1]?.replaceAll("_", "-");
    if (header !== undefined && !HEADERS.has(header)) continue;
    if (typeof value === "string" && STATEMENT.test(name)) clean[name] = statement(value, attributes);
    else if (typeof value === "string" && URL_LIKE.test(name)) clean[name] = scrubText(withoutQuery(value));
    else clean[name] = redactor.isSecret(name) ? GONE : scrubData(value);
  }
  return clean;
}

/** Of Redis the command alone: its keys are sessions and carts. */
function statement(text: string, attributes: Readonly<Record<string, unknown>>): string {
  const system = attributes["db.system.name"] ?? attributes["db.system"];
  return system === "redis" ? (/^\s*\S{0,32}/.exec(text)?.[0] ?? "").trim() : withoutValues(text);
}

function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, "");
}
