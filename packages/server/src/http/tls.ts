// TLS of the listener: files read at the start and again when they change, as certificate tools renew them in place.
import { readFileSync } from "node:fs";
import { createSecureContext, type Server } from "node:tls";
import type { Clock } from "@storewatch/model";
import { StorewatchError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/logger.ts";

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

/** How often the files are looked at. Polled, because a watch misses the renames and links of such tools. */
const LOOK_MS = 5000;

/** Throws TLS_FILES when they cannot be read or do not belong together. */
export function readTlsPair({ certFile, keyFile }: TlsFiles): TlsPair {
  try {
    const pair = { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
    createSecureContext(pair);
    return pair;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StorewatchError("TLS_FILES", { reason: `${reason} (${certFile}, ${keyFile})` }, { cause: error });
  }
}

/** New connections get the new certificate; a pair that is not usable is told once, and the old one stays. */
export function watchTls(server: Server, files: TlsFiles, first: TlsPair, clock: Clock, logger: Logger): () => void {
  let current = first;
  let lastProblem = "";
  let timer = clock.setTimer(LOOK_MS, look);
  function look(): void {
    try {
      const pair = readTlsPair(files);
      if (pair.cert !== current.cert || pair.key !== current.key) {
        server.setSecureContext({ ...pair, minVersion: "TLSv1.2" });
        current = pair;
        logger.info({ certFile: files.certFile }, "the TLS certificate was reloaded");
      }
      lastProblem = "";
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== lastProblem)
        logger.error({ problem }, "the TLS files changed and are not usable: the old ones stay");
      lastProblem = problem;
    }
    timer = clock.setTimer(LOOK_MS, look);
  }
  return () => timer.cancel();
}
