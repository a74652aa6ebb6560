// A TLS handshake with a server, to see its certificates. Whether they are good is a result, not a condition.
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import tls from "node:tls";
import type { Clock } from "@storewatch/model";
import { type CertificateFacts, factsOf } from "./certificate.ts";

export interface HostTarget {
  /** As written; value of the label `target`. */
  readonly target: string;
  readonly host: string;
  readonly port: number;
  /** Name asked for in the handshake. */
  readonly servername: string;
}

/** `HOST:PORT`, `[IPV6]:PORT`, each also with `/NAME`. */
export function parseHostTarget(text: string): HostTarget | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:/[\]\s]+)):(\d{1,5})(?:\/([^:/\s]+))?$/.exec(text);
  if (!match) return undefined;
  const host = match[1] ?? match[2];
  const port = Number(match[3]);
  if (port < 1 || port > 65_535) return undefined;
  return { target: text, host, port, servername: match[4] ?? host };
}

export interface HostCertificates {
  /** The server's own first. */
  readonly chain: readonly CertificateFacts[];
  readonly isTrusted: boolean;
  /** `TLSv1.3` */
  readonly version: string;
}

/** Rejects when no handshake comes about within the time. */
export function probeHost(
  { host, port, servername }: HostTarget,
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<HostCertificates> {
  return new Promise((resolve, reject) => {
    // A name check needs a name; an address is never sent as one.
    const name = isIP(servername) === 0 ? { servername } : {};
    const socket = tls.connect({ host, port, ...name, rejectUnauthorized: false });
    const fail = (reason: unknown) => {
      socket.destroy();
      reject(reason instanceof Error ? reason : new Error(String(reason)));
    };
    const timer = clock.setTimer(timeoutMs, () => fail(new Error(`no handshake after ${timeoutMs / 1000} s`)));
    const stop = () => fail(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    socket.once("error", fail);
    socket.once("close", () => {
      timer.cancel();
      signal.removeEventListener("abort", stop);
    });
    socket.once("secureConnect", () => {
      const result = {
        chain: chainOf(socket.getPeerCertificate(true)),
        isTrusted: socket.authorized,
        version: socket.getProtocol() ?? "",
      };
      socket.destroy();
      if (result.chain.length === 0) reject(new Error("the server sent no certificate"));
      else resolve(result);
    });
  });
}

/** A root is its own issuer. */
function chainOf(first: tls.DetailedPeerCertificate): readonly CertificateFacts[] {
  const chain: CertificateFacts[] = [];
  const seen = new Set<string>();
  let current: tls.DetailedPeerCertificate | undefined = first;
  while (current?.raw && !seen.has(current.fingerprint256)) {
    seen.add(current.fingerprint256);
    chain.push(factsOf(new X509Certificate(current.raw)));
    current = current.issuerCertificate;
  }
  return chain;
}
