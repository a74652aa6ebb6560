// A PostgreSQL of its own for a test: new cluster in a temporary folder, a free port, a password.
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { findPeer, freePort, temporaryDir } from "@storewatch/testkit";

const FOLDERS = "/usr/lib/postgresql";

function debianFolders(): readonly string[] {
  try {
    return readdirSync(FOLDERS).map((version) => path.join(FOLDERS, version, "bin"));
  } catch {
    return [];
  }
}

export const initdb = findPeer("initdb", debianFolders());

export interface PostgresServer {
  readonly port: number;
  readonly dir: string;
  readonly bin: string;
  readonly password: string;
  /** Runs SQL as the superuser; what psql prints, unaligned. */
  sql(text: string, database?: string): string;
  /** As the user that the server runs as. */
  run(program: string, args: readonly string[]): string;
  start(): void;
  stop(): void;
  /** Gives a file that a test wrote to the server's user, closed to others. */
  own(file: string): void;
}

/** PostgreSQL does not run as root: then the package's own user runs it. */
const asUser = process.getuid?.() === 0 ? ["runuser", "-u", "postgres", "--"] : [];

export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
  const bin = path.dirname(initdb ?? "");
  const dir = temporaryDir("storewatch-pg-");
  const port = await freePort();
  const password = "pg-S3cret/hush";
  const passwordFile = path.join(dir, "password");
  writeFileSync(passwordFile, `${password}\n`);
  const own = (file: string) => {
    if (asUser.length === 0) return;
    const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
    chownSync(file, id("-u"), id("-g"));
  };
  own(dir);
  own(passwordFile);
  chmodSync(dir, 0o700);
  const run = (program: string, args: readonly string[]) => {
    const [command, ...rest] = [...asUser, path.join(bin, program), ...args];
    return execFileSync(command, rest, { cwd: dir, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  };
  const data = path.join(dir, "data");
  run("initdb", ["-D", data, "-U", "postgres", "-A", "scram-sha-256", `--pwfile=${passwordFile}`]);
  const all = {
    port: String(port),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: dir,
    fsync: "off",
    ...settings,
  };
  const options = Object.entries(all).map(([name, value]) => `-c ${name}='${value}'`);
  // Without a file for its output pg_ctl would hold ours open.
  const start = () =>
    void run("pg_ctl", ["-D", data, "-l", path.join(dir, "log"), "-w", "-o", options.join(" "), "start"]);
  start();
  return {
    port,
    dir,
    bin,
    password,
    run,
    own,
    start,
    stop: () => void run("pg_ctl", ["-D", data, "-m", "immediate", "-w", "stop"]),
    sql: (text, database = "postgres") =>
      execFileSync(
        path.join(bin, "psql"),
        [
          "-h",
          "127.0.0.1",
          "-p",
          String(port),
          "-U",
          "postgres",
          "-d",
          database,
          "-v",
          "ON_ERROR_STOP=1",
          "-Atqc",
          text,
        ],
        { encoding: "utf8", env: { ...process.env, PGPASSWORD: password }, stdio: ["ignore", "pipe", "pipe"] },
      ),
  };
}
