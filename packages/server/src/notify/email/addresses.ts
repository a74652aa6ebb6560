// Address lists of e-mail headers.
import addressparser from "nodemailer/lib/addressparser";

/** Text that is no list of addresses. */
export class AddressError extends Error {}

/** Plain addresses of `Name <a@b>, c@d`. Throws AddressError; `what` names the setting. */
export function parseAddresses(what: string, text: string): string[] {
  const parsed = addressparser(text, { flatten: true });
  const bad = parsed.find(({ address }) => !/^[^\s@<>,;]+@[^\s@<>,;]+$/.test(address));
  if (parsed.length === 0 || bad) {
    throw new AddressError(`parse '${what}' addresses: "${text.slice(0, 200)}" holds no address or a wrong one`);
  }
  return parsed.map(({ address }) => address);
}
