// What an Elasticsearch transport is told, and what it makes of it.

/** A line as it goes into the index: the fields of R-LOG.1 and whatever else was logged. */
export type LogDocument = Readonly<Record<string, unknown>>;

export interface ElasticsearchOptions {
  /** Where Elasticsearch (or what speaks its bulk API) listens, as `https://user:password@host:9200/prefix`. */
  readonly node: string;
  /** An API key as Elasticsearch shows it: base64 of `id:key`. Goes before `auth`, `bearer` and what the URL holds. */
  readonly apiKey?: string;
  readonly auth?: { readonly username: string; readonly password: string };
  readonly bearer?: string;
  /** The most verbose level that is shipped. Default: the logger's. */
  readonly level?: string;
  /** The index of a line. What it throws, or a name that no index may have, leads to the default's. */
  readonly index?: (line: LogDocument, date: Date) => string;
  /** Lines are collected this long before they are sent. Default 2000 ms. */
  readonly flushIntervalMs?: number;
  /** Lines kept while the server is away. Default 10,000. */
  readonly maxBufferLines?: number;
  /** Bytes of lines kept while the server is away. Default 16 MB. */
  readonly maxBufferBytes?: number;
  /** A request without an answer is given up after this. Default 10,000 ms. */
  readonly requestTimeoutMs?: number;
  /** gzip of what is sent. Default false. */
  readonly compress?: boolean;
  /** Certificates (PEM) of an authority that signed the server's, beside none of the built-in ones. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
}

export interface Target {
  /** The bulk end point, without credentials. */
  readonly url: URL;
  /** As people may read it: no credentials, no query. */
  readonly shown: string;
  readonly authorization: string | undefined;
}

/** @throws TypeError for an address that is none; its text holds no password. */
export function targetOf(options: ElasticsearchOptions): Target {
  const url = URL.canParse(options.node) ? new URL(options.node) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new TypeError("elasticsearch.node: expected an address like https://elasticsearch:9200");
  }
  const inUrl = url.username === "" ? undefined : { username: plain(url.username), password: plain(url.password) };
  url.username = "";
  url.password = "";
  url.search = "";
  url.hash = "";
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/_bulk`;
  const shown = url.href;
  url.searchParams.set("filter_path", "errors,items.*.status,items.*.error.type,items.*.error.reason");
  return { url, shown, authorization: authorizationOf(options, inUrl) };
}

function authorizationOf(options: ElasticsearchOptions, inUrl: ElasticsearchOptions["auth"]): string | undefined {
  if (options.apiKey) return `ApiKey ${headerSafe("apiKey", options.apiKey)}`;
  if (options.bearer) return `Bearer ${headerSafe("bearer", options.bearer)}`;
  const auth = options.auth ?? inUrl;
  if (auth === undefined) return undefined;
  return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString("base64")}`;
}

// Keys read from files end in a line feed; anything else that no header may hold is a mistake to be told at the start.
function headerSafe(name: string, value: string): string {
  const text = value.trim();
  if (!/^[\x21-\x7e]+$/.test(text)) throw new TypeError(`elasticsearch.${name}: holds characters that no key has`);
  return text;
}

function plain(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** A number of a setting: whole, from `min` up. @throws RangeError */
export function setting(name: string, value: number | undefined, otherwise: number, min = 1): number {
  if (value === undefined) return otherwise;
  if (!Number.isFinite(value) || value < min) throw new RangeError(`elasticsearch.${name}: expected ${min} or more`);
  return Math.floor(value);
}
