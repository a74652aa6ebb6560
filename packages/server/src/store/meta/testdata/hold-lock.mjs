// Holds the lock of a data directory until it is killed, as data-dir.ts does it.
import { mkdirSync } from "node:fs";
import path from "node:path";

const dir = process.argv[2];
mkdirSync(dir, { recursive: true });
const file = path.join(dir, "lock.db");
const own = Number(process.versions.node.split(".")[0]) >= 24 ? process.getBuiltinModule("node:sqlite") : undefined;
const database = own ? new own.DatabaseSync(file) : new (await import("libsql")).default(file);
database.exec("pragma locking_mode = exclusive; begin exclusive; create table if not exists held (x); commit;");
process.send("held");
setInterval(() => database, 1000);
