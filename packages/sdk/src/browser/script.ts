// The classic script: `<script src=… data-endpoint=… data-key=… async></script>`, for pages without a bundler. Without a
// key it only offers `storewatchBrowser.startBrowser`.
import { type BrowserOptions, startBrowser } from "./index.ts";

export { startBrowser };

const { endpoint, key, tenant, version, page, sampleRate, respectDoNotTrack } =
  (document.currentScript as HTMLScriptElement | null)?.dataset ?? {};
if (endpoint && key) {
  const at = location.pathname;
  startBrowser({
    endpoint,
    key,
    ...(tenant ? { tenant } : {}),
    ...(version ? { version } : {}),
    // The server that wrote the page knows its template; after a route change that name holds no longer.
    ...(page ? { page: ({ pathname }: Location) => (pathname === at ? page : pathname) } : {}),
    ...(sampleRate ? { sampleRate: Number(sampleRate) } : {}),
    respectDoNotTrack: respectDoNotTrack !== undefined && respectDoNotTrack !== "false",
  } satisfies BrowserOptions);
}
