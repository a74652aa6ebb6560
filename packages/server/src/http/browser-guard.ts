// What keeps a page of another site from using a browser inside the network (architecture decision 12).
import type { IncomingMessage } from "node:http";
import { isLoopbackHost, type ListenAddress } from "../config/listen-address.ts";

export interface HostRules {
  readonly listen: ListenAddress;
  readonly allowedHosts: readonly string[];
  readonly externalUrl: string | undefined;
}

/**
 * True when the Host header names this server: the listen address, loopback, an allowed host, or the very address that
 * the connection came in on (what "the listen address" is when listening on all). A name that an attacker points here
 * (DNS rebinding) is none of these. Ports don't matter: tunnels and published ports change them.
 */
export function createHostCheck(rules: HostRules): (request: IncomingMessage) => boolean {
  const names = new Set([rules.listen.host, ...rules.allowedHosts].map(plainHost));
  if (rules.externalUrl !== undefined) names.add(plainHost(new URL(rules.externalUrl).hostname));
  return (request) => {
    const header = request.headers.host;
    // HTTP/1.0 without Host is no browser.
    if (header === undefined) return true;
    const host = hostOf(header);
    if (host === undefined) return false;
    return names.has(host) || isLoopbackHost(host) || host === localAddress(request);
  };
}

/** The host of a Host header, without port and brackets, in lower case. */
function hostOf(header: string): string | undefined {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/.exec(header);
  return match ? plainHost(match[1]) : undefined;
}

function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "");
}

function localAddress(request: IncomingMessage): string | undefined {
  // A dual-stack socket shows IPv4 as ::ffff:10.0.0.1.
  return request.socket.localAddress?.replace(/^::ffff:/, "");
}

/**
 * False when a browser says that another site made it send this. A request with neither header comes from no browser
 * (all current ones send Origin with anything but GET and HEAD), and a session cookie is SameSite=Strict besides.
 */
export function isSameOrigin(request: IncomingMessage): boolean {
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin" || site === "none";
  const origin = request.headers.origin;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === request.headers.host?.toLowerCase();
}

/**
 * Scripts of our own files only. Styles may stand in elements: the component kit and the editor write theirs so.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "frame-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join("; ");

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};
