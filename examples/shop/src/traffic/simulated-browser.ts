// A simulated browser: loads the storefront's pages as one would, with the files that they name, and tells Storewatch how
// long that took, in the browser entry's own format and through its own door. Network and files are measured; what only a
// real browser has (the visitor's line and device, layout, clicks) is drawn from distributions like those in the field.
import { exponential } from "../random.ts";

/** Gets a path of the shop. */
export type Fetch = (path: string) => Promise<{ status: number; body: string }>;

export interface SimulatedBrowserOptions {
  readonly fetch: Fetch;
  readonly random: () => number;
  readonly nowMs: () => number;
}

export interface PageEvent {
  readonly kind: "view" | "load" | "ttfb" | "fcp" | "lcp" | "cls" | "inp" | "error";
  readonly page: string;
  readonly value?: number;
  readonly message?: string;
  readonly source?: string;
  readonly line?: number;
  readonly column?: number;
}

export interface PageVisit {
  readonly tenant: string;
  readonly version: string;
  readonly events: readonly PageEvent[];
}

/** What a page names itself with: see the shop's layout. */
const MONITOR_TAG = /<script src="\/assets\/storewatch\.js" ([^>]*)>/;
const FILES = /<(?:script src|link rel="stylesheet" href)="([^"]+)"/g;
/** Files that a browser has kept from the page before. */
const CACHED = /^\/assets\//;
/** Share of page views with a script error: old browsers, extensions. */
const ERROR_SHARE = 0.01;

export class SimulatedBrowser {
  constructor(private readonly options: SimulatedBrowserOptions) {}

  /** Loads a page and its files. undefined when it failed, or when it does not say where it is to be told. */
  async visit(path: string): Promise<PageVisit | undefined> {
    const { fetch, nowMs } = this.options;
    const startMs = nowMs();
    const { status, body } = await fetch(path);
    const answeredMs = nowMs() - startMs;
    if (status >= 400) return undefined;
    const tag = MONITOR_TAG.exec(body);
    const files = [...body.matchAll(FILES)].map(([, file]) => file).filter((file) => !CACHED.test(file));
    // Classic scripts in the head: nothing is painted before they are there.
    for (const file of files) await fetch(file);
    const filesMs = nowMs() - startMs - answeredMs;
    const page = attribute(tag?.[1], "page");
    const tenant = attribute(tag?.[1], "tenant");
    if (page === undefined || tenant === undefined) return undefined;
    const events = this.timings(page, answeredMs / 1000, filesMs / 1000);
    return { tenant, version: attribute(tag?.[1], "version") ?? "", events };
  }

  private timings(page: string, answered: number, files: number): PageEvent[] {
    const { random } = this.options;
    // One visitor in five has a slow line or an old telephone.
    const pace = random() < 0.2 ? 2 : 1;
    const round = (value: number) => Math.round(value * 1e4) / 1e4;
    const ttfb = answered + pace * (0.06 + exponential(random, 0.09));
    const fcp = ttfb + files + pace * (0.12 + exponential(random, 0.12));
    const lcp = fcp + pace * exponential(random, 0.2);
    const load = lcp + pace * (0.05 + exponential(random, 0.15));
    const cls = random() < 0.8 ? 0 : exponential(random, 0.06);
    const events: PageEvent[] = [{ kind: "view", page }];
    const told = { ttfb, fcp, lcp, load, cls } as const;
    for (const kind of ["ttfb", "fcp", "lcp", "load", "cls"] as const)
      events.push({ kind, page, value: round(told[kind]) });
    if (random() < 0.7) events.push({ kind: "inp", page, value: round(pace * (0.03 + exponential(random, 0.06))) });
    if (random() < ERROR_SHARE) events.push({ ...SCRIPT_ERROR, page });
    return events;
  }
}

const SCRIPT_ERROR = {
  kind: "error",
  message: "simulated browser: TypeError: undefined is not an object (evaluating 'e.target.closest')",
  source: "/assets/storewatch.js",
  line: 1,
  column: 120,
} as const;

function attribute(tag: string | undefined, name: string): string | undefined {
  return tag?.split(`data-${name}="`)[1]?.split('"')[0];
}
