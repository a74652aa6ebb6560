// DNS records as discovery needs them. Names are asked as they stand, without the search list of the machine.
import { Resolver } from "node:dns/promises";
import type { DnsRecordType } from "../prometheus-config.ts";

export interface DnsRecord {
  /** An address, or the name that a record points to. */
  readonly target: string;
  /** Of SRV records. */
  readonly port?: number;
}

export interface DnsResolver {
  /** No such name, or none of the type: an empty list. Throws when there was no answer. */
  resolve(name: string, type: DnsRecordType): Promise<readonly DnsRecord[]>;
}

const QUERY_TIMEOUT_MS = 5000;
const TRIES = 2;

/** Asks the name servers of the machine. */
export function systemResolver(): DnsResolver {
  const ask = async (name: string, type: DnsRecordType): Promise<readonly DnsRecord[]> => {
    // Made anew each time: the machine's name servers may have changed.
    const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: TRIES });
    switch (type) {
      case "A":
        return (await resolver.resolve4(name)).map((target) => ({ target }));
      case "AAAA":
        return (await resolver.resolve6(name)).map((target) => ({ target }));
      case "SRV":
        return (await resolver.resolveSrv(name)).map(({ name: target, port }) => ({ target, port }));
      case "MX":
        return (await resolver.resolveMx(name)).map(({ exchange }) => ({ target: exchange }));
      case "NS":
        return (await resolver.resolveNs(name)).map((target) => ({ target }));
    }
  };
  return {
    async resolve(name, type) {
      try {
        return await ask(name, type);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "ENOTFOUND" || code === "ENODATA") return [];
        throw error;
      }
    },
  };
}
