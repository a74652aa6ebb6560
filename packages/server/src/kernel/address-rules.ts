// Which addresses an outgoing connection may reach (architecture decision 9).
import { BlockList, isIP } from "node:net";

/** Who chose the URL: the operator's own files, or someone through API or web app. */
export type UrlOrigin = "operator" | "user";

type Range = readonly [network: string, prefix: number];

/** Link-local ranges and the metadata services of the large clouds: never reached by accident, whoever asks. */
const METADATA: readonly Range[] = [
  ["169.254.0.0", 16],
  ["100.100.100.200", 32],
  ["168.63.129.16", 32],
  ["192.0.0.192", 32],
  ["fe80::", 10],
  ["fd00:ec2::254", 128],
  ["fd20:ce::254", 128],
];

/** IPv4 that is not of the public internet (IANA's special-purpose registry). */
const NOT_PUBLIC_4: readonly Range[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];

/** Within 2000::/3, the only public IPv6 space: what is special there. 2002::/16 can carry any IPv4. */
const NOT_PUBLIC_6: readonly Range[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

export interface AddressRules {
  /** Why this IP address may not be reached, or undefined when it may. */
  refusal(address: string, origin: UrlOrigin): string | undefined;
}

/**
 * `allow` opens ranges (CIDR) to user URLs. It opens link-local and metadata addresses only where a range lies wholly
 * inside them: `0.0.0.0/0` is meant for "everything", never for the credentials of the machine. Throws on a bad CIDR.
 */
export function createAddressRules(allow: readonly string[] = []): AddressRules {
  const metadata = blockList(METADATA);
  const special = blockList([...NOT_PUBLIC_4, ...NOT_PUBLIC_6]);
  const global6 = blockList([["2000::", 3]]);
  const allowed = new BlockList();
  const allowedMetadata = new BlockList();
  for (const text of allow) {
    const [network, prefix] = mustParseCidr(text);
    add(allowed, [network, prefix]);
    if (METADATA.some((range) => isWithin([network, prefix], range))) add(allowedMetadata, [network, prefix]);
  }
  return {
    refusal(raw, origin) {
      const address = embeddedIpv4(raw) ?? raw;
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (metadata.check(address, family)) {
        return allowedMetadata.check(address, family) ? undefined : `${raw} is a link-local or cloud metadata address`;
      }
      if (origin === "operator" || allowed.check(address, family)) return undefined;
      const isPublic = !special.check(address, family) && (family === "ipv4" || global6.check(address, family));
      return isPublic ? undefined : `${raw} is not a public address; outgoing.allow in storewatch.yml can open it`;
    },
  };
}

/** Who is listened to where there is no credential: this machine, and who lies in the ranges. Throws on a bad CIDR. */
export function senderRules(allow: readonly string[]): (address: string) => boolean {
  const allowed = blockList([["127.0.0.0", 8], ["::1", 128], ...allow.map(mustParseCidr)]);
  return (raw) => {
    const address = embeddedIpv4(raw) ?? raw;
    return allowed.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  };
}

/** `10.0.0.0/8`, or one address. Undefined when it is neither. */
export function parseCidr(text: string): Range | undefined {
  const [network, prefixText, ...rest] = text.split("/");
  const family = isIP(network);
  if (family === 0 || rest.length > 0) return undefined;
  const widest = family === 4 ? 32 : 128;
  if (prefixText === undefined) return [network, widest];
  const prefix = /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : Number.NaN;
  return prefix <= widest ? [network, prefix] : undefined;
}

function mustParseCidr(text: string): Range {
  const range = parseCidr(text);
  if (!range) throw new Error(`"${text}" is no address range such as 10.0.0.0/8`);
  return range;
}

function isWithin(inner: Range, outer: Range): boolean {
  if (isIP(inner[0]) !== isIP(outer[0]) || inner[1] < outer[1]) return false;
  return blockList([outer]).check(inner[0], isIP(inner[0]) === 6 ? "ipv6" : "ipv4");
}

function blockList(ranges: readonly Range[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) add(list, range);
  return list;
}

function add(list: BlockList, [network, prefix]: Range): void {
  list.addSubnet(network, prefix, isIP(network) === 6 ? "ipv6" : "ipv4");
}

/** The IPv4 address inside a mapped (::ffff:1.2.3.4), compatible (::1.2.3.4) or NAT64 (64:ff9b::) address. */
function embeddedIpv4(address: string): string | undefined {
  if (isIP(address) !== 6) return undefined;
  const words = expandIpv6(address);
  const head = words.slice(0, 5).every((word) => word === 0);
  const mapped = head && words[5] === 0xffff;
  const compatible = head && words[5] === 0 && words[6] !== 0;
  const nat64 = words[0] === 0x64 && words[1] === 0xff9b && words.slice(2, 6).every((word) => word === 0);
  if (!mapped && !compatible && !nat64) return undefined;
  return [words[6] >> 8, words[6] & 0xff, words[7] >> 8, words[7] & 0xff].join(".");
}

/** Eight 16-bit words of a valid IPv6 address; a zone (%eth0) is left out. */
function expandIpv6(address: string): number[] {
  let text = address.split("%")[0];
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (dotted) {
    const [a, b, c, d] = dotted.slice(1).map(Number);
    text = `${text.slice(0, dotted.index)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [left, right] = text.split("::");
  const words = (part: string | undefined) => (part ? part.split(":").map((word) => Number.parseInt(word, 16)) : []);
  const before = words(left);
  const after = words(right);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}
