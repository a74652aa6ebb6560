// Names of pages as label values: templates, and only so many for a shop, whatever the pages send.
import type { Clock, TenantId } from "@storewatch/model";
import { COUNTER_IDLE_MS } from "../counters.ts";

export const OTHER_PAGES = "__other__";
const LENGTH_MAX = 100;
/** What stands for one thing out of many in a path: the same as in the SDK's page-name.ts, for pages that name themselves. */
const ID = /^\d+$|\d{3}|[%@]|.{33}|^(?=.*\d)[\da-f-]{8,}$/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come into a label
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]/g;

/** `/orders/4711?x=1` → `/orders/:id`. Never empty. */
export function pageLabel(text: string): string {
  const template = text
    .split(/[?#;]/, 1)[0]
    .split("/")
    .map((part) => (ID.test(part) ? ":id" : part))
    .join("/")
    .replace(UNPRINTABLE, "_")
    .slice(0, LENGTH_MAX);
  return template === "" ? "/" : template;
}

export class PageBook {
  /** Shop → page → when it was last seen, monotonic ms. */
  private readonly pages = new Map<TenantId, Map<string, number>>();

  constructor(private readonly clock: Pick<Clock, "monotonicMs">) {}

  /** The page itself, or `__other__` when the shop has `pagesMax` others. */
  labelOf(tenant: TenantId, text: string, pagesMax: number): string {
    const page = pageLabel(text);
    const nowMs = this.clock.monotonicMs();
    let own = this.pages.get(tenant);
    if (!own) {
      own = new Map();
      this.pages.set(tenant, own);
    }
    if (!own.has(page) && own.size >= pagesMax) letGo(own, nowMs);
    if (!own.has(page) && own.size >= pagesMax) return OTHER_PAGES;
    own.set(page, nowMs);
    return page;
  }

  forget(tenant: TenantId): void {
    this.pages.delete(tenant);
  }
}

/** A page whose series have ended makes room for another. */
function letGo(pages: Map<string, number>, nowMs: number): void {
  for (const [page, seenMs] of pages) if (nowMs - seenMs > COUNTER_IDLE_MS) pages.delete(page);
}
