// An API server in the test's own process: lists in pages, watches with bookmarks, versions that are no longer kept.
// It answers as the real one does for what discovery asks; the objects are written in the shape that clusters give.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type KubeObject, keyOf } from "../objects.ts";

interface Change {
  readonly version: number;
  readonly type: string;
  readonly object: KubeObject;
}

interface Watch {
  readonly path: string;
  readonly response: ServerResponse;
}

export class FakeApi {
  readonly requests: Array<{ readonly path: string; readonly query: URLSearchParams; readonly token: string }> = [];
  /** Answers instead of the server when it gives a status. */
  intercept: (path: string, query: URLSearchParams) => number | undefined = () => undefined;
  pageSize = 500;
  /** Watches from before this version get 410. */
  private keptFrom = 0;
  private version = 100;
  private readonly objects = new Map<string, Map<string, KubeObject>>();
  private readonly changes = new Map<string, Change[]>();
  private readonly watches = new Set<Watch>();
  private server!: Server;

  static async start(): Promise<FakeApi> {
    const api = new FakeApi();
    api.server = createServer((request, response) => api.answer(request, response));
    await new Promise<void>((resolve) => api.server.listen(0, "127.0.0.1", resolve));
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get openWatches(): number {
    return this.watches.size;
  }

  /** `path`: of the list, such as /api/v1/pods. */
  put(path: string, object: KubeObject): void {
    const all = this.objects.get(path) ?? new Map<string, KubeObject>();
    this.objects.set(path, all);
    const type = all.has(keyOf(object)) ? "MODIFIED" : "ADDED";
    const stored = this.stamped(object);
    all.set(keyOf(object), stored);
    this.tell(path, type, stored);
  }

  remove(path: string, key: string): void {
    const object = this.objects.get(path)?.get(key);
    if (!object) throw new Error(`no ${key} in ${path}`);
    this.objects.get(path)?.delete(key);
    this.tell(path, "DELETED", this.stamped(object));
  }

  bookmark(path: string): void {
    this.version += 1;
    this.send(path, "BOOKMARK", { metadata: { resourceVersion: String(this.version) } });
  }

  /** Old versions are forgotten, as after a compaction: open watches are told, new ones refused. */
  compact(path: string): void {
    this.version += 1;
    this.keptFrom = this.version;
    this.send(path, "ERROR", { kind: "Status", code: 410, message: "too old resource version" } as KubeObject);
    this.endWatches();
  }

  endWatches(): void {
    for (const { response } of this.watches) response.end();
    this.watches.clear();
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private stamped(object: KubeObject): KubeObject {
    this.version += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.version) } };
  }

  private tell(path: string, type: string, object: KubeObject): void {
    const list = this.changes.get(path) ?? [];
    list.push({ version: this.version, type, object });
    this.changes.set(path, list);
    this.send(path, type, object);
  }

  private send(path: string, type: string, object: KubeObject): void {
    const line = `${JSON.stringify({ type, object })}\n`;
    // In two parts, because the network cuts where it likes.
    for (const watch of this.watches) {
      if (watch.path !== path) continue;
      watch.response.write(line.slice(0, 10));
      watch.response.write(line.slice(10));
    }
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "", "http://api");
    const { pathname: path, searchParams: query } = url;
    const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
    this.requests.push({ path, query, token });
    const status = this.intercept(path, query);
    if (status !== undefined) {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(
        JSON.stringify({ kind: "Status", status: "Failure", message: `refused with ${status}`, code: status }),
      );
    } else if (query.get("watch") === "1") this.watch(path, Number(query.get("resourceVersion")), response);
    else this.list(path, query, response);
  }

  private list(path: string, query: URLSearchParams, response: ServerResponse): void {
    const all = [...(this.objects.get(path)?.values() ?? [])];
    const from = Number(query.get("continue") ?? 0);
    const size = Math.min(this.pageSize, Number(query.get("limit") || 500));
    const rest = all.length - from - size;
    const metadata = { resourceVersion: String(this.version), ...(rest > 0 && { continue: String(from + size) }) };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ kind: "List", metadata, items: all.slice(from, from + size) }));
  }

  private watch(path: string, version: number, response: ServerResponse): void {
    if (version < this.keptFrom) {
      response.writeHead(410, { "content-type": "application/json" });
      response.end(JSON.stringify({ kind: "Status", code: 410, message: "too old resource version" }));
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    const watch = { path, response };
    this.watches.add(watch);
    response.on("close", () => this.watches.delete(watch));
    for (const change of this.changes.get(path) ?? []) {
      if (change.version > version) response.write(`${JSON.stringify(change)}\n`);
    }
  }
}
