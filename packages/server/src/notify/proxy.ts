// Which requests go by a proxy.
import { BlockList, isIP } from "node:net";
import type { ProxyConfig, Secret } from "../alerts/config/index.ts";

/** The proxy for a URL; undefined: it is asked directly. */
export function proxyFor(config: ProxyConfig, url: string): Secret | undefined {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (!target) return undefined;
  const proxy = target.protocol === "https:" ? config.https : config.http;
  const port = target.port || (target.protocol === "https:" ? "443" : "80");
  const host = target.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return config.noProxy.some((rule) => exempts(rule, host, port)) ? undefined : proxy;
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
