// Entry of the traffic generator's process: visits start when the plan says so, however slow the shop is (open loop),
// but never more than a fixed number at once.
import { storewatch } from "@storewatch/sdk";
import { createShopLogger } from "./logging.ts";
import { exitWithParent } from "./messages.ts";
import { pageMonitorFrom } from "./pages/layout.ts";
import { seededRandom } from "./random.ts";
import { BeaconSender } from "./traffic/beacons.ts";
import { planVisits, requestsPerVisit } from "./traffic/plan.ts";
import { SimulatedBrowser } from "./traffic/simulated-browser.ts";
import { ShopClient } from "./traffic/visitor.ts";

export interface TrafficArguments {
  readonly url: string;
  readonly rate: number;
  readonly seed: number;
  readonly logLevel: string;
}

const VISITS_MAX = 400;
const SOCKETS_MAX = 200;
const REPORT_EVERY_MS = 60_000;
/** Share of the visitors that come with a (simulated) browser: they load the storefront's pages too. */
const BROWSER_SHARE = 0.35;
/** Such visitors a second at most: Storewatch takes 20 beacons a second from one address, and a visit makes three. */
const BROWSERS_A_SECOND_MAX = 4;

exitWithParent();
const options = JSON.parse(process.argv[2]) as TrafficArguments;
const logger = createShopLogger(storewatch({ service: "traffic", version: "1", metrics: { defaults: false } }), {
  level: options.logLevel,
});
const client = new ShopClient(options.url, SOCKETS_MAX);
// Session ids differ from run to run, or the shop would take a second run's visitors for the first one's.
const prefix = `v${options.seed}-${Date.now().toString(36)}`;
const random = seededRandom(options.seed + 1);
const monitor = pageMonitorFrom(process.env);
const beacons = monitor && new BeaconSender({ ...monitor, origin: new URL(options.url).origin }, client.agent);
const visitsASecond = options.rate / requestsPerVisit();
const browserShare = Math.min(BROWSER_SHARE, BROWSERS_A_SECOND_MAX / visitsASecond);
const counts = { started: 0, finished: 0, left: 0, unreachable: 0, shed: 0 };
let walking = 0;

setInterval(
  () => logger.info("traffic", { ...counts, walking, beacons: Object.fromEntries(beacons?.answers ?? []) }),
  REPORT_EVERY_MS,
);
process.on("SIGTERM", () => process.exit(0));

const visits = planVisits({ seed: options.seed, rate: options.rate, startMs: Date.now() });
for (;;) {
  const { value: visit } = visits.next();
  const waitMs = visit.atMs - Date.now();
  // A machine that slept must not make up for the night.
  if (waitMs < -5000) continue;
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  if (walking >= VISITS_MAX) {
    counts.shed += 1;
    continue;
  }
  counts.started += 1;
  walking += 1;
  client
    .walk(
      visit,
      `${prefix}-${visit.number}`,
      random() < browserShare ? pagesOf(`${prefix}-${visit.number}`) : undefined,
    )
    .then((done) => {
      counts[done ? "finished" : "left"] += 1;
    })
    .catch(() => {
      counts.unreachable += 1;
    })
    .finally(() => {
      walking -= 1;
    });
}

/** Loads pages beside the visitor's own requests. */
function pagesOf(session: string): (path: string) => void {
  const fetch = (path: string) => client.get(path, session);
  const browser = new SimulatedBrowser({ fetch, random, nowMs: () => performance.now() });
  return (path) => {
    browser
      .visit(path)
      .then((page) => {
        if (page) beacons?.send(page);
      })
      .catch(() => {
        counts.unreachable += 1;
      });
  };
}
