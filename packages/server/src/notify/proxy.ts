// Which requests go by a proxy.
import type { ProxyConfig, Secret } from "../alerts/config/index.ts";
import { isProxyExempt } from "../kernel/proxy-rules.ts";

/** The proxy for a URL; undefined: it is asked directly. */
export function proxyFor(config: ProxyConfig, url: string): Secret | undefined {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (!target || isProxyExempt(config.noProxy, target)) return undefined;
  return target.protocol === "https:" ? config.https : config.http;
}
