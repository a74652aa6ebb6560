import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { storeContract } from "../testing/contracts.ts";
import { SqlitePool } from "./sqlite-pool.ts";

storeContract("SQLite", async (limits) => {
  const directory = mkdtempSync(path.join(os.tmpdir(), "shop-store-"));
  const pool = new SqlitePool(path.join(directory, "shop.sqlite"), limits);
  return { pool, dispose: async () => rmSync(directory, { recursive: true, force: true }) };
});
