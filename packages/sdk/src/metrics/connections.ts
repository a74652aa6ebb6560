import type { IncomingMessage } from "node:http";
import type { Server } from "node:net";

/** Open client connections of the servers whose requests were seen. Costs nothing for each connection or request. */
export class OpenConnections {
  private readonly seen = new WeakSet<Server>();
  private servers: WeakRef<Server>[] = [];

  /** Servers may also be told before their first request. */
  watch(server: Server): void {
    if (this.seen.has(server)) return;
    this.seen.add(server);
    this.servers.push(new WeakRef(server));
  }

  /** Node notes on an accepted socket which server took it. */
  watchServerOf(request: IncomingMessage): void {
    const { server } = request.socket as { server?: Server };
    if (server !== undefined && !this.seen.has(server)) this.watch(server);
  }

  async count(): Promise<number> {
    this.servers = this.servers.filter((ref) => ref.deref() !== undefined);
    const counts = this.servers.map((ref) => connectionsOf(ref.deref()));
    return (await Promise.all(counts)).reduce((sum, n) => sum + n, 0);
  }
}

function connectionsOf(server: Server | undefined): Promise<number> {
  if (server === undefined || !server.listening) return Promise.resolve(0);
  return new Promise((resolve) => server.getConnections((error, count) => resolve(error ? 0 : count)));
}
