// A drawing for each trade: the shops have no photographs.
import type { Trade } from "../tenants.ts";
import { Html } from "./html.ts";

const STROKES: Readonly<Record<Trade, string>> = {
  electronics:
    '<path d="M14 36v-6a18 18 0 0 1 36 0v6"/><rect x="10" y="34" width="9" height="16" rx="4"/><rect x="45" y="34" width="9" height="16" rx="4"/>',
  fashion: '<path d="M24 12l-14 8 5 11 6-3v24h22V28l6 3 5-11-14-8a8 8 0 0 1-16 0z"/>',
  food: '<path d="M14 26h32v12a14 14 0 0 1-14 14h-4a14 14 0 0 1-14-14z"/><path d="M46 29h4a6 6 0 0 1 0 12h-5"/><path d="M24 18v-6M32 18v-8M40 18v-6"/>',
  home: '<path d="M22 12h20l8 20H14z"/><path d="M32 32v18M22 52h20"/>',
  books: '<path d="M32 18c-5-4-12-5-20-5v34c8 0 15 1 20 5 5-4 12-5 20-5V13c-8 0-15 1-20 5z"/><path d="M32 18v34"/>',
  beauty:
    '<rect x="20" y="26" width="24" height="28" rx="5"/><path d="M26 26v-7h12v7M29 19v-7h10"/><path d="M26 38h12"/>',
};

/** Number of colours in the style sheet. */
const TONES = 8;

/** The picture of the `index`-th product. */
export function picture(trade: Trade, index: number): Html {
  return new Html(
    `<span class="picture tone-${Math.abs(index) % TONES}" aria-hidden="true"><svg viewBox="0 0 64 64" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round">${STROKES[trade]}</svg></span>`,
  );
}
