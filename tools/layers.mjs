// Who may import whom (docs/architecture.md): closed by default, checked with dependency-cruiser.
import { readdirSync } from "node:fs";
import path from "node:path";
import { cruise } from "dependency-cruiser";
import { ROOT } from "./bootstrap.mjs";

const BASE = ["kernel", "tenant", "config", "template"];
/** Folder of packages/server/src → the folders it may import besides itself. */
const MAY = {
  kernel: [],
  tenant: ["kernel", "config"],
  config: ["kernel"],
  template: ["kernel"],
  auth: [...BASE, "store"],
  store: BASE,
  collect: [...BASE, "store"],
  alerts: [...BASE, "store"],
  query: [...BASE, "store"],
  // What other systems fetch: it speaks the protocols that collect reads.
  export: [...BASE, "store", "query", "collect"],
  rules: [...BASE, "store", "query"],
  dashboards: [...BASE, "store", "query"],
  overview: [...BASE, "store", "query"],
  notify: [...BASE, "alerts"],
  demo: BASE,
  // A program of its own, beside the server: it watches a machine. Of collect only the client of the Kubernetes API (rule
  // "agent-uses-the-kubernetes-client").
  agent: [...BASE, "collect"],
  http: [
    ...BASE,
    "auth",
    "store",
    "collect",
    "alerts",
    "query",
    "export",
    "rules",
    "dashboards",
    "overview",
    "notify",
    "demo",
  ],
  // The CLI checks files with each feature's own checker and starts what app builds.
  cli: [...BASE, "auth", "store", "collect", "alerts", "notify", "rules", "dashboards", "agent", "app"],
  app: [
    "kernel",
    "tenant",
    "config",
    "template",
    "auth",
    "store",
    "collect",
    "alerts",
    "query",
    "export",
    "rules",
    "dashboards",
    "overview",
    "notify",
    "demo",
    "http",
  ],
  conformance: [
    "kernel",
    "tenant",
    "config",
    "template",
    "store",
    "collect",
    "alerts",
    "query",
    "rules",
    "dashboards",
    "notify",
    "app",
  ],
};
/** Package folder → the package folders it may import. */
const PACKAGES = {
  "packages/model": [],
  "packages/promql": ["packages/model"],
  "packages/tsdb": ["packages/model"],
  "packages/testkit": ["packages/model"],
  "packages/server": ["packages/model", "packages/promql", "packages/tsdb"],
  "packages/ui": ["packages/model", "packages/promql"],
  "packages/sdk": [],
  "examples/shop": ["packages/sdk"],
  "examples/shop-nest": ["packages/sdk"],
};

/** Tests, benchmarks, and what only they import (`testing.ts`, `testing/`). */
const TEST_SUPPORT = "[.](test|bench|soak)[.]tsx?$|/testing([.]ts|/)";
const SERVER = "^packages/server/src/";
const folders = Object.entries(MAY).map(([folder, to]) => ({
  name: `layer:${folder}`,
  severity: "error",
  from: { path: `${SERVER}${folder}/`, pathNot: TEST_SUPPORT },
  to: { path: `${SERVER}[^/]+`, pathNot: `${SERVER}(${[folder, ...to].join("|")})/` },
}));
const packages = Object.entries(PACKAGES).map(([folder, to]) => ({
  name: `package:${folder}`,
  severity: "error",
  from: { path: `^${folder}/`, pathNot: TEST_SUPPORT },
  to: { path: "^(packages|examples)/", pathNot: `^(${[folder, ...to].join("|")})/` },
}));
const RULES = [
  ...folders,
  ...packages,
  {
    name: "no-cycle",
    severity: "error",
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
  },
  {
    name: "siblings",
    severity: "error",
    from: { path: `${SERVER}(notify|collect/ingest)/([^/]+)/` },
    to: { path: `${SERVER}$1/[^/]+/`, pathNot: `${SERVER}$1/($2|stage|template)/` },
  },
  {
    name: "engines-only-through-the-interface",
    severity: "error",
    from: { path: SERVER, pathNot: `${SERVER}(app|store|cli|conformance)/|[.]test[.]ts$` },
    to: { path: `${SERVER}store/[^/]+/`, pathNot: `${SERVER}store/[^/]+/interface[.]ts$` },
  },
  {
    name: "agent-uses-the-kubernetes-client",
    severity: "error",
    from: { path: `${SERVER}agent/`, pathNot: TEST_SUPPORT },
    to: {
      path: `${SERVER}collect/`,
      pathNot: `${SERVER}collect/(discovery/kubernetes/(access|client|reflector|objects)|http/configured-http)[.]ts$`,
    },
  },
  {
    name: "nobody-imports-app",
    severity: "error",
    from: { path: SERVER, pathNot: `${SERVER}(app|cli|conformance)/|${SERVER}main[.]ts` },
    to: { path: `${SERVER}app/` },
  },
  {
    name: "no-testkit-in-product",
    severity: "error",
    from: { path: "^packages/", pathNot: `^packages/testkit/|${TEST_SUPPORT}` },
    to: { path: "^packages/testkit/" },
  },
  // kubernetes-types has type files only: the compiler finds them, there is no module.
  {
    name: "resolvable",
    severity: "error",
    from: {},
    to: { couldNotResolve: true, pathNot: "[.]css$|^kubernetes-types/" },
  },
];

/** A file in a folder that no rule covers is an error: the table above is the list of folders. */
function unlistedFolders() {
  const isFolder = (entry) => entry.isDirectory() && !entry.name.startsWith(".");
  const inServer = readdirSync(path.join(ROOT, "packages/server/src"), { withFileTypes: true })
    .filter(isFolder)
    .filter((e) => !(e.name in MAY));
  const inTree = ["packages", "examples"].flatMap((top) =>
    readdirSync(path.join(ROOT, top), { withFileTypes: true })
      .filter(isFolder)
      .map((e) => `${top}/${e.name}`)
      .filter((p) => !(p in PACKAGES)),
  );
  return [...inServer.map((e) => `packages/server/src/${e.name}`), ...inTree];
}

function countSources(dir) {
  let count = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) count += countSources(path.join(dir, entry.name));
    else if (/\.tsx?$/.test(entry.name)) count += 1;
  }
  return count;
}

process.chdir(ROOT);
const sources = Object.keys(PACKAGES).map((folder) => `${folder}/src`);
const result = await cruise(sources, {
  ruleSet: { forbidden: RULES },
  validate: true,
  tsPreCompilationDeps: true,
  doNotFollow: { path: "node_modules" },
  exclude: { path: "(^|/)dist/" },
  enhancedResolveOptions: {
    exportsFields: ["exports"],
    conditionNames: ["@storewatch/source", "import", "default"],
    extensions: [".ts", ".tsx", ".js", ".mjs", ".json", ".css"],
  },
});
const report = result.output;
const violations = report.summary.violations;
for (const v of violations) console.error(`${v.from} → ${v.to}: ${v.rule.name}`);
for (const folder of unlistedFolders()) console.error(`${folder}: a folder that tools/layers.mjs does not list`);
const read = report.modules.filter((m) => /^(packages|examples)\/[^/]+\/src\//.test(m.source)).length;
const expected = sources.reduce((sum, dir) => sum + countSources(path.join(ROOT, dir)), 0);
// The cruiser reads nothing, and reports success, when it finds no TypeScript parser.
if (read < expected) console.error(`only ${read} of ${expected} source files were read`);
const ok = violations.length === 0 && unlistedFolders().length === 0 && read >= expected;
console.log(`${read} files, ${report.summary.totalDependenciesCruised} imports, ${violations.length} violations`);
process.exit(ok ? 0 : 1);
