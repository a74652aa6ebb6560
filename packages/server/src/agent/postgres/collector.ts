// One PostgreSQL: a connection kept from scrape to scrape, the built-in queries, then the custom ones.
import type { Clock } from "@storewatch/model";
import { BackOff } from "../back-off.ts";
import { Families } from "../families.ts";
import type { Collector, CollectorDeps, LabelValues, MetricFamily } from "../interface.ts";
import { withoutSecrets } from "../secrets.ts";
import { CustomQueries, PartlyShown } from "./custom-queries.ts";
import { addTable } from "./families.ts";
import { BUILT_IN } from "./queries.ts";
import type { PostgresSection, PostgresUrl } from "./section.ts";
import { passwordOf, Session } from "./session.ts";
import { addSettings } from "./settings.ts";
import { addStatements } from "./statements.ts";
import { USER_TABLE_BLOCKS, USER_TABLES } from "./tables.ts";

/** The agent's own limit is later than the section's, so that `pg_up 0` is told in time. */
const RUNNER_MARGIN_MS = 1_000;

/** A part of the look: what it gives, or why it gives nothing. */
interface Part {
  readonly name: string;
  readonly run: (out: Families) => Promise<void>;
}

export class PostgresCollector implements Collector {
  readonly name = "postgres";
  readonly timeoutMs: number;
  private readonly clock: Clock;
  private readonly backOff: BackOff;
  private readonly custom: CustomQueries;
  private session: Session | undefined;
  private scrapes = 0;
  /** Subject → the trouble that the log was told. */
  private readonly told = new Map<string, string>();
  /** Kept to take them out of messages. */
  private secrets: ReadonlyArray<string | undefined> = [];

  constructor(
    private readonly section: PostgresSection,
    private readonly deps: CollectorDeps,
  ) {
    this.clock = deps.clock;
    this.timeoutMs = section.timeout + RUNNER_MARGIN_MS;
    this.backOff = new BackOff(deps.clock, { firstMs: 1_000, maxMs: 30_000 });
    this.custom = new CustomQueries(section, deps.clock, deps.resolve);
  }

  async collect(signal: AbortSignal): Promise<readonly MetricFamily[]> {
    const startMs = this.clock.monotonicMs();
    this.scrapes++;
    const limit = new AbortController();
    const { timeout } = this.section;
    const timer = this.clock.setTimer(timeout, () => limit.abort(new Error(`not done within ${timeout / 1000} s`)));
    const ended = AbortSignal.any([signal, limit.signal]);
    const stop = () => this.session?.kill(ended.reason);
    ended.addEventListener("abort", stop, { once: true });
    const out = new Families();
    const own = new Families();
    let isUp = false;
    let failed = 0;
    try {
      const url = this.mustUrl();
      const session = await this.connect(url, ended);
      if (session) {
        isUp = true;
        failed = await this.look(session, { server: `${url.host}:${url.port}` }, out, own);
      }
    } catch (error) {
      this.tell("server", withoutSecrets(error, this.secrets), `PostgreSQL cannot be asked${this.where()}`);
    } finally {
      timer.cancel();
      ended.removeEventListener("abort", stop);
    }
    this.addSelf(own, isUp, failed, (this.clock.monotonicMs() - startMs) / 1000);
    return [...out.list(), ...own.list()];
  }

  async close(): Promise<void> {
    this.session?.end();
  }

  private where(): string {
    const url = this.section.url ?? this.custom.url;
    return url ? `: ${url.host}:${url.port}` : "";
  }

  private mustUrl(): PostgresUrl {
    const url = this.section.url ?? this.custom.url;
    if (url) return url;
    throw new Error("there is no address: set `url`, or `datasource.uri` in a file of queries");
  }

  /** The session that is open, or a new one; undefined while the server is left alone after a failure. */
  private async connect(url: PostgresUrl, signal: AbortSignal): Promise<Session | undefined> {
    const kept = this.session;
    if (kept?.isOpen) {
      try {
        await kept.query("SELECT 1");
        return kept;
      } catch {
        // The server was started again, or the way to it is gone: a new connection tells.
        kept.kill();
      }
    }
    if (this.backOff.refusal() !== undefined) return undefined;
    try {
      const options = { section: this.section, url, resolve: this.deps.resolve };
      this.secrets = [this.section.password, url.password];
      const password = passwordOf(options);
      this.secrets = [...this.secrets, password];
      this.session = await Session.open(options, password, signal);
    } catch (error) {
      this.backOff.failed("");
      throw error;
    }
    this.backOff.succeeded();
    this.told.delete("server");
    const { version } = this.session;
    this.deps.logger.info({ address: `${url.host}:${url.port}`, version }, "connected to PostgreSQL");
    return this.session;
  }

  /** How many parts failed. */
  private async look(session: Session, labels: LabelValues, out: Families, own: Families): Promise<number> {
    let failed = 0;
    const custom = new Families();
    for (const { name, run } of [...this.parts(session, labels), ...this.customParts(session, labels, custom)]) {
      const startMs = this.clock.monotonicMs();
      let problem: string | undefined;
      try {
        await run(out);
      } catch (error) {
        problem = withoutSecrets(error, this.secrets);
        failed++;
      }
      this.tell(`part ${name}`, problem, `the query ${name} failed`);
      const collector = { collector: name };
      const seconds = (this.clock.monotonicMs() - startMs) / 1000;
      const duration = "postgres_exporter: Duration of a collector scrape.";
      own.gauge("pg_scrape_collector_duration_seconds", duration, seconds, collector);
      const success = "postgres_exporter: Whether a collector succeeded.";
      own.gauge("pg_scrape_collector_success", success, problem === undefined ? 1 : 0, collector);
    }
    out.replace(custom.list());
    return failed;
  }

  private parts(session: Session, labels: LabelValues): readonly Part[] {
    const { section } = this;
    const parts: Part[] = [];
    let server = { major: session.major, isStandby: false };
    parts.push({
      name: "static",
      run: async (out) => {
        const { rows } = await session.query("SELECT pg_is_in_recovery()");
        server = { ...server, isStandby: rows[0][0] === "t" };
        const number = session.versionNumber;
        const short = `${session.major}.${number % 10_000}.0`;
        out.untyped("pg_static", "Version string as reported by postgres", 1, {
          ...labels,
          short_version: short,
          version: session.version,
        });
      },
    });
    for (const builtIn of BUILT_IN) {
      parts.push({
        name: builtIn.name,
        run: async (out) => addTable(out, await session.query(builtIn.sql(server)), builtIn, labels),
      });
    }
    if (section.settings) parts.push({ name: "settings", run: (out) => addSettings(out, session, labels) });
    const { user_tables: tables, statements: top, statement_text: textLength } = section;
    for (const [name, shape] of [
      ["stat_user_tables", USER_TABLES] as const,
      ["statio_user_tables", USER_TABLE_BLOCKS] as const,
    ]) {
      if (tables === 0) break;
      parts.push({ name, run: async (out) => addTable(out, await session.query(shape.sql, [tables]), shape, labels) });
    }
    if (top > 0) {
      const run = (out: Families) => addStatements(out, session, { top, textLength }, labels);
      parts.push({ name: "stat_statements", run });
    }
    return parts;
  }

  /** Into families of their own: a custom query goes before what is built in under the same name. */
  private customParts(session: Session, labels: LabelValues, custom: Families): readonly Part[] {
    return this.custom.queries.map((query) => ({
      name: query.name,
      run: async () => {
        try {
          custom.addAll((await this.custom.run(query, session, labels)) ?? []);
        } catch (error) {
          if (error instanceof PartlyShown) custom.addAll(error.families);
          throw error;
        }
      },
    }));
  }

  private addSelf(own: Families, isUp: boolean, failed: number, seconds: number): void {
    const up =
      "Whether the last scrape of metrics from PostgreSQL was able to connect to the server (1 for yes, 0 for no).";
    own.gauge("pg_up", up, isUp ? 1 : 0);
    const error =
      "Whether the last scrape of metrics from PostgreSQL resulted in an error (1 for error, 0 for success).";
    own.gauge("pg_exporter_last_scrape_error", error, isUp && failed === 0 ? 0 : 1);
    const duration = "Duration of the last scrape of metrics from PostgreSQL.";
    own.gauge("pg_exporter_last_scrape_duration_seconds", duration, seconds);
    own.counter("pg_exporter_scrapes_total", "Total number of times PostgreSQL was scraped for metrics.", this.scrapes);
    this.custom.addFileStates(own);
    for (const problem of this.custom.problems)
      this.tell(`file ${problem}`, problem, "a file of queries is not usable");
  }

  /** A trouble that lasts is one line. */
  private tell(subject: string, problem: string | undefined, message: string): void {
    if (this.told.get(subject) === problem) return;
    if (problem === undefined) this.told.delete(subject);
    else {
      this.told.set(subject, problem);
      this.deps.logger.warn({ problem }, message);
    }
  }
}
