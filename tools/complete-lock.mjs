// Completes package-lock.json after `npm install`: npm leaves optional packages of other platforms out of the lock when its
// registry does not carry them, and `npm ci` then refuses the lock. The entries name version and platform only.
import { readFileSync, writeFileSync } from "node:fs";

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
let added = 0;
for (const [where, pkg] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(pkg.optionalDependencies ?? {})) {
    const at = `node_modules/${name}`;
    if (lock.packages[at] || lock.packages[`${where}/${at}`]) continue;
    const m =
      /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|x64|ia32|ppc64|riscv64|s390x)(?:-(gnu|musl|gnueabihf|musleabihf|eabi|msvc))?$/.exec(
        name,
      );
    if (!m) {
      console.log("?", where, name, version);
      continue;
    }
    const entry = { version, cpu: [m[2]] };
    if (pkg.dev) entry.dev = true;
    if (m[1] === "linux" && m[3]) entry.libc = [m[3].startsWith("musl") ? "musl" : "glibc"];
    entry.optional = true;
    entry.os = [m[1]];
    lock.packages[at] = entry;
    added++;
  }
}
const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
lock.packages = sorted;
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
console.log("added", added);
