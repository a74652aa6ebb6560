// Set-up that `npm start`, `npm test` and the other scripts share: installs and builds what is missing, with progress.
// Plain JavaScript on Node alone, because it runs before anything is installed.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const STAMPS = path.join(ROOT, "node_modules", ".storewatch");

/** Stops with one clear line when this Node is too old. */
export function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(
    `Storewatch needs Node 20.19 or newer; this is ${process.version}. Install one from nodejs.org and try again.`,
  );
  process.exit(1);
}

/** Installs the locked dependencies unless they are there, whoever installed them. */
export async function ensureInstalled() {
  const { packages } = JSON.parse(readFileSync(path.join(ROOT, "package-lock.json"), "utf8"));
  if (isInstalled(packages)) return;
  // The lock file has one entry a package; those of workspaces and links are few enough not to matter for progress.
  const total = Object.keys(packages).length;
  const npm = process.env.npm_execpath;
  const argv = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const command = npm ? process.execPath : process.platform === "win32" ? "npm.cmd" : "npm";
  await runWithProgress(
    "Installing packages",
    command,
    npm ? [npm, ...argv] : argv,
    () => `${countPackages()}/${total}`,
  );
}

/** npm notes what it installed in a lock file of its own below node_modules; optional packages may be left out. */
function isInstalled(wanted) {
  const note = path.join(ROOT, "node_modules/.package-lock.json");
  if (!existsSync(note)) return false;
  const installed = JSON.parse(readFileSync(note, "utf8")).packages;
  return Object.entries(wanted).every(([where, entry]) => {
    if (!where.startsWith("node_modules/") || entry.link) return true;
    return installed[where] ? installed[where].version === entry.version : entry.optional === true;
  });
}

/** Compiles and bundles when a source changed since the last build. `force` builds whatever the stamp says. */
export async function ensureBuilt({ force = false } = {}) {
  const wanted = sourcesHash();
  if (!force && readStamp("build") === wanted) return;
  const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
  const projects = [
    "packages/testkit",
    "packages/server",
    "packages/sdk",
    "packages/sdk/tsconfig.browser.json",
    "examples/shop",
  ];
  await runWithProgress("Compiling TypeScript", process.execPath, [tsc, "-b", ...projects]);
  await runWithProgress("Bundling the server", process.execPath, [path.join(ROOT, "tools/bundle.mjs")]);
  await runWithProgress("Bundling the SDK", process.execPath, [path.join(ROOT, "tools/bundle-sdk.mjs")]);
  const vite = path.join(ROOT, "node_modules/vite/bin/vite.js");
  await runWithProgress(
    "Bundling the web app",
    process.execPath,
    [vite, "build", "--logLevel", "error"],
    undefined,
    path.join(ROOT, "packages/ui"),
  );
  writeStamp("build", wanted);
}

/** Runs a program in the foreground and returns its exit code. */
export function run(command, argv, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, argv, { cwd: ROOT, stdio: "inherit", ...options });
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
}

function runWithProgress(title, command, argv, detail = () => "", cwd = ROOT) {
  const startedAt = Date.now();
  const live = process.stdout.isTTY;
  const line = () => `${title}… ${detail()} ${Math.round((Date.now() - startedAt) / 1000)} s`.replace(/ +/g, " ");
  if (!live) console.log(`${title}…`);
  return new Promise((resolve, reject) => {
    const child = spawn(command, argv, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const ticker = setInterval(
      () => (live ? process.stdout.write(`\r\x1b[K${line()}`) : console.log(`  ${line()}`)),
      live ? 500 : 10_000,
    );
    child.on("error", reject);
    child.on("exit", (code) => {
      clearInterval(ticker);
      if (live) process.stdout.write("\r\x1b[K");
      console.log(`${code === 0 ? "✓" : "✗"} ${title} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
      if (code === 0) return resolve();
      console.error(output);
      console.error(`${title} failed (exit code ${code}): see above.`);
      process.exit(1);
    });
  });
}

function countPackages() {
  const dir = path.join(ROOT, "node_modules");
  if (!existsSync(dir)) return 0;
  let count = 0;
  for (const name of readdirSync(dir)) {
    if (name.startsWith("@")) count += readdirSync(path.join(dir, name)).length;
    else if (!name.startsWith(".")) count += 1;
  }
  return count;
}

function readStamp(name) {
  const file = path.join(STAMPS, name);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

function writeStamp(name, value) {
  mkdirSync(STAMPS, { recursive: true });
  writeFileSync(path.join(STAMPS, name), value);
}

/** Changes when a source file is added, removed or written: path, size and time of each, about 10 ms for 1000 files. */
function sourcesHash() {
  const hash = createHash("sha256");
  hash.update(readFileSync(path.join(ROOT, "package-lock.json")));
  for (const top of ["packages", "examples"]) {
    for (const name of readdirSync(path.join(ROOT, top))) {
      const dir = path.join(ROOT, top, name);
      if (!statSync(dir).isDirectory()) continue;
      // A deleted build must be made again, whatever the stamp says.
      hash.update(`${name} ${existsSync(path.join(dir, "dist"))}`);
      for (const entry of ["package.json", "tsconfig.json", "index.html", "vite.config.ts", "src", "public"])
        addToHash(hash, path.join(dir, entry));
    }
  }
  addToHash(hash, path.join(ROOT, "tsconfig.base.json"));
  for (const tool of ["bundle.mjs", "bundle-sdk.mjs", "bundle-browser.mjs"])
    addToHash(hash, path.join(ROOT, "tools", tool));
  return hash.digest("hex");
}

function addToHash(hash, file) {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat) return;
  if (stat.isDirectory()) {
    for (const name of readdirSync(file).sort()) addToHash(hash, path.join(file, name));
  } else if (!/\.(test|bench)\.tsx?$/.test(file)) {
    hash.update(`${path.relative(ROOT, file)} ${stat.size} ${stat.mtimeMs}\n`);
  }
}
