// Reading what a client shows: the Authorization header and the session cookie.

export const SESSION_COOKIE = "storewatch_session";
const SECRET_LENGTH_MAX = 512;

/**
 * The token of `Bearer TOKEN`, or of `Basic base64(anything:TOKEN)`: the user name is ignored. Undefined when the header
 * is neither, which is not the same as no header: it must not turn into an anonymous request.
 */
export function tokenOfAuthorization(header: string): string | undefined {
  const space = header.indexOf(" ");
  const scheme = header.slice(0, space).toLowerCase();
  const value = header.slice(space + 1).trim();
  if (space < 0 || value === "" || value.length > 2 * SECRET_LENGTH_MAX) return undefined;
  const token = scheme === "bearer" ? value : scheme === "basic" ? passwordOf(value) : undefined;
  return token !== undefined && isSecret(token) ? token : undefined;
}

function passwordOf(base64: string): string | undefined {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(base64)) return undefined;
  const text = Buffer.from(base64, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : text.slice(colon + 1);
}

/** The value of the session cookie, if the header has a possible one. */
export function sessionOfCookies(header: string): string | undefined {
  for (const part of header.split(";")) {
    const equals = part.indexOf("=");
    if (equals < 0 || part.slice(0, equals).trim() !== SESSION_COOKIE) continue;
    const value = part.slice(equals + 1).trim();
    if (isSecret(value)) return value;
  }
  return undefined;
}

function isSecret(text: string): boolean {
  return text.length <= SECRET_LENGTH_MAX && /^[\x21-\x7e]+$/.test(text);
}

export interface CookieOptions {
  readonly secure: boolean;
  /** 0 removes the cookie. */
  readonly maxAgeSeconds: number;
}

export function sessionCookie(value: string, { secure, maxAgeSeconds }: CookieOptions): string {
  const age = `Max-Age=${Math.floor(maxAgeSeconds)}`;
  return `${SESSION_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; ${age}${secure ? "; Secure" : ""}`;
}
