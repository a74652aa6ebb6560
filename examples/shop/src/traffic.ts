// Entry of the traffic generator's process: visits start when the plan says so, however slow the shop is (open loop),
// but never more than a fixed number at once.
import { createShopLogger } from "./logging.ts";
import { exitWithParent } from "./messages.ts";
import { planVisits } from "./plan.ts";
import { ShopClient } from "./visitor.ts";

export interface TrafficArguments {
  readonly url: string;
  readonly rate: number;
  readonly seed: number;
  readonly logLevel: string;
}

const VISITS_MAX = 400;
const SOCKETS_MAX = 200;
const REPORT_EVERY_MS = 60_000;

exitWithParent();
const options = JSON.parse(process.argv[2]) as TrafficArguments;
const logger = createShopLogger({ service: "traffic", version: "1", level: options.logLevel });
const client = new ShopClient(options.url, SOCKETS_MAX);
// Session ids differ from run to run, or the shop would take a second run's visitors for the first one's.
const prefix = `v${options.seed}-${Date.now().toString(36)}`;
const counts = { started: 0, finished: 0, left: 0, unreachable: 0, shed: 0 };
let walking = 0;

setInterval(() => logger.info("traffic", { ...counts, walking }), REPORT_EVERY_MS);
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
    .walk(visit, prefix)
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
