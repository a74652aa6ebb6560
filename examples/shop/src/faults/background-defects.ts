// Faults that need no visitor: they run beside the requests, as the jobs of a platform do.
import { Agent, get } from "node:http";
import type { Storewatch } from "@storewatch/sdk";
import type { ShopLogger } from "../logging.ts";
import { TENANTS } from "../tenants.ts";
import type { FaultName, FaultSwitches } from "./switches.ts";

const TICK_MS = 50;
/** 3,000 lines a second. */
const LINES_A_TICK = 150;
/** 100 searches a second. */
const SEARCHES_A_TICK = 5;
/** When the shop is slow, the importer waits for it. */
const SEARCHES_AT_ONCE_MAX = 50;

export interface DefectParts {
  readonly faults: FaultSwitches;
  readonly sw: Storewatch;
  readonly logger: ShopLogger;
  /** The shop's own address; undefined while it does not listen. */
  readonly ownUrl: () => string | undefined;
}

/** Returns the function that stops them. */
export function runBackgroundDefects(parts: DefectParts): () => void {
  const { faults } = parts;
  const importer = new Importer(parts.ownUrl);
  const flood = new StockFeed(parts);
  const running = new Map<FaultName, NodeJS.Timeout>();
  const jobs: ReadonlyArray<readonly [FaultName, (tenants: readonly string[]) => void]> = [
    ["log-flood", (tenants) => flood.retry(tenants)],
    ["noisy-tenant", (tenants) => importer.search(tenants)],
  ];
  faults.onChange(() => {
    for (const [fault, work] of jobs) {
      const wanted = faults.isOnForAnyone(fault);
      const timer = running.get(fault);
      if (wanted && !timer) {
        const affected = () => TENANTS.map(({ id }) => id).filter((id) => faults.isOn(fault, id));
        running.set(
          fault,
          setInterval(() => work(affected()), TICK_MS),
        );
      }
      if (!wanted && timer) {
        clearInterval(timer);
        running.delete(fault);
      }
    }
  });
  return () => {
    for (const timer of running.values()) clearInterval(timer);
    importer.close();
  };
}

/** The fault `log-flood`: a feed whose supplier answers "try again", and a loop that does so at once and says it each time. */
class StockFeed {
  private attempt = 0;

  constructor(private readonly parts: DefectParts) {}

  retry(tenants: readonly string[]): void {
    const { sw, logger } = this.parts;
    for (let i = 0; i < LINES_A_TICK; i++) {
      this.attempt += 1;
      const tenantId = tenants[this.attempt % tenants.length];
      if (tenantId === undefined) return;
      const line = { supplier: "kho-tong", attempt: this.attempt, statusCode: 429 };
      sw.context.run({ tenantId }, () => logger.info("Stock feed refused, trying again", line));
    }
  }
}

/** The fault `noisy-tenant`: asks the shop's real search for one article number after the other. */
class Importer {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 8 });
  private article = 0;
  private underway = 0;

  constructor(private readonly ownUrl: () => string | undefined) {}

  search(tenants: readonly string[]): void {
    const url = this.ownUrl();
    for (let i = 0; i < SEARCHES_A_TICK && url && this.underway < SEARCHES_AT_ONCE_MAX; i++) {
      this.article += 1;
      const tenant = tenants[this.article % tenants.length];
      if (tenant !== undefined) this.ask(`${url}/t/${tenant}/search?q=sku-${this.article}`);
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private ask(url: string): void {
    this.underway += 1;
    const request = get(url, { agent: this.agent, headers: { "x-session-id": "importer" } }, (response) =>
      response.resume(),
    );
    request
      .on("error", () => {})
      .on("close", () => {
        this.underway -= 1;
      });
  }
}
