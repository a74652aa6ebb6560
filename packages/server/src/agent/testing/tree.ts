// A tree of files as /proc and /sys show them, from a table.
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { temporaryDir } from "@storewatch/testkit";

export interface Tree {
  readonly dir: string;
  write(files: Readonly<Record<string, string>>): void;
  /** `to` as it is written into the link. */
  link(name: string, to: string): void;
  remove(name: string): void;
}

export function makeTree(files: Readonly<Record<string, string>>): Tree {
  const dir = temporaryDir("agent-tree-");
  const place = (name: string) => {
    const file = path.join(dir, name);
    mkdirSync(path.dirname(file), { recursive: true });
    return file;
  };
  const tree: Tree = {
    dir,
    write: (more) => {
      for (const [name, text] of Object.entries(more)) writeFileSync(place(name), text);
    },
    link: (name, to) => symlinkSync(to, place(name)),
    remove: (name) => rmSync(path.join(dir, name), { recursive: true }),
  };
  tree.write(files);
  return tree;
}
