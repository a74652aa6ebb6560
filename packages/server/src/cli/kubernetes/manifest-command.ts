// `storewatch manifest kubernetes`: checks the options, prints the objects as YAML.
import path from "node:path";
import { stringify } from "yaml";
import { type CommandContext, UsageError } from "../output.ts";
import { graceSeconds, kubernetesManifest, type ManifestOptions } from "./manifest.ts";

/** Numbers are checked here, so that each error names its flag and what is allowed. */
export interface ManifestFlags {
  readonly service: string;
  readonly image: string;
  readonly namespace?: string;
  readonly port: string;
  readonly metricsPort: string;
  readonly replicas: string;
  readonly maxReplicas?: string;
  readonly memory: string;
  readonly cpu: string;
  readonly startupSeconds: string;
  readonly noticeSeconds: string;
  readonly drainSeconds: string;
  readonly stepSeconds: string;
  readonly steps: string;
  readonly scrape: ManifestOptions["scrape"];
  readonly secret?: string;
  readonly database: boolean;
  readonly redis: boolean;
  readonly env: readonly string[];
  readonly writable: readonly string[];
}

export function runManifest(flags: ManifestFlags, args: readonly string[], context: CommandContext): void {
  const options = optionsOf(flags, args);
  context.out(manifestText(options));
}

/** One YAML document for each object. */
function manifestText(options: ManifestOptions): string {
  const { service, secret, namespace, database, redis } = options;
  const keys = ["metrics-token", ...(database ? ["database-url"] : []), ...(redis ? ["redis-url"] : [])];
  const literals = keys.map((key) => ` --from-literal=${key}=…`).join("");
  const into = namespace ? ` -n ${namespace}` : "";
  const head = `# ${service}, made by \`storewatch manifest kubernetes\`. Its Secret comes first:
# kubectl${into} create secret generic ${secret}${literals}
# A pod has ${graceSeconds(options.shutdown)} s to end: the SDK's notice, drain and closing steps at their slowest, and 5 s.
`;
  return head + kubernetesManifest(options).map(documentText).join("---\n");
}

/** As YAML 1.1, which kubectl reads: there `on` and `12:30` need their quotes. */
function documentText(object: object): string {
  return stringify(object, { lineWidth: 0, aliasDuplicateObjects: false, version: "1.1" });
}

function optionsOf(flags: ManifestFlags, args: readonly string[]): ManifestOptions {
  const port = integer("--port", flags.port, 1, 65_535);
  const replicas = integer("--replicas", flags.replicas, 1, 1000);
  const service = dnsLabel("--service", flags.service);
  return {
    service,
    image: imageOf(flags.image),
    namespace: flags.namespace === undefined ? undefined : dnsLabel("--namespace", flags.namespace),
    port,
    metricsPort: integer("--metrics-port", flags.metricsPort, 1, 65_535),
    replicas,
    maxReplicas:
      flags.maxReplicas === undefined ? undefined : integer("--max-replicas", flags.maxReplicas, replicas, 1000),
    memoryMiB: memoryOf(flags.memory),
    cpu: cpuOf(flags.cpu),
    startupSeconds: integer("--startup-seconds", flags.startupSeconds, 1, 86_400),
    shutdown: {
      noticeSeconds: integer("--notice-seconds", flags.noticeSeconds, 0, 3600),
      drainSeconds: integer("--drain-seconds", flags.drainSeconds, 0, 3600),
      stepSeconds: integer("--step-seconds", flags.stepSeconds, 1, 3600),
      steps: integer("--steps", flags.steps, 0, 100),
    },
    scrape: flags.scrape,
    secret: dnsLabel("--secret", flags.secret ?? `${service}-secrets`),
    database: flags.database,
    redis: flags.redis,
    env: environmentOf(flags.env),
    writable: [...new Set(["/tmp", ...flags.writable.map(folder)])],
    args,
  };
}

function integer(flag: string, text: string, min: number, max: number): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new UsageError(`${flag} ${text}: expected a number from ${min} to ${max}`);
  return value;
}

/** RFC 1035's label, which a Service's name has to be: RFC 1123's that begins with a letter. */
function dnsLabel(flag: string, text: string): string {
  if (/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new UsageError(`${flag} ${text}: expected a DNS label: a-z, 0-9 and -, at most 63, a letter first`);
}

function imageOf(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}$/.test(text)) return text;
  throw new UsageError(`--image ${text}: expected a name such as registry.example/shop:1.4.0`);
}

function memoryOf(text: string): number {
  const [, amount, unit] = /^(\d{1,6})(Mi|Gi)$/.exec(text) ?? [];
  const mebibytes = Number(amount) * (unit === "Gi" ? 1024 : 1);
  if (mebibytes >= 64) return mebibytes;
  throw new UsageError(`--memory ${text}: expected 64Mi or more, such as 512Mi or 2Gi`);
}

function cpuOf(text: string): string {
  if (/^[1-9]\d{0,4}m?$/.test(text)) return text;
  throw new UsageError(`--cpu ${text}: expected cores or thousandths, such as 2 or 250m`);
}

const FROM_SECRET: readonly string[] = ["METRICS_TOKEN", "DATABASE_URL", "REDIS_URL"];

function environmentOf(pairs: readonly string[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const pair of pairs) {
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(pair) ?? [];
    if (name === undefined) throw new UsageError(`--env ${pair}: expected NAME=VALUE`);
    if (FROM_SECRET.includes(name)) throw new UsageError(`--env ${name}: it comes from the Secret`);
    env[name] = value;
  }
  return env;
}

function folder(text: string): string {
  const dir = path.posix.normalize(text).replace(/(.)\/$/, "$1");
  if (/^\/[A-Za-z0-9._/-]+$/.test(dir) && !text.includes("..")) return dir;
  throw new UsageError(`--writable ${text}: expected an absolute folder`);
}
