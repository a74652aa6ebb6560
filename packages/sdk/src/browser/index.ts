// The browser entry: how fast the shop's pages are for its customers, and what breaks there. No cookies, no ids, nothing
// about a person; nothing in here throws into the page or delays it.
import { onCLS, onFCP, onINP, onLCP, onTTFB } from "web-vitals";
import { type BeaconHead, BeaconQueue, type BrowserEvent, beaconSender } from "./beacon-queue.ts";
import { pageTemplate } from "./page-name.ts";
import { type RouteWindow, watchRoutes } from "./route-changes.ts";
import { describeErrorEvent, describeThrown, type ErrorDescription, ErrorFilter } from "./script-errors.ts";

export interface BrowserOptions {
  /** Storewatch's address, `https://monitor.example`. */
  readonly endpoint: string;
  /** A key of `rum.keys` in storewatch.yml; it is public. */
  readonly key: string;
  /** The shop, where the key is a platform's. */
  readonly tenant?: string;
  /** Release of the page's scripts, for the log of errors. */
  readonly version?: string;
  /** The page's name, a template such as `/products/:slug`. Default: the path, with what looks like an id as `:id`. */
  readonly page?: (location: Location) => string;
  /** Share of page views that are measured, 0.01 to 1 (default). Each then counts for as many as it stands for. */
  readonly sampleRate?: number;
  /** True: nothing is measured in a browser that sends Do Not Track or Global Privacy Control. Default false. */
  readonly respectDoNotTrack?: boolean;
}

export interface BrowserMonitor {
  /** For errors that a framework catches itself, such as in an error boundary. */
  captureError(error: unknown): void;
  /** Sends what waits now. */
  flush(): void;
}

const DELAY_MS = 5000;
const SAMPLE_RATE_MIN = 0.01;
const OFF: BrowserMonitor = { captureError() {}, flush() {} };
/** Mark on the window: two copies of this script would count everything twice. */
const RUNNING = "__storewatchBrowser";

/** Begins to watch this page. Called again, it returns the monitor that runs. Never throws. */
export function startBrowser(options: BrowserOptions): BrowserMonitor {
  try {
    const marked = globalThis as { [RUNNING]?: BrowserMonitor };
    marked[RUNNING] ??= isWanted(options) ? start(options) : OFF;
    return marked[RUNNING];
  } catch {
    return OFF;
  }
}

function isWanted({ sampleRate, respectDoNotTrack }: BrowserOptions): boolean {
  const { doNotTrack, globalPrivacyControl } = navigator as Navigator & { globalPrivacyControl?: boolean };
  if (respectDoNotTrack && (doNotTrack === "1" || globalPrivacyControl)) return false;
  return Math.random() < rate(sampleRate);
}

function rate(asked = 1): number {
  return asked > 0 ? Math.min(1, Math.max(SAMPLE_RATE_MIN, asked)) : 0;
}

function start(options: BrowserOptions): BrowserMonitor {
  const { endpoint, key, tenant, version, sampleRate } = options;
  const weight = 1 / rate(sampleRate);
  const head: BeaconHead = { tenant, release: version, weight: weight > 1 ? weight : undefined } as BeaconHead;
  const send = beaconSender(`${endpoint.replace(/\/+$/, "")}/rum/${encodeURIComponent(key)}`);
  const queue = new BeaconQueue(head, send, DELAY_MS);
  const pageNow = () => pageOf(options);
  const add = (kind: BrowserEvent["kind"], page: string, value?: number) =>
    queue.add({ kind, page, ...(value === undefined ? {} : { value: Math.round(value * 1e4) / 1e4 }) });
  const errors = new ErrorFilter((document.currentScript as HTMLScriptElement | null)?.src ?? "");
  const tellError = (described: ErrorDescription) => {
    if (errors.isNew(described)) whenShown(() => queue.add({ page: pageNow(), ...described }));
  };
  whenShown(() => {
    add("view", pageNow());
    watchLoad(pageNow(), add);
    watchPages(pageNow, add, () => errors.reset());
  });
  watchVitals(pageNow, add, () => errors.reset());
  watchErrors(tellError);
  // After web-vitals' own listeners, which listen to the same event while it is on its way down.
  addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") queue.flush();
  });
  addEventListener("pagehide", () => queue.flush());
  return { captureError: (error) => tellError(describeThrown(error, "error")), flush: () => queue.flush() };
}

type Add = (kind: BrowserEvent["kind"], page: string, value?: number) => void;

function pageOf({ page }: BrowserOptions): string {
  try {
    return pageTemplate(page ? page(location) : location.pathname);
  } catch {
    return pageTemplate(location.pathname);
  }
}

/** A page that is loaded in advance is viewed when it is shown, perhaps never. */
function whenShown(run: () => void): void {
  // The event does not bubble up to the window.
  if ((document as { prerendering?: boolean }).prerendering)
    document.addEventListener("prerenderingchange", run, { once: true });
  else run();
}

/** The time to the end of the load event. Of a page that was in the background meanwhile it would say nothing. */
function watchLoad(page: string, add: Add): void {
  const isHidden = () => document.visibilityState === "hidden";
  let wasHidden = isHidden();
  addEventListener("visibilitychange", () => {
    wasHidden ||= isHidden();
  });
  const tell = () =>
    // The event's own end is known after it.
    setTimeout(() => {
      const [entry] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
      const { activationStart = 0 } = entry as { activationStart?: number };
      if (!wasHidden && entry.loadEventEnd > 0)
        add("load", page, Math.max(0, entry.loadEventEnd - activationStart) / 1000);
    });
  if (document.readyState === "complete") tell();
  else addEventListener("load", tell);
}

const RATINGS = ["good", "needs-improvement", "poor"];

/**
 * Each vital as it was when the page was first hidden, because a page may end there without a word. Shown again, it can
 * get worse: told once more where that changes how it is judged, so a page view has three figures of a vital at most.
 */
function watchVitals(pageNow: () => string, add: Add, onRestored: () => void): void {
  let page = "";
  whenShown(() => {
    page = pageNow();
  });
  const told = new Map<string, number>();
  const restored = ({ persisted }: PageTransitionEvent) => {
    if (!persisted) return;
    page = pageNow();
    add("view", page);
    onRestored();
  };
  // Before web-vitals' own listeners, which tell of the restored page at once.
  addEventListener("pageshow", restored, true);
  for (const watch of [onLCP, onINP, onCLS, onFCP, onTTFB]) {
    watch(({ name, value, id, rating }) => {
      const rank = RATINGS.indexOf(rating);
      if (rank <= (told.get(id) ?? -1)) return;
      told.set(id, rank);
      const kind = name.toLowerCase() as Lowercase<typeof name>;
      add(kind, page, kind === "cls" ? value : value / 1000);
    });
  }
}

function watchErrors(tell: (described: ErrorDescription) => void): void {
  addEventListener("error", (event) => {
    // A picture that does not load comes by another kind of event.
    if (event instanceof ErrorEvent) tell(describeErrorEvent(event));
  });
  addEventListener("unhandledrejection", ({ reason }) => tell(describeThrown(reason, "rejection")));
}

/** A route change is one of the path or of the page's name; a filter in the query is none. */
function watchPages(pageNow: () => string, add: Add, onChange: () => void): void {
  const now = () => ({ path: location.pathname, page: pageNow() });
  let last = now();
  watchRoutes(globalThis as unknown as RouteWindow, (seconds) => {
    const next = now();
    if (next.path === last.path && next.page === last.page) return;
    last = next;
    onChange();
    seconds.then((value) => add("route", next.page, value));
  });
}
