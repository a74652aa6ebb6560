// The example's pipelines: the very command lines in them, by a shell, against a built server.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { type StorewatchProcess, startStorewatch } from "@storewatch/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";

const ROOT = path.resolve(import.meta.dirname, "..");
const run = promisify(execFile);

interface GithubWorkflow {
  readonly env: Record<string, string>;
  readonly jobs: Record<string, { readonly steps: readonly { readonly run?: string; readonly env?: object }[] }>;
}
interface GitlabPipeline {
  readonly [job: string]: { readonly script?: readonly string[] };
}

let server: StorewatchProcess;
let token: string;

beforeAll(async () => {
  server = await startStorewatch();
  token = await createToken(null);
}, 40_000);
afterAll(async () => {
  await server?.stop();
});

async function createToken(tenants: string[] | null, role = "ingest"): Promise<string> {
  const body = JSON.stringify({ name: "ci", role, tenants });
  const init = { method: "POST", headers: { "content-type": "application/json" }, body };
  return ((await server.json("/api/storewatch/v1/tokens", init)) as { token: string }).token;
}

/** As a runner does it, with the program of this clone under the name that the pipelines call it by. */
async function shell(command: string, env: Record<string, string>) {
  const bin = path.join(ROOT, "packages/server/bin/storewatch.mjs");
  const script = `npx() { test "$1" = storewatch && shift && "${process.execPath}" "${bin}" "$@"; }\n${command}`;
  const all = { PATH: process.env.PATH, STOREWATCH_URL: server.url, STOREWATCH_TOKEN: token, ...env };
  return run("sh", ["-ec", script], { env: all as NodeJS.ProcessEnv, cwd: "/" });
}

interface Mark {
  readonly time: number;
  readonly text: string;
  readonly tenant?: string;
  readonly data: Record<string, string>;
}

async function marks(version: string, who?: string): Promise<Mark[]> {
  const init = who ? { headers: { authorization: `Bearer ${who}` } } : {};
  return (await server.json(`/api/annotations?tags=deploy&tags=version:${version}`, init)) as Mark[];
}

function deployLines(all: readonly (string | undefined)[]): string[] {
  return all.filter((line): line is string => line?.includes("storewatch deploy") === true);
}

const github = parse(readFileSync(path.join(ROOT, "examples/shop/ci/github-actions.yml"), "utf8")) as GithubWorkflow;
const gitlab = parse(readFileSync(path.join(ROOT, "examples/shop/ci/.gitlab-ci.yml"), "utf8")) as GitlabPipeline;

describe("the pipelines of the example", () => {
  const link = "https://ci.example/acme/shop/actions/runs/7";
  test.each([
    [
      "GitHub Actions",
      "1.4.0",
      deployLines(github.jobs.deploy.steps.map((step) => step.run)),
      {
        GITHUB_SHA: "abc",
        GITHUB_SERVER_URL: "https://ci.example",
        GITHUB_REPOSITORY: "acme/shop",
        GITHUB_RUN_ID: "7",
      },
    ],
    [
      "GitLab",
      "1.5.0",
      deployLines(Object.values(gitlab).flatMap((job) => job.script ?? [])),
      { CI_COMMIT_SHA: "abc", CI_PIPELINE_URL: link },
    ],
  ])("%s: both marks are there, once, also after a second run", async (_, version, lines, env) => {
    expect(lines).toHaveLength(2);
    for (const line of [...lines, ...lines]) {
      const { stdout, stderr } = await shell(line, { VERSION: version, ...env });
      expect([stdout, stderr]).toEqual([expect.stringMatching(/^(already )?marked: Deploy: shop /), ""]);
    }
    const data = { environment: "production", commit: "abc", link };
    const found = await marks(version);
    expect(found.map(({ text, tenant, data: details }) => ({ text, tenant, details }))).toEqual([
      { text: `Deploy: shop ${version} (production)`, tenant: undefined, details: data },
      {
        text: `Deploy: shop ${version} (production): canary`,
        tenant: "bepnha",
        details: { ...data, message: "canary" },
      },
    ]);
    const ofAnother = await createToken(["other"], "viewer");
    expect(await marks(version, ofAnother)).toHaveLength(1);
  });

  test("nothing secret stands in them, and the token is not printed", async () => {
    for (const name of ["github-actions.yml", ".gitlab-ci.yml"]) {
      const text = readFileSync(path.join(ROOT, "examples/shop/ci", name), "utf8");
      expect(text).not.toMatch(/--token[= ]/);
      for (const [, value] of text.matchAll(/(?:TOKEN|PASSWORD|KUBE_CONFIG): (\S+)/g)) expect(value).toBe("${{");
    }
    const refused = await shell(
      "npx storewatch deploy --service shop --version 9 --tenant other 2>&1 || echo exit $?",
      {
        STOREWATCH_TOKEN: await createToken(["bepnha"]),
      },
    );
    expect(refused.stdout).toMatch(/answered 403: [^\n]+\nexit 1\n$/);
    const wrong = await shell("npx storewatch deploy --service shop --version 9 2>&1 || echo exit $?", {
      STOREWATCH_TOKEN: "wrong-token-of-mine",
    });
    expect(wrong.stdout).toMatch(/answered 401: [^\n]+\nexit 1\n$/);
    expect(wrong.stdout).not.toContain("wrong-token");
  });

  test("a server that is away: a warning with --soft, else exit 1, after the time limit", async () => {
    const away = { STOREWATCH_URL: "http://127.0.0.1:1" };
    const soft = await shell("npx storewatch deploy --soft --timeout 2 --service shop --version 9 2>&1", away);
    expect(soft.stdout).toMatch(/^storewatch: warning: the deploy is not marked: [^\n]+\n$/);
    const hard = await shell("npx storewatch deploy --timeout 1 --service shop --version 9 2>&1 || echo exit $?", away);
    expect(hard.stdout).toMatch(/^storewatch: [^\n]+\nexit 1\n$/);
  });

  test("images and containers are those of the manifests", () => {
    const text = JSON.stringify([github, gitlab]);
    const set = [...text.matchAll(/set image deployment\/([a-z-]+) ([a-z-]+)=/g)];
    expect(set).toHaveLength(4);
    for (const [, deployment, container] of set) {
      const manifest = readFileSync(path.join(ROOT, `examples/shop/kubernetes/${deployment}.yaml`), "utf8");
      expect(manifest).toContain(`        - name: ${container}\n          image: ${github.env.IMAGE}:`);
    }
  });
});
