// The catalogue of errors that users and clients see: a stable code, the HTTP status, what happened, what to do.
// `{name}` in a text is filled from the error's parameters.

interface CatalogueEntry {
  readonly status: number;
  readonly message: string;
  readonly hint?: string;
}

export const ERRORS = {
  BAD_REQUEST: { status: 400, message: "{reason}" },
  AUTH_REQUIRED: {
    status: 401,
    message: "this needs a credential",
    hint: "send `Authorization: Bearer TOKEN`, or Basic with the token as password",
  },
  AUTH_INVALID: { status: 401, message: "the credential is not valid", hint: "it may be mistyped, revoked or expired" },
  AUTH_SIGN_IN: { status: 401, message: "the name, password or token is not right" },
  AUTH_LINK_USED: {
    status: 401,
    message: "this sign-in link was used already or is older than 10 minutes",
    hint: "start anew for another link, or sign in with a token",
  },
  FORBIDDEN: { status: 403, message: "the role {role} may not do this: it needs {needed}" },
  TENANT_FORBIDDEN: { status: 403, message: "the credential is not valid for shop {tenant}" },
  RULES_SHARED: {
    status: 403,
    message: "rules see all shops: a credential for some of them can neither read their texts nor change them",
  },
  HOST_FORBIDDEN: {
    status: 403,
    message: "the Host header names another server",
    hint: "add the name to allowed_hosts in storewatch.yml",
  },
  ORIGIN_FORBIDDEN: { status: 403, message: "a change from another site was refused" },
  NOT_FOUND: { status: 404, message: "there is no {what}" },
  CONFLICT: { status: 409, message: "{reason}" },
  CHANGED: { status: 412, message: "{reason}", hint: "load it again and repeat the change" },
  RULES_INVALID: { status: 422, message: "the rules cannot be used", hint: "see `findings`" },
  BODY_TOO_LARGE: { status: 413, message: "the body is larger than {limit} bytes" },
  MEDIA_TYPE: { status: 415, message: "the content type is not supported" },
  TOO_MANY_SIGN_INS: { status: 429, message: "too many attempts to sign in", hint: "try again in {seconds} s" },
  LIMIT: { status: 429, message: "{reason}", hint: "try again in {seconds} s" },
  INTERNAL: { status: 500, message: "an error inside Storewatch", hint: "the log has it under request id {requestId}" },
  UNAVAILABLE: { status: 503, message: "{reason}" },
  STREAMS_FULL: { status: 503, message: "too many live connections", hint: "close other tabs, or reload later" },
  RELOAD_FAILED: { status: 500, message: "the configuration was not reloaded: {reason}" },
  PORT_TAKEN: { status: 500, message: "{address} is in use by another program", hint: "choose another with --listen" },
  LISTEN_FAILED: { status: 500, message: "cannot listen on {address}: {reason}" },
  DATA_UNWRITABLE: { status: 500, message: "cannot write to the data directory {dir}: {reason}" },
  DATA_IN_USE: { status: 500, message: "the data directory {dir} is in use by another Storewatch (process {pid})" },
  DATA_NEWER: {
    status: 500,
    message: "{file} was written by a newer Storewatch (format {found}, this one knows {known})",
    hint: "start that version, or restore a backup",
  },
  DATA_DAMAGED: {
    status: 500,
    message: "{file} is damaged: {reason}",
    hint: "restore it from a backup, or move it away ({loss})",
  },
  TLS_FILES: { status: 500, message: "cannot use the TLS files: {reason}" },
} as const satisfies Readonly<Record<string, CatalogueEntry>>;

export type ErrorCode = keyof typeof ERRORS;

type Words<T extends string> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Words<Rest> : never;
type TextsOf<C extends ErrorCode> =
  | (typeof ERRORS)[C]["message"]
  | ((typeof ERRORS)[C] extends { readonly hint: infer H extends string } ? H : never);
/** The words that the texts of this code have places for. */
export type ErrorParams<C extends ErrorCode> = Readonly<Record<Words<TextsOf<C>>, string | number>>;

/** An operational error of the catalogue: handled, shown, counted; never our bug. */
export class StorewatchError<C extends ErrorCode = ErrorCode> extends Error {
  readonly status: number;
  readonly hint: string | undefined;
  /** Whole seconds for a Retry-After header, where the error has them. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly code: C,
    params: ErrorParams<C>,
    options?: ErrorOptions,
  ) {
    const entry: CatalogueEntry = ERRORS[code];
    super(fill(entry.message, params), options);
    this.status = entry.status;
    this.hint = entry.hint === undefined ? undefined : fill(entry.hint, params);
    const seconds = (params as Readonly<Record<string, unknown>>).seconds;
    this.retryAfterSeconds = typeof seconds === "number" ? Math.max(1, Math.ceil(seconds)) : undefined;
  }
}

function fill(text: string, params: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

/** For our own bugs: on in production, fails the one request or task. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`BUG: ${message}`);
}
