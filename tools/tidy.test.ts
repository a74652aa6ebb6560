// House rules as tests (docs/style in CONTRIBUTING): each failure names the file and the reason.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "..");

function filesUnder(dir: string, pattern: RegExp): string[] {
  return readdirSync(path.join(ROOT, dir), { withFileTypes: true }).flatMap((entry) => {
    const name = `${dir}/${entry.name}`;
    if (entry.isDirectory())
      return ["node_modules", "dist", "testdata"].includes(entry.name) ? [] : filesUnder(name, pattern);
    return pattern.test(entry.name) ? [name] : [];
  });
}

const sources = [...filesUnder("packages", /\.tsx?$/), ...filesUnder("examples", /\.tsx?$/)].filter(
  (file) => file.includes("/src/") && !file.endsWith(".d.ts"),
);
const product = sources.filter((file) => !/\.(test|bench)\.tsx?$/.test(file));
const text = new Map(sources.map((file) => [file, readFileSync(path.join(ROOT, file), "utf8")]));

/** Lines of `file` that match, as `file:line`, comments left out. */
function linesWith(file: string, pattern: RegExp): string[] {
  return text
    .get(file)!
    .split("\n")
    .flatMap((line, i) => (pattern.test(line.replace(/\/\/.*$|^\s*\*.*$/, "")) ? [`${file}:${i + 1}`] : []));
}

describe("tidy", () => {
  test("no dump files: a file is named after its concept", () => {
    const banned = /(^|\/)(utils?|common|misc|base|helpers?)(\.tsx?|\/)/;
    expect(sources.filter((file) => banned.test(file))).toEqual([]);
  });

  test("no `any` and no non-literal RegExp: users' patterns run on RE2", () => {
    const offenders = product.flatMap((file) => linesWith(file, /new RegExp\((?!["'`/])/));
    expect(offenders).toEqual([]);
  });

  test("process.env is read in server/config only", () => {
    const allowed = /^packages\/server\/src\/(config|cli)\/|^examples\/|^packages\/(ui|testkit)\//;
    expect(product.filter((file) => !allowed.test(file)).flatMap((file) => linesWith(file, /process\.env\b/))).toEqual(
      [],
    );
  });

  test("time, timers and randomness come from the kernel in what is tested with a fake clock", () => {
    const watched = /^packages\/(promql|tsdb|model)\/src\/|^packages\/server\/src\//;
    const allowed = /^packages\/server\/src\/(kernel|cli|conformance)\//;
    const pattern = /\b(Date\.now\(|setTimeout\(|setInterval\(|Math\.random\()/;
    const files = product.filter((file) => watched.test(file) && !allowed.test(file));
    expect(files.flatMap((file) => linesWith(file, pattern))).toEqual([]);
  });

  test("files stay readable: 600 lines, more only with a reason here", () => {
    const reasons: Record<string, string> = {
      "packages/ui/src/text/en.ts": "a table of words, one a line",
      "packages/ui/src/text/vi.ts": "a table of words, one a line",
    };
    const long = product.filter((file) => text.get(file)!.split("\n").length > 600 && !(file in reasons));
    expect(long).toEqual([]);
  });

  test("no registry host and no path of a build machine", () => {
    const files = [
      ...sources,
      ...filesUnder("docs", /\.md$/),
      ...filesUnder("tools", /\.(mjs|ts)$/),
      "package-lock.json",
      "README.md",
    ];
    const hosts = ["registry", "npmjs", "org"];
    const pattern = new RegExp(`${hosts.join("\\.")}|/work/(main|shared)`);
    const offenders = files.filter((file) => {
      try {
        return pattern.test(readFileSync(path.join(ROOT, file), "utf8"));
      } catch {
        return false;
      }
    });
    expect(offenders.filter((file) => file !== "tools/tidy.test.ts")).toEqual([]);
  });

  test("suppressions are few and carry a reason", () => {
    const bare = sources.flatMap((file) =>
      linesWith(file, /./).length === 0
        ? []
        : text
            .get(file)!
            .split("\n")
            .flatMap((line, i) =>
              /biome-ignore|@ts-expect-error|@ts-ignore/.test(line) &&
              !/biome-ignore \S+: \S|@ts-expect-error \S/.test(line)
                ? [`${file}:${i + 1}`]
                : [],
            ),
    );
    expect(bare).toEqual([]);
  });
});
