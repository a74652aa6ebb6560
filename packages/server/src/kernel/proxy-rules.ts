// NO_PROXY and its like: which hosts are asked directly although there is a proxy.
import { BlockList, isIP } from "node:net";

/** Whether one of the rules exempts the URL from the proxy. */
export function isProxyExempt(rules: readonly string[], url: URL): boolean {
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return rules.some((rule) => exempts(rule, host, port));
}

/** The words of a list as it stands in the environment or in a file. */
export function parseNoProxy(list: string): string[] {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== "");
}

/**
 * `*`, an address, a range, or a name with an optional port. `example.org` means the domain with all below it,
 * `.example.org` (or `*.example.org`) only what is below.
 */
function exempts(rule: string, host: string, port: string): boolean {
  if (rule === "*") return true;
  const [name, rulePort] = splitPort(rule);
  if (rulePort !== undefined && rulePort !== port) return false;
  if (name.includes("/")) return isIP(host) !== 0 && rangeHolds(name, host);
  if (isIP(name) !== 0) return name === host;
  const suffix = name.replace(/^\*/, "");
  if (suffix.startsWith(".")) return host.endsWith(suffix);
  return host === suffix || host.endsWith(`.${suffix}`);
}

function splitPort(rule: string): [name: string, port: string | undefined] {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(rule);
  return match ? [match[1] ?? match[2], match[3]] : [rule, undefined];
}

function rangeHolds(range: string, host: string): boolean {
  const [network, bits] = range.split("/");
  const family = isIP(network);
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (family === 0 || family !== isIP(host) || !(prefix <= (family === 4 ? 32 : 128))) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, family === 4 ? "ipv4" : "ipv6");
  return list.check(host, family === 4 ? "ipv4" : "ipv6");
}
