// Names whose values nobody is to read, wherever they stand: field names, headers, query parameters.

/** Found anywhere in a name, after case, `-`, `_`, `.` and spaces are taken out: `X-Api-Key`, `dbPassword`, `user.token`. */
const PARTS = [
  "password",
  "passwd",
  "passphrase",
  "secret",
  "token",
  "apikey",
  "accesskey",
  "privatekey",
  "authorization",
  "credential",
  "cookie",
  "cardnumber",
  "creditcard",
  "cardno",
  "securitycode",
  "jwt",
  "connectionstring",
  "signature",
];
/** Too short to be looked for inside of other names (`pin` is in `shipping`). */
const WHOLE = [
  "auth",
  "pwd",
  "pass",
  "cvv",
  "cvv2",
  "cvc",
  "cvc2",
  "pan",
  "pin",
  "otp",
  "iban",
  "sid",
  "ssn",
  "session",
  "sessionid",
  "bearer",
];
/** Hold a part of the above and no secret: counters and settings of tokens and cookies. */
const HARMLESS =
  /(?:count|length|size|type|expiry|expires(?:in|at)?|ms|seconds|total|used|name|enabled|valid|required)$/;

export interface SecretNameOptions {
  /** Further names, matched whole without regard to case and separators. */
  readonly add?: readonly string[];
  /** Names that are not secret here, though the built-in list says so. */
  readonly remove?: readonly string[];
}

const CACHE_MAX = 2000;

export class SecretNames {
  private readonly whole: ReadonlySet<string>;
  private readonly not: ReadonlySet<string>;
  /** Services log the same names over and over. */
  private readonly known = new Map<string, boolean>();

  constructor(options: SecretNameOptions = {}) {
    this.whole = new Set([...WHOLE, ...(options.add ?? []).map(plain)]);
    this.not = new Set((options.remove ?? []).map(plain));
  }

  has(name: string): boolean {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const secret = this.decide(plain(name.slice(0, 200)));
    if (this.known.size < CACHE_MAX) this.known.set(name, secret);
    return secret;
  }

  private decide(name: string): boolean {
    if (this.not.has(name)) return false;
    if (this.whole.has(name)) return true;
    return PARTS.some((part) => name.includes(part)) && !HARMLESS.test(name);
  }
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_.\s]/g, "");
}
