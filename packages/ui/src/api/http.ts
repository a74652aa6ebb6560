// One way to the server: same origin, the session cookie, errors with what, why and what to do.

/** A failed request. `status` 0: the server did not answer. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly hint: string | undefined,
    readonly path: string,
    /** The answer's JSON, for callers that know more of its form. */
    readonly body?: unknown,
  ) {
    super(message);
  }
}

interface Options {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly json?: unknown;
  readonly form?: URLSearchParams;
  readonly signal?: AbortSignal;
}

export async function request(path: string, options: Options = {}): Promise<unknown> {
  const headers: Record<string, string> = { accept: "application/json" };
  let body: BodyInit | undefined;
  if (options.json !== undefined) {
    headers["content-type"] = "application/json";
    body = JSON.stringify(options.json);
  } else if (options.form) body = options.form;
  let response: Response;
  try {
    response = await fetch(path, {
      method: options.method ?? "GET",
      headers,
      body,
      credentials: "same-origin",
      signal: options.signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new RequestError(0, "", undefined, path);
  }
  const text = await response.text();
  const parsed = parseJson(text);
  if (!response.ok) throw failure(response.status, parsed, text, path);
  return parsed;
}

function parseJson(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads the error forms of all protocols that the server speaks: ours, Prometheus', Alertmanager's, Grafana's. */
function failure(status: number, body: unknown, text: string, path: string): RequestError {
  if (typeof body === "string") return new RequestError(status, body, undefined, path);
  const outer = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const inner =
    typeof outer.error === "object" && outer.error !== null ? (outer.error as Record<string, unknown>) : outer;
  const first = (...values: unknown[]) =>
    values.find((value): value is string => typeof value === "string" && value !== "");
  const message = first(inner.message, outer.error, outer.message, inner.title);
  return new RequestError(
    status,
    message ?? (text.length < 200 && !text.startsWith("<") ? text : ""),
    first(inner.hint, outer.hint),
    path,
    body,
  );
}
