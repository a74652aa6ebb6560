// Secrets and personal data in running text. Every pattern is linear: its repetitions are bounded or cannot overlap.
import { withoutCards } from "./cards.ts";

export const GONE = "[redacted]";
const EMAIL_GONE = "[email]";

export interface TextRuleOptions {
  /** Card numbers. Default true. */
  readonly cards?: boolean;
  /** E-mail addresses. Default true. */
  readonly emails?: boolean;
  /** Bearer tokens, JWTs, keys of known makers, `password=…`, cookies, passwords in URLs. Default true. */
  readonly tokens?: boolean;
}

interface TextRule {
  /** Cheap: most texts hold nothing that the rule is for. */
  readonly mayHold: (text: string) => boolean;
  readonly clean: (text: string) => string;
}

const EMAIL = /[\p{L}\p{N}._%+'-]{1,64}(?:@|%40)[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/giu;
const URL_PASSWORD = /([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#@"']{1,512}@/gi;
const SCHEME_TOKEN = /\b(bearer|basic|apikey|digest)(\s{1,4})[\w.~+/=:-]{6,8192}/gi;
const JWT = /\beyJ[\w-]{5,8192}\.[\w-]{5,16384}(?:\.[\w-]{0,8192})?/g;
/** Keys whose makers gave them a name of their own. */
const NAMED_KEY =
  /\b(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{8,256}|\bgh[pousr]_[A-Za-z0-9]{20,255}|\bglpat-[\w-]{20,64}|\bxox[abposr]-[A-Za-z0-9-]{10,256}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{35}/g;
const PRIVATE_KEY =
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]{0,16384}?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)/g;
const COOKIE_HEADER = /\b((?:set-)?cookie["']?\s{0,4}:\s{0,4}["']?)[^\r\n"']{1,8192}/gi;
/** `password=…`, `"apiKey": "…"`, `?access_token=…`: up to the next separator, or to the closing quote. */
const NAMED_VALUE =
  /([\w.-]{0,40}(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|\bpwd|\bcvv2?|\bcvc2?)["']?\s{0,4}[=:]\s{0,4})(?:(")[^"\r\n]{1,2048}"?|(')[^'\r\n]{1,2048}'?|[^\s"'&,;()[\]{}]{1,2048})/gi;
const HAS_SECRET_WORD = /passw|passphrase|secret|token|key|pwd|cv[vc]|cookie/i;

const CARDS: TextRule = { mayHold: (text) => /\d/.test(text), clean: withoutCards };
const EMAILS: TextRule = {
  mayHold: (text) => text.includes("@") || text.includes("%40"),
  clean: (text) => text.replace(EMAIL, EMAIL_GONE),
};
const URL_PASSWORDS: TextRule = {
  mayHold: (text) => text.includes("://") && text.includes("@"),
  clean: (text) => text.replace(URL_PASSWORD, "$1***@"),
};
const TOKENS: TextRule = {
  mayHold: (text) => /bearer|basic|apikey|digest|eyJ|[kps]_|-----|glpat|xox|AKIA|ASIA|AIza/i.test(text),
  clean: (text) =>
    text.replace(PRIVATE_KEY, GONE).replace(SCHEME_TOKEN, `$1$2${GONE}`).replace(JWT, GONE).replace(NAMED_KEY, GONE),
};
const NAMED_VALUES: TextRule = {
  mayHold: (text) => (text.includes("=") || text.includes(":")) && HAS_SECRET_WORD.test(text),
  clean: (text) => text.replace(COOKIE_HEADER, `$1${GONE}`).replace(NAMED_VALUE, `$1$2$3${GONE}$2$3`),
};

/** The rules in the order in which they have to run: passwords in URLs look like e-mail addresses. */
export function textRules(options: TextRuleOptions = {}): (text: string) => string {
  const { cards = true, emails = true, tokens = true } = options;
  const rules: TextRule[] = [];
  if (tokens) rules.push(URL_PASSWORDS, TOKENS, NAMED_VALUES);
  if (emails) rules.push(EMAILS);
  if (cards) rules.push(CARDS);
  return (text) => {
    let clean = text;
    for (const rule of rules) if (rule.mayHold(clean)) clean = rule.clean(clean);
    return clean;
  };
}
