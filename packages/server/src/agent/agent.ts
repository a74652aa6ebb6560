// The agent: collectors by config, a page of them, a listener for it.
import path from "node:path";
import type { Clock } from "@storewatch/model";
import { ConfigError } from "../config/document.ts";
import { formatListenAddress, isLoopbackHost } from "../config/listen-address.ts";
import { systemClock } from "../kernel/clock.ts";
import { type Logger, silentLogger } from "../kernel/logger.ts";
import type { AgentConfig } from "./config.ts";
import { renderPage } from "./exposition.ts";
import type { Collector, CollectorDeps, CollectorModule } from "./interface.ts";
import { listen, type PageSource } from "./listener.ts";
import { MODULES } from "./modules.ts";
import { CollectorRunner } from "./runner.ts";
import { selfFamilies } from "./self.ts";

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Collectors that run by one configuration. Throws ConfigError for names that are not known. */
export class Agent implements PageSource {
  private readonly runner: CollectorRunner;
  private readonly selected: readonly string[];
  /** Word → names of collectors, also of a module's. */
  private readonly words: ReadonlyMap<string, readonly string[]>;
  private readonly logger: Logger;
  private toldProblems = "";

  constructor(private readonly options: AgentOptions) {
    const { config, clock, logger } = options;
    this.logger = logger;
    const made = makeCollectors(options);
    this.words = new Map([...made].flatMap(([module, collectors]) => wordsOf(module, collectors)));
    const all = [...made.values()].flat();
    const wanted = config.collectors?.flatMap((word) => this.namesOf(word));
    this.selected = wanted
      ? [...new Set(wanted)]
      : all.filter(({ byDefault }) => byDefault !== false).map(({ name }) => name);
    const chosen = all.filter(({ name }) => this.selected.includes(name));
    this.runner = new CollectorRunner(chosen, {
      clock,
      logger,
      timeoutMs: config.timeoutMs,
      parallel: config.parallel,
    });
  }

  get collectorNames(): readonly string[] {
    return this.selected;
  }

  /** Text format; `collect` as node_exporter's `collect[]`: only these of the collectors that are on. */
  async page(collect: readonly string[] = []): Promise<string | undefined> {
    let names = this.selected;
    if (collect.length > 0) {
      const known = collect.map((word) => this.words.get(word)?.filter((name) => this.selected.includes(name)));
      if (known.some((some) => some === undefined || some.length === 0)) return undefined;
      names = [...new Set(known.flatMap((some) => some ?? []))];
    }
    const results = await this.runner.collect(names);
    const hasHost = names.some((name) => this.words.get("host")?.includes(name));
    const { text, problems } = renderPage([...results, selfFamilies(this.options.version, hasHost)]);
    this.tell(problems);
    return text;
  }

  close(): Promise<void> {
    return this.runner.close();
  }

  private namesOf(word: string): readonly string[] {
    const names = this.words.get(word);
    if (names && names.length > 0) return names;
    const known = [...this.words].filter(([, some]) => some.length > 0).map(([name]) => name);
    const message = names
      ? `collectors: ${word} needs its section in agent.yml`
      : `collectors: there is no ${word}; known are ${known.join(", ")}`;
    const place = this.options.config.collectorsAt;
    throw new ConfigError([{ code: "CONFIG_VALUE", severity: "error", ...place, message }]);
  }

  private tell(problems: readonly string[]): void {
    const text = problems.join("; ");
    if (text !== "" && text !== this.toldProblems)
      this.logger.warn({ problems: problems.slice(0, 20) }, "left out of the page");
    this.toldProblems = text;
  }
}

function makeCollectors({ config, clock, logger }: AgentOptions): ReadonlyMap<string, readonly Collector[]> {
  const deps: CollectorDeps = {
    clock,
    logger,
    paths: config.paths,
    resolve: (file) => path.resolve(config.folder, file),
  };
  const modules: ReadonlyArray<[string, CollectorModule]> = Object.entries(MODULES);
  const sections = config.sections as Readonly<Record<string, unknown>>;
  // The section of a module is what its own schema gave.
  return new Map(modules.map(([name, module]) => [name, module.create(sections[name] as never, deps)]));
}

/** The module's name stands for those that are on by default, each collector's name for itself. */
function wordsOf(module: string, collectors: readonly Collector[]): Array<[string, readonly string[]]> {
  const byDefault = collectors.filter((collector) => collector.byDefault !== false).map(({ name }) => name);
  return [[module, byDefault], ...collectors.map(({ name }): [string, readonly string[]] => [name, [name]])];
}

/** Throws ConfigError for what only the collectors know: names of them that there are not. */
export function checkAgentConfig(config: AgentConfig): void {
  new Agent({ config, version: "", clock: systemClock, logger: silentLogger });
}

export interface RunningAgent {
  readonly url: string;
  stop(): Promise<void>;
  /** Reads the configuration again. Rejects, with the old one in force, when it is not usable. */
  reload(): Promise<void>;
}

/** Listens until stopped. Throws what the configuration or the listener does not allow. */
export async function startAgent(options: AgentOptions, readConfig: () => AgentConfig): Promise<RunningAgent> {
  let { config } = options;
  const { logger } = options;
  let agent = new Agent(options);
  const listener = await listen(config, () => ({ source: agent, credentials: config.credentials }));
  if (!isLoopbackHost(config.listen.host) && !config.credentials.bearerToken && !config.credentials.basic) {
    const address = formatListenAddress(config.listen);
    logger.warn(
      { address },
      "other machines can read the metrics without a credential: set `auth`, or listen on 127.0.0.1",
    );
  }
  logger.info({ collectors: agent.collectorNames }, "collectors are on");
  return {
    url: listener.url,
    async stop() {
      await listener.close();
      await agent.close();
    },
    async reload() {
      const next = readConfig();
      const old = agent;
      agent = new Agent({ ...options, config: next });
      config = next;
      await old.close();
      logger.info({ collectors: agent.collectorNames }, "the configuration was reloaded (not listen and tls)");
    },
  };
}
