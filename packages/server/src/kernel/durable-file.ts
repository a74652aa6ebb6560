// Files that are old or new, never half, and are still there after a power cut.
import { mkdir, open, rename, rm } from "node:fs/promises";
import path from "node:path";

/** Writes beside the file, syncs, renames over it and syncs the folder, which is made when missing. */
export async function replaceFile(file: string, text: string): Promise<void> {
  const dir = path.dirname(file);
  await mkdir(dir, { recursive: true });
  const beside = `${file}.tmp`;
  const handle = await open(beside, "w", 0o640);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, file);
  await syncDir(dir);
}

/** Resolves when the file is gone for good; one that is not there is fine. */
export async function removeFile(file: string): Promise<void> {
  await rm(file, { force: true });
  await syncDir(path.dirname(file));
}

async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
