// A page by way of a proxy.
import { SafeHttpError } from "../../kernel/safe-http.ts";
import type { ConfiguredHttp } from "../http/configured-http.ts";
import { FetchError } from "./fetch-error.ts";
import { BodyLimitError, PageBuffer } from "./page-buffer.ts";

export interface ProxiedRequest {
  readonly url: URL;
  readonly timeoutMs: number;
  readonly bodyLimitBytes: number;
  readonly signal: AbortSignal;
}

/** What came, as it came: `zipped` when it has to be unpacked. */
export interface ProxiedPage {
  readonly contentType: string;
  readonly contentEncoding: string;
  readonly body: PageBuffer;
}

/** Throws FetchError, BodyLimitError, or the error of a file that cannot be read. */
export async function fetchByProxy(
  http: ConfiguredHttp,
  request: ProxiedRequest,
  headers: Readonly<Record<string, string>>,
): Promise<ProxiedPage> {
  const { url, timeoutMs, bodyLimitBytes, signal } = request;
  try {
    const answer = await http.request({ url: url.href, headers, timeoutMs, bodyLimitBytes, signal });
    if (answer.status !== 200) throw new FetchError(`server returned HTTP status ${answer.status}`, "status");
    const body = new PageBuffer();
    body.append(answer.body, bodyLimitBytes);
    const header = (name: string) => String(answer.headers[name] ?? "");
    return { contentType: header("content-type"), contentEncoding: header("content-encoding"), body };
  } catch (error) {
    if (!(error instanceof SafeHttpError)) throw error;
    if (error.failure === "body-limit") throw new BodyLimitError(bodyLimitBytes);
    throw new FetchError(error.message, error.failure === "timeout" ? "timeout" : "connect");
  }
}
