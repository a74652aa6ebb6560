// The commands of `storewatch`. What a command needs is imported when it runs: `version` should not load a database.
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { ServeOptions } from "../app/serve.ts";
import { ROLES } from "../tenant/principal.ts";
import type { AgentCommandFlags } from "./agent-command.ts";
import type { BackupFlags, RestoreFlags } from "./backup-command.ts";
import type { CheckFlags } from "./check-command.ts";
import type { DeployFlags } from "./deploy-command.ts";
import { exitCodeOf } from "./failure.ts";
import { FORMATS } from "./format.ts";
import type { ImportFlags } from "./import-command.ts";
import type { ImportOpenMetricsFlags } from "./import-openmetrics.ts";
import type { ImportPrometheusFlags } from "./import-prometheus.ts";
import type { ManifestFlags } from "./kubernetes/manifest-command.ts";
import type { CommandContext, ExitCode } from "./output.ts";
import type { TokenFlags } from "./token-command.ts";

/** Runs one command line to its end. Never throws. */
export async function runCli(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const program = buildProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return exitCodeOf(error, context);
  }
}

type Done = (code: ExitCode) => void;

/** The commands with their options; docs/reference/cli.md is made from it. */
export function buildProgram(context: CommandContext, done: Done = () => {}): Command {
  const program = new Command("storewatch");
  program
    .description("Monitoring and alerting for multi-tenant e-commerce platforms, in one process.")
    .exitOverride()
    .configureOutput({
      writeOut: context.out,
      writeErr: context.err,
      outputError: (text, write) =>
        write(
          `storewatch: ${text
            .replace(/^error: /, "")
            .trim()
            .replaceAll("\n", " ")}\n`,
        ),
    });
  addServerCommands(program);
  addCheckCommands(program, context, done);
  addTokenCommand(program, context);
  addBackupCommands(program, context);
  addAgentCommand(program, context);
  addImportCommand(program, context, done);
  addDeployCommand(program, context, done);
  addManifestCommand(program, context);
  program
    .command("version")
    .description("print the version")
    .action(async () => {
      const { VERSION } = await import("../app/version.ts");
      context.out(`storewatch ${VERSION} (Node.js ${process.versions.node})\n`);
    });
  return program;
}

function addServerCommands(program: Command): void {
  withServerOptions(program.command("serve").description("run the server"))
    .option("--config <file>", "storewatch.yml")
    .action(async (flags: ServeOptions) => {
      const { runServe } = await import("../app/serve.ts");
      await runServe(flags);
    });
  withServerOptions(program.command("demo").description("run the server with the example shop and live traffic"))
    .option("--no-shop", "without the example shop")
    .option("--shop-port <port>", "port of the example shop", portOf, SHOP_PORT)
    .action(async ({ shop, shopPort, data, listen }: DemoFlags) => {
      const { runDemo } = await import("../app/demo.ts");
      await runDemo({ data, listen, shopPort: shop ? shopPort : undefined });
    });
}

const SHOP_PORT = 9780;

interface DemoFlags extends Pick<ServeOptions, "data" | "listen"> {
  /** False with --no-shop. */
  readonly shop: boolean;
  readonly shopPort: number;
}

function withServerOptions(command: Command): Command {
  return command
    .option("--data <dir>", "data directory (default ./data)")
    .option("--listen <host:port>", "address to listen on (default 127.0.0.1:9700)");
}

function addCheckCommands(program: Command, context: CommandContext, done: Done): void {
  const format = () => new Option("--format <format>", "form of the findings").choices(FORMATS).default("text");
  program
    .command("check")
    .description("validate and lint configuration: Storewatch, its agent, Prometheus, rules, Alertmanager, dashboards")
    .argument("<path...>", "files or folders")
    .addOption(format())
    .action(async (paths: string[], flags: CheckFlags) => {
      const { runCheck } = await import("./check-command.ts");
      done(await runCheck(paths, flags, context));
    });
  program
    .command("test")
    .description("run tests of configuration")
    .command("rules")
    .description("run rule unit tests in promtool's format")
    .argument("<file...>", "test files")
    .addOption(format())
    .action(async (files: string[], flags: CheckFlags) => {
      const { runRuleTests } = await import("./test-command.ts");
      done(await runRuleTests(files, flags, context));
    });
}

function addAgentCommand(program: Command, context: CommandContext): void {
  program
    .command("agent")
    .description("metrics of this machine and of what runs on it, by the names of the usual exporters")
    .option("--config <file>", "agent.yml")
    .option("--listen <host:port>", "address to listen on (default 127.0.0.1:9100)")
    .option("--once", "print the metrics once and exit")
    .option("--collectors <names>", "collectors or sections to run, separated by commas")
    .option("--path.procfs <dir>", "where the host's /proc is")
    .option("--path.sysfs <dir>", "where the host's /sys is")
    .option("--path.rootfs <dir>", "where the host's / is")
    .option("--path.udev.data <dir>", "where udev's database is (default /run/udev/data)")
    .action(async (flags: AgentCommandFlags) => {
      const { runAgent } = await import("./agent-command.ts");
      await runAgent(flags, context);
    });
}

function addTokenCommand(program: Command, context: CommandContext): void {
  program
    .command("token")
    .description("credentials for API clients")
    .command("create")
    .description("make a token and print it, also beside a running server")
    .addOption(new Option("--role <role>", "what it may do").choices(ROLES).makeOptionMandatory())
    .option("--tenant <id...>", "shops that it is for (default: all)")
    .option("--name <name>", "what it is for")
    .option("--config <file>", "storewatch.yml that names the data directory")
    .option("--data <dir>", "data directory (default ./data)")
    .action(async (flags: TokenFlags) => {
      const { runTokenCreate } = await import("./token-command.ts");
      await runTokenCreate(flags, context);
    });
}

function addBackupCommands(program: Command, context: CommandContext): void {
  const dataOptions = (command: Command) =>
    command
      .option("--config <file>", "storewatch.yml that names the data directory")
      .option("--data <dir>", "data directory (default ./data)");
  dataOptions(
    program
      .command("backup")
      .description("copy the data directory, also beside a running server")
      .argument("<dir>", "an empty or new folder outside of the data directory"),
  ).action(async (dir: string, flags: BackupFlags) => {
    const { runBackup } = await import("./backup-command.ts");
    await runBackup(dir, flags, context);
  });
  dataOptions(
    program
      .command("restore")
      .description("make a data directory from a backup, while no server runs on it")
      .argument("<dir>", "what backup made"),
  )
    .option("--force", "put what is in the data directory aside")
    .action(async (dir: string, flags: RestoreFlags) => {
      const { runRestore } = await import("./backup-command.ts");
      await runRestore(dir, flags, context);
    });
}

function addImportCommand(program: Command, context: CommandContext, done: Done): void {
  const imports = program.command("import").description("take over what another system knows");
  const serverOptions = (command: Command, role: string) =>
    command
      .option("--server <url>", "the running Storewatch", "http://127.0.0.1:9700")
      .option("--token-file <file>", `file with ${role} token for it (default STOREWATCH_TOKEN, else DATA/admin-token)`)
      .option("--config <file>", "storewatch.yml that names the data directory")
      .option("--data <dir>", "data directory (default ./data)");
  const alertmanager = imports
    .command("alertmanager")
    .description("silences of an Alertmanager, into a running server; can be run again")
    .argument("<url>", "its address, such as http://alertmanager:9093")
    .option("--bearer-token-file <file>", "file with a token for the Alertmanager; a password may stand in the URL");
  serverOptions(alertmanager, "an editor's").action(async (url: string, flags: ImportFlags) => {
    const { runImportAlertmanager } = await import("./import-command.ts");
    done(await runImportAlertmanager(url, flags, context));
  });
  const prometheus = imports
    .command("prometheus")
    .description("samples of a Prometheus by remote read, into a running server; goes on where it was broken off")
    .argument("<url>", "its address, such as http://prometheus:9090")
    .option(
      "--from <time>",
      "2026-01-31T00:00:00Z, seconds since the epoch, or how long ago: 30d (default: all it has)",
    )
    .option("--to <time>", "the same (default: now)")
    .option("--match <selector...>", "only these series (default: all)", [])
    .option("--tenant <id>", "tenant_id of series that name none")
    .option("--restart", "begin anew although an earlier run was broken off")
    .option("--bearer-token-file <file>", "file with a token for the Prometheus; a password may stand in the URL");
  serverOptions(prometheus, "an ingest").action(async (url: string, flags: ImportPrometheusFlags) => {
    const { runImportPrometheus } = await import("./import-prometheus.ts");
    done(await runImportPrometheus(url, flags, context));
  });
  const openMetrics = imports
    .command("openmetrics")
    .description("samples with times of an OpenMetrics file, into a running server")
    .argument("<file>", "as `promtool tsdb dump-openmetrics` writes it")
    .option("--tenant <id>", "tenant_id of series that name none");
  serverOptions(openMetrics, "an ingest").action(async (file: string, flags: ImportOpenMetricsFlags) => {
    const { runImportOpenMetrics } = await import("./import-openmetrics.ts");
    done(await runImportOpenMetrics(file, flags, context));
  });
}

function addDeployCommand(program: Command, context: CommandContext, done: Done): void {
  program
    .command("deploy")
    .description("mark a deploy in a running server; the same one again finds its mark")
    .requiredOption("--service <name>", "what is deployed: the label `service` or `job` of its metrics")
    .requiredOption("--version <version>", "which version goes out")
    .option("--tenant <id>", "only for this shop, such as a canary (default: all that the token is for)")
    .option("--environment <name>", "production, staging …")
    .option("--at <time>", "when it began: 2026-01-31T12:00:00Z or seconds since the epoch (default: now)")
    .option("--commit <sha>", "what was built")
    .option("--link <url>", "where people read more: the pipeline, the release")
    .option("--message <text>", "a line for people")
    .option("--url <url>", "the running Storewatch (default STOREWATCH_URL, else http://127.0.0.1:9700)")
    .option(
      "--token-file <file>",
      "file with an ingest or editor's token (default STOREWATCH_TOKEN, else DATA/admin-token)",
    )
    .option("--config <file>", "storewatch.yml that names the data directory")
    .option("--data <dir>", "data directory (default ./data)")
    .option("--timeout <seconds>", "how long to try while the server is away", secondsOf, 60)
    .option("--soft", "when the mark cannot be made, warn and exit 0: monitoring does not stop a deploy")
    .action(async (flags: DeployFlags) => {
      const { runDeploy } = await import("./deploy-command.ts");
      done(await runDeploy(flags, context));
    });
}

function addManifestCommand(program: Command, context: CommandContext): void {
  program
    .command("manifest")
    .description("print what runs a service elsewhere")
    .command("kubernetes")
    .description("print Kubernetes objects for a service that uses the SDK: probes, shutdown, limits, metrics")
    .argument("[args...]", "arguments of the container, after --")
    .requiredOption("--service <name>", "its name, a DNS label")
    .requiredOption("--image <image>", "what runs, such as registry.example/shop:1.4.0")
    .option("--namespace <name>", "namespace (default: kubectl's)")
    .option("--port <port>", "port of requests and /health", "8080")
    .option("--metrics-port <port>", "port of /metrics; may be the same", "9464")
    .option("--replicas <n>", "pods; the least of them with --max-replicas", "2")
    .option("--max-replicas <n>", "adds an autoscaler at 70 % of the CPU asked for")
    .option("--memory <amount>", "limit and request; the heap gets three quarters of it", "512Mi")
    .option("--cpu <amount>", "request; there is no limit", "100m")
    .option("--startup-seconds <n>", "how long a start may take", "300")
    .option("--notice-seconds <n>", "the SDK's noticeMs", "5")
    .option("--drain-seconds <n>", "the SDK's drainMs", "20")
    .option("--step-seconds <n>", "the SDK's stepMs", "5")
    .option("--steps <n>", "closing steps that the service adds", "3")
    .addOption(
      new Option("--scrape <how>", "how metrics are found")
        .choices(["annotations", "podmonitor", "none"])
        .default("annotations"),
    )
    .option("--secret <name>", "Secret with metrics-token, database-url, redis-url (default SERVICE-secrets)")
    .option("--no-database", "without DATABASE_URL")
    .option("--no-redis", "without REDIS_URL")
    .option("--env <pair...>", "NAME=VALUE", [])
    .option("--writable <dir...>", "folders that it writes to, besides /tmp", [])
    .action(async (args: string[], flags: ManifestFlags) => {
      const { runManifest } = await import("./kubernetes/manifest-command.ts");
      runManifest(flags, args, context);
    });
}

function secondsOf(text: string): number {
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds >= 1)) throw new InvalidArgumentError("expected seconds, 1 or more");
  return seconds;
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError("expected a port number");
  return port;
}
