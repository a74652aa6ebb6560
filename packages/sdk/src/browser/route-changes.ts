// Changes of the address without a load: by the Navigation API where there is one, else by the history's own functions.

/** The parts of `window` that are watched; a test gives its own. */
export interface RouteWindow extends Pick<EventTarget, "addEventListener"> {
  readonly history: Pick<History, "pushState" | "replaceState">;
  readonly performance: Pick<Performance, "now">;
  readonly navigation?: NavigationLike;
}

interface NavigationLike extends Pick<EventTarget, "addEventListener"> {
  readonly transition: { readonly finished: Promise<unknown> } | null;
}

/**
 * Called when the address has changed. `seconds` resolves when the router has finished, with the time since the change
 * began: known only where the router uses the Navigation API's `intercept`; elsewhere nobody says when a page is done.
 */
export type OnRoute = (seconds: Promise<number | undefined>) => void;

export function watchRoutes(win: RouteWindow, onRoute: OnRoute): void {
  const { navigation } = win;
  if (navigation) watchNavigation(win, navigation, onRoute);
  else watchHistory(win, () => onRoute(Promise.resolve(undefined)));
}

function watchNavigation({ performance }: RouteWindow, navigation: NavigationLike, onRoute: OnRoute): void {
  let startedMs = 0;
  navigation.addEventListener("navigate", () => {
    startedMs = performance.now();
  });
  navigation.addEventListener("currententrychange", (event) => {
    // No type: only the state of the entry was changed.
    if ((event as { navigationType?: unknown }).navigationType === null) return;
    const fromMs = startedMs;
    const finished = navigation.transition?.finished;
    const seconds = finished?.then(
      () => (performance.now() - fromMs) / 1000,
      () => undefined,
    );
    onRoute(seconds ?? Promise.resolve(undefined));
  });
}

function watchHistory(win: RouteWindow, changed: () => void): void {
  const { history } = win;
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (this: History, ...args) {
      // The page's own call first: what it throws is its own.
      original.apply(this, args);
      changed();
    };
  }
  win.addEventListener("popstate", changed);
}
