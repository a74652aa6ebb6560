// The pages of docs/reference are made from the code, so they must be what the code makes now.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { RECEIVER_KINDS } from "../packages/server/src/alerts/config/receiver-keys.ts";
import { REFERENCE_DIR, referencePages } from "./reference.mjs";

const ROOT = path.resolve(import.meta.dirname, "..");
let pages: Readonly<Record<string, string>>;
beforeAll(async () => {
  pages = await referencePages((pkg, module) => import(path.join(ROOT, "packages", pkg, "src", `${module}.ts`)));
});

describe("docs/reference", () => {
  test("the pages are those that `npm run reference` writes", () => {
    expect(readdirSync(REFERENCE_DIR).sort()).toEqual(Object.keys(pages).sort());
    for (const [name, text] of Object.entries(pages)) {
      expect(readFileSync(path.join(REFERENCE_DIR, name), "utf8"), `${name}: run \`npm run reference\``).toBe(text);
    }
  });

  test("every key of storewatch.yml has a description", () => {
    expect(pages["config.md"]).not.toContain("no description");
  });

  test("every key of a receiver has its line, and no line is without its key", () => {
    for (const { key, schema, keys } of RECEIVER_KINDS) {
      expect(Object.keys(keys).sort(), key).toEqual(Object.keys(schema.shape).sort());
    }
  });
});

describe("docs", () => {
  const files = (dir: string): string[] =>
    readdirSync(path.join(ROOT, dir), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? files(`${dir}/${entry.name}`) : entry.name.endsWith(".md") ? [`${dir}/${entry.name}`] : [],
    );
  const documents = [...files("docs"), "README.md", "README.vi.md", "CONTRIBUTING.md", "CHANGELOG.md"];

  test("links between documents lead to files and headings that exist", () => {
    const broken = documents.flatMap((file) => {
      const text = readFileSync(path.join(ROOT, file), "utf8").replace(/^```.*?^```/gms, "");
      return [...text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].flatMap(([, link]) => {
        const [name, anchor] = link.split("#");
        const target = name === "" ? file : path.join(path.dirname(file), name);
        if (!existsSync(path.join(ROOT, target))) return [`${file}: ${link}`];
        return anchor && !headingsOf(target).includes(anchor) ? [`${file}: ${link}`] : [];
      });
    });
    expect(broken).toEqual([]);
  });

  /** Headings as code hosts make anchors of them. */
  function headingsOf(file: string): string[] {
    const text = readFileSync(path.join(ROOT, file), "utf8").replace(/^```.*?^```/gms, "");
    return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
        .replaceAll(" ", "-"),
    );
  }
});
