// agent.yml: read, checked, with defaults and absolute paths. The sections of the collectors belong to their modules.
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseDurationMs } from "@storewatch/model";
import { z } from "zod";
import { type ConfigDocument, ConfigError, parseConfigDocument, validate } from "../config/document.ts";
import { type Environment, expandEnvironment } from "../config/environment.ts";
import { type ListenAddress, parseListenAddress } from "../config/listen-address.ts";
import type { HostPaths } from "./interface.ts";
import { MODULES } from "./modules.ts";

const DEFAULT_LISTEN: ListenAddress = { host: "127.0.0.1", port: 9100 };
const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

type ModuleName = keyof typeof MODULES;
type Sections = { readonly [K in ModuleName]: z.output<(typeof MODULES)[K]["schema"]> };

/** Frozen result of defaults, file and flags. Every path is absolute. */
export interface AgentConfig {
  readonly listen: ListenAddress;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** Who may read the page; without a credential everybody who reaches the address. */
  readonly credentials: {
    readonly bearerToken: string | undefined;
    readonly basic: { readonly username: string; readonly password: string } | undefined;
  };
  /** Names of collectors or modules; undefined: those that are on by default. */
  readonly collectors: readonly string[] | undefined;
  /** Where those are written, for errors. */
  readonly collectorsAt: { readonly file: string; readonly line: number; readonly column: number };
  readonly timeoutMs: number;
  readonly parallel: number;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly paths: HostPaths;
  /** What relative names of the sections start from. */
  readonly folder: string;
  readonly sections: Sections;
}

export interface AgentFlags {
  readonly listen?: string;
  /** Separated by commas. */
  readonly collectors?: string;
  readonly procfs?: string;
  readonly sysfs?: string;
  readonly rootfs?: string;
  readonly udevData?: string;
  readonly logLevel?: string;
}

export interface LoadAgentOptions {
  /** agent.yml; without it defaults and flags hold. */
  readonly file?: string;
  readonly flags?: AgentFlags;
  /** What relative flags start from. */
  readonly workingDir: string;
  readonly environment: Environment;
}

const fileName = z.string().min(1);
const duration = z.string().transform((text, context) => {
  const milliseconds = parseDurationMs(text);
  if (milliseconds !== undefined && milliseconds > 0) return milliseconds;
  context.addIssue({ code: "custom", message: "expected a duration such as 10s" });
  return z.NEVER;
});
const listen = z.string().transform((text, context) => {
  const address = parseListenAddress(text);
  if (address) return address;
  context.addIssue({ code: "custom", message: "expected HOST:PORT" });
  return z.NEVER;
});

const basic = z.strictObject({
  username: z.string().min(1).describe("User name."),
  password: z.string().min(1).optional().describe("Password; `${NAME}` takes it from the environment."),
  password_file: fileName.optional().describe("File that holds the password."),
});

const sectionSchemas = Object.fromEntries(Object.entries(MODULES).map(([name, { schema }]) => [name, schema])) as {
  readonly [K in ModuleName]: (typeof MODULES)[K]["schema"];
};

/** docs/reference and `storewatch check` read the keys from here. */
export const agentSchema = z.strictObject({
  listen: listen
    .optional()
    .describe("Address of the page, `HOST:PORT`; default `127.0.0.1:9100`, as node_exporter's port."),
  tls: z
    .strictObject({
      cert: fileName.describe("Certificate chain, PEM."),
      key: fileName.describe("Private key, PEM."),
    })
    .optional(),
  auth: z
    .strictObject({
      bearer_token: z.string().min(1).optional().describe("A scraper may send it as `Authorization: Bearer …`."),
      bearer_token_file: fileName.optional().describe("File that holds the token."),
      basic: basic.optional(),
    })
    .prefault({}),
  collectors: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe("Collectors or sections to run, in place of those that are on by default. `--collectors` goes first."),
  timeout: duration.prefault("10s").describe("Time limit of one collector."),
  parallel: z.int().min(1).max(64).default(4).describe("Collectors that run at once."),
  log_level: z.enum(LOG_LEVELS).default("info").describe("What is logged, JSON lines on stderr."),
  paths: z
    .strictObject({
      procfs: fileName.default("/proc").describe("Where the host's /proc is."),
      sysfs: fileName.default("/sys").describe("Where the host's /sys is."),
      rootfs: fileName.default("/").describe("Where the host's / is."),
      udev_data: fileName.default("/run/udev/data").describe("Where udev's database is."),
    })
    .prefault({}),
  ...sectionSchemas,
});

/** Throws ConfigError with all that is wrong with the file, or with the first flag that is. */
export function loadAgentConfig(options: LoadAgentOptions): AgentConfig {
  const shown = options.file ?? FLAGS;
  const file = options.file === undefined ? undefined : path.resolve(options.workingDir, options.file);
  const raw = parseConfigDocument(shown, file === undefined ? "" : readText(shown, file));
  const expanded = expandEnvironment(raw, options.environment);
  const document = expanded.data === null ? { ...expanded, data: {} } : expanded;
  const read = validate(agentSchema, document);
  const folder = file === undefined ? options.workingDir : path.dirname(file);
  const absolute = (name: string) => path.resolve(folder, name);
  const { flags = {}, workingDir } = options;
  const place = (flag: string | undefined, key: string) =>
    flag === undefined ? absolute(key) : path.resolve(workingDir, flag);
  return Object.freeze({
    listen: flags.listen === undefined ? (read.listen ?? DEFAULT_LISTEN) : mustListen(flags.listen),
    tls: read.tls && { certFile: absolute(read.tls.cert), keyFile: absolute(read.tls.key) },
    credentials: readCredentials(document, read.auth, absolute),
    collectors: flags.collectors === undefined ? read.collectors : listOf(flags.collectors),
    collectorsAt:
      flags.collectors === undefined
        ? { file: document.file, ...document.locate(["collectors"]) }
        : { file: FLAGS, line: 1, column: 1 },
    timeoutMs: read.timeout,
    parallel: read.parallel,
    logLevel: mustLogLevel(flags.logLevel) ?? read.log_level,
    paths: {
      procfs: place(flags.procfs, read.paths.procfs),
      sysfs: place(flags.sysfs, read.paths.sysfs),
      rootfs: place(flags.rootfs, read.paths.rootfs),
      udevData: place(flags.udevData, read.paths.udev_data),
    },
    folder,
    sections: Object.fromEntries(Object.keys(MODULES).map((name) => [name, read[name as ModuleName]])) as Sections,
  });
}

const FLAGS = "(flags)";

function readCredentials(
  document: ConfigDocument,
  auth: z.output<typeof agentSchema>["auth"],
  absolute: (name: string) => string,
): AgentConfig["credentials"] {
  const secret = (at: readonly string[], text: string | undefined, name: string | undefined) => {
    const key = at.at(-1) ?? "";
    if (text !== undefined && name !== undefined) {
      throw new ConfigError([document.finding(at, `${at.join(".")}: give it or ${key}_file, not both`)]);
    }
    if (name === undefined) return text;
    const content = readText(name, absolute(name)).trim();
    if (content === "")
      throw new ConfigError([document.finding([...at.slice(0, -1), `${key}_file`], `${name} is empty`)]);
    return content;
  };
  const bearerToken = secret(["auth", "bearer_token"], auth.bearer_token, auth.bearer_token_file);
  if (!auth.basic) return { bearerToken, basic: undefined };
  const password = secret(["auth", "basic", "password"], auth.basic.password, auth.basic.password_file);
  if (password === undefined) {
    throw new ConfigError([document.finding(["auth", "basic"], "auth.basic: it needs password or password_file")]);
  }
  return { bearerToken, basic: { username: auth.basic.username, password } };
}

function readText(shown: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "there is no such file" : message;
    throw new ConfigError([
      { code: "CONFIG_FILE", severity: "error", file: shown, line: 1, column: 1, message: reason },
    ]);
  }
}

function listOf(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.some((name) => name === "")) throw flagError(`--collectors ${text}: expected names with commas in between`);
  return names;
}

function mustListen(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (!address) throw flagError(`--listen ${text}: expected HOST:PORT`);
  return address;
}

function mustLogLevel(text: string | undefined): AgentConfig["logLevel"] | undefined {
  if (text === undefined) return undefined;
  const level = LOG_LEVELS.find((known) => known === text);
  if (!level) throw flagError(`--log-level ${text}: expected one of ${LOG_LEVELS.join(", ")}`);
  return level;
}

/** The command line is wrong; told like the file's errors. */
function flagError(message: string): ConfigError {
  return new ConfigError([{ code: "USAGE", severity: "error", file: FLAGS, line: 1, column: 1, message }]);
}
