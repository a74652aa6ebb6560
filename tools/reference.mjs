// `npm run reference`: writes docs/reference/*.md from the code.
// The test beside it does the same from the sources, so that a page that lags behind the code fails the suite.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
export const REFERENCE_DIR = path.join(ROOT, "docs/reference");

/** Every page by its file name. `load(package, module)` imports a module, from sources or from the build. */
export async function referencePages(load) {
  const { buildProgram } = await load("server", "cli/program");
  const { storewatchSchema } = await load("server", "config/storewatch-config");
  const { agentSchema } = await load("server", "agent/config");
  const { ERRORS } = await load("server", "kernel/errors");
  const receivers = await load("server", "alerts/config/receiver-keys");
  const { FUNCTIONS, AGGREGATIONS } = await load("promql", "parser/functions");
  const { metrics, routes, openApi } = await lookAtServer(load);
  return {
    "README.md": indexPage(),
    "config.md": configPage("storewatch.yml", storewatchSchema, "Examples: [operate](../operate.md)."),
    "agent.md": configPage("agent.yml", agentSchema, "Examples: [watch machines](../agent.md)."),
    "cli.md": cliPage(buildProgram({ out() {}, err() {}, workingDir: "." })),
    "errors.md": errorsPage(ERRORS),
    "metrics.md": metricsPage(metrics),
    "http-api.md": httpPage(routes, openApi),
    "promql.md": promqlPage(FUNCTIONS, AGGREGATIONS),
    "receivers.md": receiversPage(receivers),
  };
}

/** Starts the server on a free port in an empty folder, as every part of it makes its metrics and routes itself. */
async function lookAtServer(load) {
  const { startStorewatch } = await load("server", "app/storewatch");
  const { loadConfig } = await load("server", "config/storewatch-config");
  const { systemClock } = await load("server", "kernel/clock");
  const { silentLogger } = await load("server", "kernel/logger");
  const dir = mkdtempSync(path.join(os.tmpdir(), "storewatch-reference-"));
  const options = { flags: { data: dir, listen: "127.0.0.1:0" }, workingDir: dir, environment: {} };
  const config = loadConfig(options);
  const running = await startStorewatch({
    config,
    readConfig: () => config,
    environment: {},
    clock: systemClock,
    logger: silentLogger,
  });
  try {
    const token = readFileSync(path.join(dir, "admin-token"), "utf8").trim();
    const headers = { authorization: `Bearer ${token}` };
    const openApi = await (await fetch(`${running.url}/api/storewatch/v1/openapi.json`, { headers })).json();
    const metrics = running.metrics.getMetricsAsArray();
    const described = await Promise.all(
      metrics.map(async (metric) => ({ ...(await metric.get()), labels: metric.labelNames })),
    );
    return { metrics: described, routes: running.routes, openApi };
  } finally {
    await running.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

const MADE = "<!-- Made by `npm run reference` from the code. Change the code, not this page. -->";

function page(title, ...parts) {
  return `${MADE}\n# ${title}\n${parts.flat().join("\n")}\n`;
}

/** `|` would end a cell. */
const cell = (text) => String(text ?? "").replaceAll("|", "\\|");
const code = (text) => `\`${text}\``;

function table(head, rows) {
  const line = (cells) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)];
}

function indexPage() {
  return page(
    "Reference",
    "These pages are made from the code by `npm run reference`; a test fails when they lag behind it.",
    "",
    ...table(
      ["page", "what"],
      [
        ["[config.md](config.md)", "keys of storewatch.yml"],
        ["[agent.md](agent.md)", "keys of agent.yml"],
        ["[cli.md](cli.md)", "commands and options of `storewatch`"],
        ["[http-api.md](http-api.md)", "every path, with the role that it needs"],
        ["[promql.md](promql.md)", "functions and aggregations"],
        ["[receivers.md](receivers.md)", "receivers of notifications and their keys"],
        ["[metrics.md](metrics.md)", "what Storewatch measures of itself"],
        ["[errors.md](errors.md)", "error codes with their texts"],
      ],
    ),
  );
}

const LATER = "not in this version of Storewatch";

function configPage(title, schema, examples) {
  const rows = [];
  const later = [];
  walk(schema, "", (key, field) => {
    if (isLater(field)) later.push(key);
    else rows.push([code(key), typeOf(field), defaultOf(field), field.description ?? "**no description**"]);
  });
  return page(
    title,
    "Every key is optional unless the text says otherwise. An unknown key is an error with a suggestion. Relative paths",
    "start at the folder of the file. `${NAME}` in a text takes an environment variable; `$${` is a plain `${`.",
    `${examples} Without a file the defaults hold.`,
    "",
    ...table(["key", "type", "default", "meaning"], rows),
    "",
    ...(later.length > 0 ? [`Refused with "${LATER}": ${later.map(code).join(", ")}.`] : []),
  );
}

/** Calls `visit` for each key that is no section, `[]` standing for the entries of a list. */
function walk(schema, prefix, visit) {
  for (const [name, field] of Object.entries(schema.def.shape)) {
    const key = prefix + name;
    const inner = unwrapped(field);
    const element = inner.def.type === "array" ? unwrapped(inner.def.element) : undefined;
    if (inner.def.type === "object") walk(inner, `${key}.`, visit);
    else visit(key, field);
    if (element?.def.type === "object") walk(element, `${key}[].`, visit);
  }
}

const WRAPPERS = new Set(["optional", "default", "prefault", "nullable", "readonly"]);

function unwrapped(schema) {
  let current = schema;
  for (;;) {
    if (WRAPPERS.has(current.def.type)) current = current.def.innerType;
    else if (current.def.type === "pipe") current = current.def.in;
    else return current;
  }
}

function isLater(field) {
  return unwrapped(field).def.type === "unknown";
}

function typeOf(field) {
  const { def } = unwrapped(field);
  if (def.type === "array") return `list of ${typeOf(def.element)}`.replace("list of section", "list");
  if (def.type === "enum") return Object.values(def.entries).map(code).join(", ");
  if (def.type === "literal") return def.values.map(code).join(", ");
  return { string: "text", object: "section" }[def.type] ?? def.type;
}

function defaultOf(field) {
  let current = field;
  while (current.def.type === "pipe" || WRAPPERS.has(current.def.type)) {
    if (current.def.type === "default" || current.def.type === "prefault") {
      const value = current.def.defaultValue;
      return Array.isArray(value) || typeof value === "object" ? "" : code(value);
    }
    current = current.def.innerType ?? current.def.in;
  }
  return "";
}

function cliPage(program) {
  return page(
    "Command line",
    "In a clone of the repository it is `npx storewatch COMMAND`. Errors go to stderr as one line each.",
    "Exit codes: 0 done, 1 something failed or `check` found an error, 2 wrong usage or configuration.",
    ...commandsOf(program, "storewatch"),
  );
}

function commandsOf(command, name) {
  return command.commands.flatMap((child) => {
    const full = `${name} ${child.name()}`;
    if (child.commands.length > 0) return commandsOf(child, full);
    const args = child.registeredArguments.map(
      (arg) =>
        `${arg.required ? "" : "["}${arg.name().toUpperCase()}${arg.variadic ? "…" : ""}${arg.required ? "" : "]"}`,
    );
    const options = child.options.map((option) => [
      code(option.flags),
      option.description + (option.mandatory ? ". Needed." : ""),
      option.argChoices?.map(code).join(", ") ?? "",
      option.defaultValue === undefined || typeof option.defaultValue === "boolean" ? "" : code(option.defaultValue),
    ]);
    return [
      "",
      `## ${[full, ...args].join(" ")}`,
      `${sentence(child.description())}`,
      ...(options.length > 0 ? ["", ...table(["option", "meaning", "values", "default"], options)] : []),
    ];
  });
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;

function errorsPage(errors) {
  return page(
    "Errors",
    "The code is stable; texts may change. `{name}` is filled in. Our own API answers",
    '`{"error": {"code", "message", "hint"}}`; the Prometheus, Alertmanager and Grafana paths answer in the form of those systems.',
    "Codes with status 500 from PORT_TAKEN on stop the start: they are printed as one line, and the exit code is 1.",
    "",
    ...table(
      ["code", "status", "message", "what to do"],
      Object.entries(errors).map(([name, { status, message, hint }]) => [code(name), status, message, hint]),
    ),
  );
}

function metricsPage(metrics) {
  const own = metrics.filter(({ name }) => name.startsWith("storewatch_")).sort(byName);
  return page(
    "Own metrics",
    "At `/metrics`, for a token with the role `scrape`, and stored without any configuration as the job `storewatch`.",
    "Alert on them as in [operate](../operate.md).",
    "",
    ...table(
      ["name", "type", "labels", "meaning"],
      own.map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(", "), help]),
    ),
    "",
    "Beside these are prom-client's default metrics of the process: `process_*` and `nodejs_*`.",
    "",
    "Each shop that is known, declared or found, has the series `storewatch_tenant_info{tenant_id,name,tier,timezone,currency}` with the value 1.",
  );
}

const byName = (a, b) => (a.name < b.name ? -1 : 1);

const PROTOCOLS = [
  ["Prometheus", /^\/(api\/v1\/|federate|-\/)/],
  ["Alertmanager", /^\/api\/v2\//],
  ["Grafana", /^\/api\/(dashboards|search|folders|annotations)(\/|$)/],
  ["Storewatch", /^\/api\/storewatch\//],
  ["Health, metrics, web app", /./],
];

function httpPage(routes, openApi) {
  const left = new Map(routes.map((route) => [`${route.method} ${route.path}`, route]));
  const sections = PROTOCOLS.flatMap(([title, pattern]) => {
    const mine = [...left].filter(([, { path: at }]) => pattern.test(at));
    for (const [key] of mine) left.delete(key);
    if (mine.length === 0) return [];
    return [
      "",
      `## ${title}`,
      ...routeTable(
        mine.map(([, route]) => route),
        openApi,
      ),
    ];
  });
  return page(
    "HTTP API",
    "One port. Send `Authorization: Bearer TOKEN`, or Basic with the token as password. `open` needs no credential;",
    "an editor may what a viewer may, an admin may everything; `ingest` and `scrape` stand apart; `mark` is for editor and ingest ([tenants](../tenants.md)).",
    "A credential for some shops sees and changes only what carries their `tenant_id`.",
    "The schemas of the Storewatch paths are at `/api/storewatch/v1/openapi.json`.",
    ...sections,
  );
}

function routeTable(routes, openApi) {
  const sorted = mergeMethods(routes).sort((a, b) => (a.path < b.path ? -1 : 1));
  const summaryOf = ({ methods, path: at }) => {
    const operations = openApi.paths[at.replace(/:(\w+)/g, "{$1}")] ?? {};
    return operations[methods[0].toLowerCase()]?.summary ?? "";
  };
  const hasSummaries = sorted.some((route) => summaryOf(route) !== "");
  return table(
    ["path", "methods", "needs", ...(hasSummaries ? ["what"] : [])],
    sorted.map((route) => [
      code(route.path),
      route.methods.join(", "),
      route.access,
      ...(hasSummaries ? [summaryOf(route)] : []),
    ]),
  );
}

/** Methods of one path that need the same and do the same share a row. */
function mergeMethods(routes) {
  const rows = new Map();
  for (const { method, path: at, access } of routes) {
    const isOwn = at.startsWith("/api/storewatch/");
    const key = isOwn ? `${method} ${at}` : `${access} ${at}`;
    const row = rows.get(key) ?? { path: at, access, methods: [] };
    row.methods.push(method);
    rows.set(key, row);
  }
  return [...rows.values()];
}

function promqlPage(functions, aggregations) {
  const name = ({ name: text }) => code(text);
  const stable = (all) => [...all.values()].filter(({ experimental }) => !experimental);
  const experiments = (all) => [...all.values()].filter(({ experimental }) => experimental);
  return page(
    "PromQL",
    "The language is that of Prometheus 3, native histograms included. The semantics are checked with Prometheus' own test",
    "scripts, and with a real Prometheus that scrapes the same target (`npm run conformance`).",
    "",
    "A range does not include its left end: `x[1m]` of samples that come once a minute holds one, and `rate` of it is nothing.",
    "Take at least twice the scrape interval. (Prometheus 2 included it.)",
    "",
    "## Functions",
    ...table(
      ["function", "arguments", "gives"],
      stable(functions).map((signature) => [name(signature), argumentsOf(signature), signature.returns]),
    ),
    "",
    "## Aggregations",
    `With \`by (…)\` or \`without (…)\`: ${stable(aggregations)
      .map((signature) => name(signature) + (signature.param ? ` (with a ${signature.param} first)` : ""))
      .join(", ")}.`,
    "",
    "## Experimental",
    "What Prometheus still calls experimental may change, and is refused with a message that says so unless storewatch.yml",
    "has `features: { promql_experimental: true }`:",
    "",
    ...table(
      ["", "does"],
      [
        [
          '`info(v)`, `info(v, {data=~".+"})`',
          "adds the labels of `target_info`, or of another info metric, to the series of the same `instance` and `job`",
        ],
        [
          "`rate(x[5m] anchored)`",
          "counts from the last sample before the range on: whole numbers for whole events. With `increase`, `delta`, `changes`, `resets`",
        ],
        [
          "`rate(x[5m] smoothed)`, `x smoothed`",
          "takes the values at both ends from the line between the samples around them. With `increase`, `delta`, or alone",
        ],
        ["`a / fill(0) b`, `fill_left`, `fill_right`", "takes this value where one side has no series to match"],
        ["`x[step() * 2]`, `offset (1m + 30s)`", "durations that are worked out; also `range()`, `min_of`, `max_of`"],
        ["aggregations", experiments(aggregations).map(name).join(", ")],
        ["functions", experiments(functions).map(name).join(", ")],
      ],
    ),
  );
}

function argumentsOf({ args, variadic }) {
  return args
    .map((type, i) => {
      const isLast = i === args.length - 1;
      if (isLast && variadic < 0) return `${type}…`;
      return variadic > 0 && i >= args.length - variadic ? `[${type}]` : type;
    })
    .join(", ");
}

function receiversPage({ RECEIVER_KINDS, SERVICE_KINDS, UNDELIVERED_KINDS }) {
  return page(
    "Receivers",
    "The Alertmanager file is read as Alertmanager 0.34 reads it. These receivers are delivered to. How to use them: [alert](../alert.md).",
    "*Template* is a Go template with Alertmanager's data and functions.",
    ...RECEIVER_KINDS.flatMap(({ key, keys }) => [
      "",
      `## ${key}`,
      ...table(
        ["key", "meaning"],
        Object.entries(keys).map(([name, text]) => [code(name), text]),
      ),
    ]),
    "",
    "## Services",
    "Keys as in Alertmanager, with its meaning and defaults; `http_configs` is our own: a request by template.",
    "",
    ...table(
      ["receiver", "keys"],
      SERVICE_KINDS.map(({ key, keys }) => [code(key), keys.map(code).join(", ")]),
    ),
    "",
    "## Not in this version",
    "Read and checked, with a warning; every notification to one of these counts as failed:",
    `${UNDELIVERED_KINDS.map(code).join(", ")}.`,
  );
}

/** Modules of the build. */
function fromBuild(pkg, module) {
  return import(pathToFileURL(path.join(ROOT, "packages", pkg, "dist", `${module}.js`)).href);
}

async function main() {
  const { ensureBuilt, ensureInstalled, requireNode } = await import("./bootstrap.mjs");
  requireNode();
  await ensureInstalled();
  await ensureBuilt();
  mkdirSync(REFERENCE_DIR, { recursive: true });
  for (const [name, text] of Object.entries(await referencePages(fromBuild))) {
    writeFileSync(path.join(REFERENCE_DIR, name), text);
    console.log(`docs/reference/${name}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
