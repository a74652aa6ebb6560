// The Kubernetes API as far as discovery and the agent need it: lists in pages, and watches.
import type { ConfiguredHttp } from "../../http/configured-http.ts";
import type { KubeObject } from "./objects.ts";

/** The version that a list or watch was asked for is no longer kept: list anew. */
export class VersionGone extends Error {}

export interface WatchEvent {
  readonly type: string;
  readonly object: KubeObject & { readonly code?: number; readonly message?: string };
}

/** Objects in one answer; the server gives the rest by and by. */
const PAGE_SIZE = 500;
const LIST_TIMEOUT_MS = 60_000;
const LIST_BYTES_MAX = 128 * 2 ** 20;
/** A watched object that is larger than what etcd holds is none. */
const LINE_BYTES_MAX = 16 * 2 ** 20;
const NEWLINE = 10;
/** How long the server may take to end a watch after its time. */
const WATCH_GRACE_MS = 30_000;

export type Query = Readonly<Record<string, string>>;

export class KubernetesClient {
  constructor(
    private readonly server: string,
    private readonly http: ConfiguredHttp,
    private readonly userAgent: string,
    /** The representation that is asked for, such as that of metadata alone. */
    private readonly accept = "application/json",
  ) {}

  /**
   * All objects, a page at a time, so that never more than a page is held as it came; gives the version of the list. Throws
   * VersionGone when they changed too much while they were listed, and Error for other failures.
   */
  async list(
    path: string,
    query: Query,
    signal: AbortSignal,
    onItems: (items: readonly KubeObject[]) => void,
  ): Promise<string> {
    let next = "";
    do {
      const answer = await this.http.request({
        url: this.url(path, { ...query, limit: String(PAGE_SIZE), ...(next && { continue: next }) }),
        headers: this.headers(),
        timeoutMs: LIST_TIMEOUT_MS,
        bodyLimitBytes: LIST_BYTES_MAX,
        signal,
      });
      if (answer.status === 410) throw new VersionGone("the list is no longer kept");
      if (answer.status !== 200) throw new Error(statusText(answer.status, answer.body, path));
      const page = JSON.parse(answer.body.toString("utf8")) as {
        readonly items?: readonly KubeObject[];
        readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
      };
      onItems(page.items ?? []);
      next = page.metadata?.continue ?? "";
      if (!next) return page.metadata?.resourceVersion ?? "";
    } while (!signal.aborted);
    throw new Error("the list was called off");
  }

  /** Ends when the server ends it, about after `seconds`. Throws VersionGone, or Error for other failures. */
  async watch(
    path: string,
    query: Query,
    version: string,
    seconds: number,
    signal: AbortSignal,
    onEvent: (event: WatchEvent) => void,
  ): Promise<void> {
    const lines = new Lines((line) => {
      const event = JSON.parse(line.toString("utf8")) as WatchEvent;
      if (event.type !== "ERROR") onEvent(event);
      else if (event.object.code === 410) throw new VersionGone(event.object.message ?? "the version is too old");
      else throw new Error(`watch: ${event.object.message ?? "an error without words"}`);
    });
    const asked = {
      ...query,
      watch: "1",
      allowWatchBookmarks: "true",
      resourceVersion: version,
      timeoutSeconds: String(seconds),
    };
    const answer = await this.http.request({
      url: this.url(path, asked),
      headers: this.headers(),
      timeoutMs: seconds * 1000 + WATCH_GRACE_MS,
      bodyLimitBytes: 1024 * 1024,
      signal,
      onPart: (part) => lines.take(part),
    });
    if (answer.status === 410) throw new VersionGone("the version is too old");
    if (answer.status !== 200) throw new Error(statusText(answer.status, answer.body, path));
  }

  private url(path: string, query: Query): string {
    return `${this.server}${path}?${new URLSearchParams(query)}`;
  }

  private headers(): Record<string, string> {
    return { accept: this.accept, "user-agent": this.userAgent };
  }
}

/** What the server says of a refusal, such as which right is missing. */
function statusText(status: number, body: Buffer, path: string): string {
  let message = "";
  try {
    const parsed: unknown = JSON.parse(body.toString("utf8"));
    message = String((parsed as { readonly message?: unknown } | null)?.message ?? "");
  } catch {
    // No Status object: the number has to do.
  }
  return `${path}: the API server answered ${status}${message ? `: ${message}` : ""}`;
}

class Lines {
  private rest: Buffer[] = [];
  private restBytes = 0;

  constructor(private readonly onLine: (line: Buffer) => void) {}

  take(part: Buffer): void {
    let start = 0;
    for (let end = part.indexOf(NEWLINE); end >= 0; end = part.indexOf(NEWLINE, start)) {
      const line = Buffer.concat([...this.rest, part.subarray(start, end)]);
      this.rest = [];
      this.restBytes = 0;
      start = end + 1;
      if (line.length > 0) this.onLine(line);
    }
    this.restBytes += part.length - start;
    if (this.restBytes > LINE_BYTES_MAX) throw new Error(`watch: an object of more than ${LINE_BYTES_MAX} bytes`);
    if (start < part.length) this.rest.push(part.subarray(start));
  }
}
