// What is shown of a delivery must not hold its secrets, wherever the other side echoes them.

const MASK = "<secret>";
const SHOWN_CHARACTERS = 16_384;

export type Mask = (text: string) => string;

/** Replaces every occurrence of the secrets; short ones are left, they would riddle any text. Cuts long texts. */
export function maskOf(secrets: readonly (string | undefined)[]): Mask {
  const known = secrets.filter((secret): secret is string => secret !== undefined && secret.length >= 6);
  return (text) => {
    const masked = known.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
    return masked.length > SHOWN_CHARACTERS ? `${masked.slice(0, SHOWN_CHARACTERS)}…` : masked;
  };
}

/** What of a URL lets one post: the whole, its path, and each longer part of it. */
export function urlSecrets(url: string): string[] {
  if (!URL.canParse(url)) return [url];
  const { pathname, search } = new URL(url);
  return [url, pathname, ...`${pathname}/${search}`.split(/[/?&=]/)];
}

/** Scheme and host of a URL whose path and query may be what lets one post. */
export function maskedUrl(url: string): string {
  if (!URL.canParse(url)) return MASK;
  const { origin, pathname, search } = new URL(url);
  return pathname === "/" && search === "" ? `${origin}/` : `${origin}/${MASK}`;
}
