// Where a request says which shop it is for. What is found names the tenant in metrics and logs; it grants nothing.
import type { IncomingMessage } from "node:http";

/** What frameworks add to Node's request, as far as the SDK reads it. */
export interface SeenRequest extends IncomingMessage {
  originalUrl?: string;
  user?: unknown;
  auth?: unknown;
}

/** A way to find the tenant. The first source that knows one wins. */
export type TenantSource =
  /** A request header, such as `x-tenant-id`. */
  | { readonly header: string }
  /** The label before a domain: `{ subdomain: "shops.example" }` makes `acme` of `acme.shops.example`. */
  | { readonly subdomain: string }
  /** A pattern with `:tenant`, such as `/t/:tenant`. */
  | { readonly path: string }
  /** A claim of the signed-in user (`req.user`, `req.auth`), and, with `verify`, of the bearer token. */
  | { readonly jwtClaim: string; readonly verify?: (token: string) => Record<string, unknown> | undefined }
  /** A function of one's own; a promise is awaited beside the request, which does not wait for it. */
  | ((request: SeenRequest) => string | undefined | Promise<string | undefined>);

export type ReadTenant = (request: SeenRequest) => unknown;

export interface CompiledSource {
  readonly read: ReadTenant;
  /** True when what it reads appears only after the application's own middleware (a signed-in user). */
  readonly late: boolean;
}

export function compileSource(source: TenantSource): CompiledSource {
  if (typeof source === "function") return { read: source, late: false };
  if ("header" in source) return { read: headerReader(source.header), late: false };
  if ("subdomain" in source) return { read: subdomainReader(source.subdomain), late: false };
  if ("path" in source) return { read: pathReader(source.path), late: false };
  return { read: claimReader(source.jwtClaim, source.verify), late: true };
}

function headerReader(name: string): ReadTenant {
  const header = name.toLowerCase();
  return (request) => {
    const value = request.headers[header];
    return Array.isArray(value) ? value[0] : value;
  };
}

function subdomainReader(domain: string): ReadTenant {
  const suffix = `.${domain.toLowerCase().replace(/^\./, "")}`;
  return (request) => {
    const host = (request.headers.host ?? "").toLowerCase().replace(/:\d+$/, "");
    if (!host.endsWith(suffix)) return undefined;
    const label = host.slice(0, -suffix.length);
    return label === "" || label === "www" || label.includes(".") ? undefined : label;
  };
}

function pathReader(pattern: string): ReadTenant {
  const wanted = pattern.split("/").filter(Boolean);
  const at = wanted.indexOf(":tenant");
  if (at < 0) throw new TypeError(`tenant path ${JSON.stringify(pattern)} has no segment ":tenant"`);
  return (request) => {
    const url = request.originalUrl ?? request.url ?? "";
    const end = url.search(/[?#]/);
    const parts = (end < 0 ? url : url.slice(0, end)).split("/").filter(Boolean);
    if (parts.length < wanted.length) return undefined;
    const fits = wanted.every((part, i) => part.startsWith(":") || part === parts[i]);
    return fits ? decodeURIComponent(parts[at]!) : undefined;
  };
}

function claimReader(claim: string, verify?: (token: string) => Record<string, unknown> | undefined): ReadTenant {
  const pick = (holder: unknown) =>
    typeof holder === "object" && holder !== null ? (holder as Record<string, unknown>)[claim] : undefined;
  const payload = (auth: unknown) =>
    typeof auth === "object" && auth !== null ? (auth as Record<string, unknown>).payload : undefined;
  return (request) => {
    const known = pick(request.user) ?? pick(request.auth) ?? pick(payload(request.auth));
    if (known !== undefined || verify === undefined) return known;
    const authorization = request.headers.authorization;
    if (authorization === undefined || !/^bearer /i.test(authorization)) return undefined;
    return pick(verify(authorization.slice(7).trim()));
  };
}
