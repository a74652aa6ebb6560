// The agent's page of one configuration, and its comparison with an exporter's page of the same server.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { freePort, temporaryDir, waitUntil } from "@storewatch/testkit";
import { Agent } from "../packages/server/src/agent/agent.ts";
import { loadAgentConfig } from "../packages/server/src/agent/config.ts";
import { type ParsedPage, parsePage } from "../packages/server/src/agent/testing/page-of.ts";
import { systemClock } from "../packages/server/src/kernel/clock.ts";
import { createLogger } from "../packages/server/src/kernel/logger.ts";

const CONFORMANCE = path.resolve(import.meta.dirname, "../../shared/conformance");

/** Words with this prefix in well-known dashboards and rules, which is where metrics' names stand. Empty without those files. */
export function namesAskedFor(prefix: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const folder of ["dashboards", "community-rules"].map((name) => path.join(CONFORMANCE, name))) {
    const files = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [];
    for (const file of files.filter((one) => one.isFile())) {
      const words = readFileSync(path.join(file.parentPath, file.name), "utf8").match(/\b[a-zA-Z]\w+/g) ?? [];
      for (const word of words) if (word.startsWith(prefix)) names.add(word);
    }
  }
  return names;
}

export interface TestAgent {
  read(): Promise<ParsedPage & { readonly text: string }>;
  /** What it logged so far. */
  log(): string;
  close(): Promise<void>;
}

/** An agent in this process with the one collector; `files` lie beside its agent.yml. */
export function agentWith(
  collector: string,
  config: string,
  { files = {}, environment = {} }: { files?: Record<string, string>; environment?: Record<string, string> } = {},
): TestAgent {
  const dir = temporaryDir("storewatch-agent-");
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(dir, name), text);
  const file = path.join(dir, "agent.yml");
  writeFileSync(file, config);
  let log = "";
  const logger = createLogger("debug", { write: (line: string) => (log += line) });
  const loaded = loadAgentConfig({ file, flags: { collectors: collector }, workingDir: dir, environment });
  const agent = new Agent({ config: loaded, version: "test", clock: systemClock, logger });
  return {
    async read() {
      const text = (await agent.page()) ?? "";
      return { text, ...parsePage(text) };
    },
    log: () => log,
    close: () => agent.close(),
  };
}

export interface Exporter {
  read(): Promise<ParsedPage>;
  stop(): void;
}

/** Starts an exporter whose address is given by `listenFlag`, and waits for its page. */
export async function startExporter(
  program: string,
  listenFlag: string,
  options: { readonly args?: readonly string[]; readonly env: Record<string, string> },
): Promise<Exporter> {
  const address = `127.0.0.1:${await freePort()}`;
  const child: ChildProcess = spawn(
    program,
    [
      ...listenFlag
        .split("=")
        .slice(0, 1)
        .map((flag) => `${flag}=${address}`),
      ...(options.args ?? []),
    ],
    {
      stdio: "ignore",
      env: { PATH: process.env.PATH, ...options.env },
    },
  );
  const read = async () => parsePage(await (await fetch(`http://${address}/metrics`)).text());
  await waitUntil(
    () =>
      read().then(
        () => true,
        () => false,
      ),
    20_000,
    () => `${program} did not start`,
  );
  return { read, stop: () => child.kill("SIGTERM") };
}

export interface Differences {
  /** Series of the exporter, before and after, that the agent does not have. */
  readonly missing: readonly string[];
  readonly types: readonly string[];
  /** Values outside of the exporter's before and after, and a hundredth. */
  readonly values: readonly string[];
  readonly compared: number;
}

/** `skip`: series that tell of the exporter itself; `restless`: values that two looks a moment apart do not share. */
export function compare(
  before: ParsedPage,
  agent: ParsedPage,
  after: ParsedPage,
  { skip, restless }: { readonly skip: RegExp; readonly restless: RegExp },
): Differences {
  const missing: string[] = [];
  const values: string[] = [];
  let compared = 0;
  for (const [key, first] of before.series) {
    const last = after.series.get(key);
    if (last === undefined || skip.test(key)) continue;
    const value = agent.series.get(key);
    if (value === undefined) {
      missing.push(key);
      continue;
    }
    compared++;
    if (restless.test(key) || (Number.isNaN(first) && Number.isNaN(value))) continue;
    const slack = 0.01 * Math.max(Math.abs(first), Math.abs(last)) + 1e-9;
    const isBetween = value >= Math.min(first, last) - slack && value <= Math.max(first, last) + slack;
    if (!isBetween) values.push(`${key}: ${first} … ${last}, agent ${value}`);
  }
  const types = [...before.types].filter(([name, type]) => agent.types.has(name) && agent.types.get(name) !== type);
  return {
    missing,
    values,
    compared,
    types: types.map(([name, type]) => `${name}: ${type}, agent ${agent.types.get(name)}`),
  };
}
