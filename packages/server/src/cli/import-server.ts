// The running Storewatch that an import writes to, and what the imports of samples share.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { ProtobufReader } from "../collect/protobuf/reader.ts";
import { snappyCompress } from "../collect/protobuf/snappy.ts";
import { systemEnvironment } from "../config/environment.ts";
import { loadConfig } from "../config/storewatch-config.ts";
import type { SafeHttp } from "../kernel/safe-http.ts";
import { type CommandContext, UsageError } from "./output.ts";

export interface ServerFlags {
  readonly server: string;
  /** File with a token for the server; default DATA/admin-token. */
  readonly tokenFile?: string;
  readonly config?: string;
  readonly data?: string;
}

/** Without a slash at the end; with user and password in it, where the other side wants them. */
export function addressOf(text: string, what: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new UsageError(`${what}: expected an http or https URL`);
  return text.replace(/\/+$/, "");
}

export function serverToken(flags: Omit<ServerFlags, "server">, { workingDir }: CommandContext): string {
  if (flags.tokenFile) return readSecret(path.resolve(workingDir, flags.tokenFile));
  const environment = systemEnvironment();
  if (environment.STOREWATCH_TOKEN) return environment.STOREWATCH_TOKEN;
  const { dataDir } = loadConfig({
    ...(flags.config === undefined ? {} : { file: flags.config }),
    flags: flags.data === undefined ? {} : { data: flags.data },
    workingDir,
    environment,
  });
  const file = path.join(dataDir, "admin-token");
  if (existsSync(file)) return readSecret(file);
  throw new UsageError(`no token for the server: ${file} is not there; use --token-file or STOREWATCH_TOKEN`);
}

export function readSecret(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export interface Written {
  written: number;
  tooOld: number;
  refused: number;
  /** Why the first one was. */
  example: string;
}

const TIMEOUT_MS = 10 * 60_000;
/** Before compression: some 500,000 samples. */
const PIECE_BYTES = 8 * 2 ** 20;

/** Writes encoded series (`timeseries` fields of remote write 1.0) in pieces to the server. Throws what it answers. */
export class BackfillClient {
  readonly total: Written = { written: 0, tooOld: 0, refused: 0, example: "" };

  constructor(
    private readonly http: SafeHttp,
    private readonly server: string,
    private readonly token: string,
    private readonly tenant: string | undefined,
  ) {}

  async write(bytes: Uint8Array): Promise<void> {
    for (const piece of pieces(bytes)) await this.send(piece);
  }

  private async send(piece: Uint8Array): Promise<void> {
    const answer = await this.http.request({
      method: "POST",
      url: `${this.server}/api/storewatch/v1/backfill`,
      headers: {
        authorization: `Bearer ${this.token}`,
        "content-type": "application/x-protobuf",
        "content-encoding": "snappy",
        ...(this.tenant && { "x-scope-orgid": this.tenant }),
      },
      body: snappyCompress(piece),
      timeoutMs: TIMEOUT_MS,
      origin: "operator",
    });
    const text = answer.body.toString("utf8");
    if (answer.status !== 200) {
      throw new Error(`${new URL(this.server).origin} answered ${answer.status}: ${text.trim().slice(0, 300)}`);
    }
    const report = JSON.parse(text) as {
      readonly written: number;
      readonly tooOld: number;
      readonly refused: readonly { readonly count: number; readonly example: string }[];
    };
    const { total } = this;
    total.written += report.written;
    total.tooOld += report.tooOld;
    for (const { count, example } of report.refused) {
      total.refused += count;
      total.example ||= example;
    }
  }
}

/** Runs of whole fields: what repeats a field may be cut between two of them. */
function* pieces(bytes: Uint8Array): Iterable<Uint8Array> {
  const reader = new ProtobufReader(bytes);
  let from = 0;
  while (reader.next(reader.end)) {
    reader.skip();
    if (reader.position - from < PIECE_BYTES) continue;
    yield bytes.subarray(from, reader.position);
    from = reader.position;
  }
  if (reader.position > from) yield bytes.subarray(from, reader.position);
}

export function sayTotal({ written, tooOld, refused, example }: Written, context: CommandContext): void {
  context.out(`${written} samples imported`);
  context.out(tooOld > 0 ? `, ${tooOld} older than the retention left out\n` : "\n");
  if (refused > 0) context.err(`storewatch: ${refused} samples were refused, for example: ${example}\n`);
}
