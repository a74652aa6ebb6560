// One Redis: connected once, asked at every scrape, left alone for a while when it does not answer.
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import type { Clock } from "@storewatch/model";
import { BackOff } from "../back-off.ts";
import { Families } from "../families.ts";
import type { Collector, CollectorDeps, MetricFamily } from "../interface.ts";
import { readSecretFile, withoutSecrets } from "../secrets.ts";
import { RedisConnection } from "./connection.ts";
import { addEmptyDatabases, addField, addInfo, parseInfo, sectionOf } from "./info.ts";
import { addKeys } from "./keys.ts";
import { SETTINGS } from "./names.ts";
import { RedisError, type RedisReply } from "./resp.ts";
import type { RedisSection } from "./section.ts";

/** The agent's own limit is later than the section's, so that `redis_up 0` is told in time. */
const RUNNER_MARGIN_MS = 1_000;

export class RedisCollector implements Collector {
  readonly name = "redis";
  readonly timeoutMs: number;
  private readonly backOff: BackOff;
  private readonly clock: Clock;
  private connection: RedisConnection | undefined;
  private scrapes = 0;
  private readonly told = new Map<string, string>();
  /** Kept to take them out of messages. */
  private secrets: ReadonlyArray<string | undefined> = [];

  constructor(
    private readonly section: RedisSection,
    private readonly deps: CollectorDeps,
  ) {
    this.clock = deps.clock;
    this.timeoutMs = section.timeout + RUNNER_MARGIN_MS;
    this.backOff = new BackOff(deps.clock, { firstMs: 1_000, maxMs: 30_000 });
  }

  async collect(signal: AbortSignal): Promise<readonly MetricFamily[]> {
    const startMs = this.clock.monotonicMs();
    this.scrapes++;
    const limit = new AbortController();
    const { timeout } = this.section;
    const timer = this.clock.setTimer(timeout, () => limit.abort(new Error(`no answer within ${timeout / 1000} s`)));
    const ended = AbortSignal.any([signal, limit.signal]);
    const stop = () => this.connection?.end(ended.reason);
    ended.addEventListener("abort", stop, { once: true });
    let out = new Families();
    let problem = this.backOff.refusal();
    const isLeftAlone = problem !== undefined;
    try {
      if (!isLeftAlone) await this.look(out, ended);
    } catch (error) {
      problem = withoutSecrets(error, this.secrets);
      this.connection?.end(new Error("the look failed"));
      this.connection = undefined;
      this.backOff.failed(problem);
      out = new Families();
    } finally {
      timer.cancel();
      ended.removeEventListener("abort", stop);
    }
    if (problem === undefined) this.backOff.succeeded();
    this.tell(problem);
    this.addSelf(out, problem, (this.clock.monotonicMs() - startMs) / 1000);
    return out.list();
  }

  async close(): Promise<void> {
    this.connection?.end(new Error("the agent stops"));
  }

  private async look(out: Families, signal: AbortSignal): Promise<void> {
    const { clock } = this;
    const connectMs = clock.monotonicMs();
    const connection = await this.connect(signal);
    const connectSeconds = (clock.monotonicMs() - connectMs) / 1000;
    const name = "redis_exporter_last_scrape_connect_time_seconds";
    out.gauge(name, "exporter_last_scrape_connect_time_seconds metric", connectSeconds);
    const [info, settings, slowlog, slowest, latency] = await Promise.all([
      connection.must("INFO", "ALL"),
      readSettings(connection),
      connection.ask("SLOWLOG", "LEN"),
      connection.ask("SLOWLOG", "GET", "1"),
      connection.ask("LATENCY", "LATEST"),
    ]);
    if (typeof info !== "string") throw new Error("INFO gave no text");
    const sections = parseInfo(info);
    addInfo(out, sections);
    const uptime = Number(sectionOf(sections, "Server").get("uptime_in_seconds"));
    const start = Math.floor(clock.nowMs() / 1000) - uptime;
    if (Number.isFinite(start)) {
      out.gauge("redis_start_time_seconds", "Start time of the Redis instance since unix epoch in seconds.", start);
    }
    const isCluster = sectionOf(sections, "Cluster").get("cluster_enabled") === "1";
    addSettings(out, settings, sectionOf(sections, "Keyspace"), isCluster);
    addSlowlog(out, slowlog, slowest);
    addLatencyEvents(out, latency);
    if (isCluster) await addCluster(out, connection);
    try {
      await addKeys(out, connection, this.section);
    } catch (error) {
      // What the user may not do takes nothing from the rest.
      if (!(error instanceof RedisError)) throw error;
      this.tellOnce("keys", withoutSecrets(error, this.secrets), "keys cannot be counted");
    }
  }

  private async connect(signal: AbortSignal): Promise<RedisConnection> {
    if (this.connection?.isOpen) return this.connection;
    const { section, deps } = this;
    const { url } = section;
    const fileSecret =
      section.password_file === undefined ? undefined : readSecretFile(deps.resolve(section.password_file));
    const password = fileSecret ?? section.password ?? url.password;
    this.secrets = [password, section.password, url.password];
    const connection = await RedisConnection.open({ ...url, tls: url.isTls ? this.tlsOptions() : undefined }, signal);
    this.connection = connection;
    const username = section.username ?? url.username;
    if (password !== undefined) {
      await connection.must("AUTH", ...(username === undefined ? [] : [username]), password);
    }
    await connection.ask("CLIENT", "SETNAME", "storewatch_agent");
    return connection;
  }

  private tlsOptions(): ConnectionOptions {
    const { tls, url } = this.section;
    const read = (name: string | undefined) => (name === undefined ? undefined : readFileSync(this.deps.resolve(name)));
    return {
      ca: read(tls.ca),
      cert: read(tls.cert),
      key: read(tls.key),
      rejectUnauthorized: !tls.insecure_skip_verify,
      // An address is no server name: its certificate is checked against the address itself.
      servername: tls.server_name ?? (/^[\d.]+$|:/.test(url.host) ? undefined : url.host),
      minVersion: "TLSv1.2",
    };
  }

  private addSelf(out: Families, problem: string | undefined, seconds: number): void {
    const isUp = problem === undefined;
    out.gauge("redis_up", "Information about the Redis instance", isUp ? 1 : 0);
    out.gauge("redis_exporter_last_scrape_error", "The last scrape error status.", isUp ? 0 : 1, {
      err: problem ?? "",
    });
    const name = "redis_exporter_last_scrape_duration_seconds";
    out.gauge(name, "exporter_last_scrape_duration_seconds metric", seconds);
    out.counter("redis_exporter_scrapes_total", "Current total redis scrapes.", this.scrapes);
  }

  private tell(problem: string | undefined): void {
    if (problem === undefined && this.told.delete("look")) {
      this.deps.logger.info({ address: this.address() }, "Redis answers again");
    } else if (problem !== undefined) this.tellOnce("look", problem, "Redis cannot be asked");
  }

  /** A trouble that lasts is one line. */
  private tellOnce(subject: string, problem: string, message: string): void {
    if (this.told.get(subject) === problem) return;
    this.told.set(subject, problem);
    this.deps.logger.warn({ address: this.address(), problem }, message);
  }

  private address(): string {
    const { host, port, path } = this.section.url;
    return path ?? `${host}:${port}`;
  }
}

/** Each by its name: `CONFIG GET *` would also fetch passwords. Refused or renamed (managed servers): not there. */
async function readSettings(connection: RedisConnection): Promise<ReadonlyMap<string, number>> {
  const replies = await Promise.all([...SETTINGS, DATABASES].map((name) => connection.ask("CONFIG", "GET", name)));
  const settings = new Map<string, number>();
  for (const reply of replies) {
    if (!Array.isArray(reply) || reply.length !== 2) continue;
    const value = Number(reply[1]);
    if (!Number.isNaN(value)) settings.set(String(reply[0]), value);
  }
  return settings;
}

const DATABASES = "databases";
const DATABASES_MAX = 1024;

function addSettings(
  out: Families,
  settings: ReadonlyMap<string, number>,
  keyspace: ReadonlyMap<string, string>,
  isCluster: boolean,
): void {
  for (const setting of SETTINGS) {
    const value = settings.get(setting);
    const name = `config_${setting.replaceAll("-", "_")}`;
    if (value !== undefined) out.gauge(`redis_${name}`, `${name} metric`, value);
  }
  const databases = isCluster ? 1 : (settings.get(DATABASES) ?? 0);
  addEmptyDatabases(out, Math.min(databases, DATABASES_MAX), keyspace);
}

function addSlowlog(out: Families, length: RedisReply, slowest: RedisReply): void {
  if (typeof length === "number") out.gauge("redis_slowlog_length", "Total slowlog", length);
  if (!Array.isArray(slowest)) return;
  const entry: unknown = slowest[0];
  const [id, , micros]: readonly unknown[] = Array.isArray(entry) ? entry : [0, 0, 0];
  out.gauge("redis_slowlog_last_id", "Last id of slowlog", Number(id));
  const help = "The amount of time needed for last slow execution, in seconds";
  out.gauge("redis_last_slow_execution_duration_seconds", help, Number(micros) / 1e6);
}

function addLatencyEvents(out: Families, reply: RedisReply): void {
  if (!Array.isArray(reply)) return;
  for (const event of reply as readonly RedisReply[]) {
    if (!Array.isArray(event)) continue;
    const [name, seconds, milliseconds] = event as readonly RedisReply[];
    const labels = { event_name: String(name) };
    out.gauge("redis_latency_spike_last", "When the latency spike last occurred", Number(seconds), labels);
    const help = "Length of the last latency spike in seconds";
    out.gauge("redis_latency_spike_duration_seconds", help, Number(milliseconds) / 1000, labels);
  }
}

async function addCluster(out: Families, connection: RedisConnection): Promise<void> {
  const text = await connection.ask("CLUSTER", "INFO");
  if (typeof text !== "string") return;
  for (const { fields } of parseInfo(text)) for (const [field, value] of fields) addField(out, field, value);
}
