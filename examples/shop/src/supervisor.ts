// Starts the example's processes (payment providers, shop, traffic), restarts what dies, deploys new versions and leaves
// nothing behind.
import { type ChildProcess, fork } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { FromProviders, FromService, ToProviders } from "./messages.ts";
import type { ServiceArguments } from "./service.ts";
import type { TrafficArguments } from "./traffic.ts";

export interface SupervisorOptions {
  readonly host: string;
  readonly port: number;
  /** undefined: the one after `port`, or a free one when that is taken. */
  readonly metricsPort?: number;
  /** Requests a second; 0 starts no traffic. */
  readonly rate: number;
  readonly seed: number;
  readonly version: string;
  readonly databaseFile: string;
  readonly logLevel: string;
  /** Time between "not ready" and closing when the service stops, ms; a balancer needs some. */
  readonly shutdownNoticeMs: number;
  /** The folder of the built entries. */
  readonly entries: string;
}

export interface Running {
  readonly url: string;
  readonly metricsUrl: string;
  readonly providers: Readonly<Record<string, string>>;
}

const RESTART_FIRST_MS = 1000;
const RESTART_LONGEST_MS = 30_000;
/** A process that lived this long has its back-off forgotten. */
const STEADY_MS = 60_000;
/** Beside the service's notice: what its requests and connections get to end. */
const STOP_PATIENCE_MS = 4000;

interface Kept {
  child: ChildProcess;
  startedMs: number;
  backoffMs: number;
}

export class Supervisor {
  private readonly kept = new Map<string, Kept>();
  private providers: Record<string, string> = {};
  private ports: Readonly<Record<string, number>> = {};
  private version: string;
  private stopping = false;
  private port: number;
  private metricsPort: number | undefined;

  constructor(private readonly options: SupervisorOptions) {
    this.version = options.version;
    this.port = options.port;
    this.metricsPort = options.metricsPort;
  }

  /** Rejects with one clear line when the shop cannot start. */
  async start(): Promise<Running> {
    await this.startProviders();
    await this.startService();
    const url = this.urlOf(this.port);
    if (this.options.rate > 0) this.startTraffic(url);
    return { url, metricsUrl: `${this.urlOf(this.metricsPort ?? 0)}/metrics`, providers: this.providers };
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const children = [...this.kept.values()].map((kept) => kept.child);
    await Promise.all(children.map((child) => this.end(child)));
  }

  private async startProviders(): Promise<void> {
    // After a crash they come back on the ports that the shop knows.
    const child = this.keep("providers", () => this.launch("providers", this.ports));
    const ready = await firstReady<FromProviders>(child);
    this.ports = ready.ports;
    for (const [name, port] of Object.entries(ready.ports)) this.providers[name] = `http://127.0.0.1:${port}`;
  }

  private async startService(): Promise<void> {
    const child = this.keep("service", () => this.launchService());
    const ready = await firstReady<FromService>(child);
    this.port = ready.port;
    // Kept over restarts, so that who scrapes finds it again.
    this.metricsPort = ready.metricsPort;
  }

  private launchService(): ChildProcess {
    const { host, databaseFile, logLevel, shutdownNoticeMs } = this.options;
    const { providers, version, port, metricsPort } = this;
    const where = { host, port, ...(metricsPort === undefined ? {} : { metricsPort }) };
    const argument: ServiceArguments = { ...where, databaseFile, version, providers, logLevel, shutdownNoticeMs };
    const child = this.launch("service", argument, instrumentFlags(this.options.entries));
    child.on("message", (message: FromService) => {
      if (message.kind === "deploy") this.deploy(message.version);
      if (message.kind === "provider") this.tellProviders(message);
    });
    // Faults end with the process that they were switched on in; the providers' must too.
    child.on("exit", () => this.tellProviders({ kind: "all-up" }));
    return child;
  }

  private startTraffic(url: string): void {
    const { rate, seed, logLevel } = this.options;
    const argument: TrafficArguments = { url, rate, seed, logLevel };
    this.keep("traffic", () => this.launch("traffic", argument));
  }

  private deploy(version: string): void {
    const kept = this.kept.get("service");
    if (!kept || this.stopping) return;
    this.version = version;
    // No back-off: the exit is wanted, and the next start follows at once.
    kept.backoffMs = 0;
    void this.end(kept.child);
  }

  private tellProviders(message: ToProviders): void {
    const child = this.kept.get("providers")?.child;
    if (child?.connected) child.send(message, () => {});
  }

  private urlOf(port: number): string {
    const { host } = this.options;
    const reachable = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
    return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
  }

  private end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      const force = setTimeout(() => child.kill("SIGKILL"), STOP_PATIENCE_MS + this.options.shutdownNoticeMs);
      child.once("exit", () => {
        clearTimeout(force);
        resolve();
      });
      child.kill("SIGTERM");
    });
  }

  private launch(entry: string, argument: object, execArgv: readonly string[] = []): ChildProcess {
    const script = path.join(this.options.entries, `${entry}.js`);
    return fork(script, [JSON.stringify(argument)], { stdio: "inherit", execArgv: [...execArgv] });
  }

  /** Starts a process and starts it again, after a growing pause, whenever it ends. */
  private keep(name: string, launch: () => ChildProcess): ChildProcess {
    const child = launch();
    const kept = this.kept.get(name) ?? { child, startedMs: 0, backoffMs: RESTART_FIRST_MS };
    kept.child = child;
    kept.startedMs = performance.now();
    this.kept.set(name, kept);
    child.once("exit", () => {
      if (this.stopping) return;
      if (performance.now() - kept.startedMs > STEADY_MS && kept.backoffMs > 0) kept.backoffMs = RESTART_FIRST_MS;
      setTimeout(() => !this.stopping && this.keep(name, launch), kept.backoffMs);
      kept.backoffMs = Math.min(RESTART_LONGEST_MS, Math.max(RESTART_FIRST_MS, kept.backoffMs * 2));
    });
    return child;
  }
}

/** Errors and traces are only loaded where there is somewhere to send them to. */
function instrumentFlags(entries: string): string[] {
  const { SENTRY_DSN, OTEL_EXPORTER_OTLP_ENDPOINT } = process.env;
  if (!SENTRY_DSN && !OTEL_EXPORTER_OTLP_ENDPOINT) return [];
  return ["--import", pathToFileURL(path.join(entries, "instrument.js")).href];
}

/** The child's ready message; rejects when it says that it failed, or ends before. */
function firstReady<M extends { kind: string }>(child: ChildProcess): Promise<Extract<M, { kind: "ready" }>> {
  return new Promise((resolve, reject) => {
    child.on("message", (message: M & { message?: string }) => {
      if (message.kind === "ready") resolve(message as unknown as Extract<M, { kind: "ready" }>);
      if (message.kind === "failed") reject(new Error(message.message));
    });
    child.once("exit", (code, signal) => reject(new Error(`ended before it was ready (${signal ?? `exit ${code}`})`)));
  });
}
