// Payment card numbers in text: 13 to 19 digits, often in groups, with a check digit (Luhn, ISO/IEC 7812-1).

const CARD_GONE = "[card]";

// Digits with at most three separators between two of them; spaces of all kinds, dots, dashes, slashes, underscores.
const RUN = /\d(?:[\s.\-_/\u2010-\u2015]{0,3}\d){12,}/g;
const GROUP = /\d+/g;
const DIGITS_MIN = 13;
const DIGITS_MAX = 19;

/** First digits that issuers have: without them one in ten times, order numbers or phone lists would be taken for cards. */
const ISSUER = /^(?:[3-6]|2[2-7]|8[12]|9704)/;

/** Text with `[card]` for each card number, also where other digits stand beside it: `order 12 4111 1111 1111 1111`. */
export function withoutCards(text: string): string {
  return text.replace(RUN, maskRun);
}

interface Group {
  readonly digits: string;
  readonly start: number;
  readonly end: number;
}

/** A card begins and ends with a group of digits; which groups it has is found by trying. */
function maskRun(run: string): string {
  const groups: Group[] = [];
  for (const match of run.matchAll(GROUP))
    groups.push({ digits: match[0], start: match.index, end: match.index + match[0].length });
  let clean = "";
  let copied = 0;
  for (let first = 0; first < groups.length; first += 1) {
    const last = lastOfCard(groups, first);
    if (last === undefined) continue;
    clean += run.slice(copied, groups[first]!.start) + CARD_GONE;
    copied = groups[last]!.end;
    first = last;
  }
  return clean + run.slice(copied);
}

function lastOfCard(groups: readonly Group[], first: number): number | undefined {
  let digits = "";
  for (let last = first; last < groups.length && digits.length <= DIGITS_MAX; last += 1) {
    digits += groups[last]!.digits;
    if (isCardNumber(digits)) return last;
  }
  return undefined;
}

/** True for 13 to 19 digits that an issuer could have given out. */
export function isCardNumber(digits: string): boolean {
  if (digits.length < DIGITS_MIN || digits.length > DIGITS_MAX || !ISSUER.test(digits)) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
