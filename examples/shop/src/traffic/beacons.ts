import type { Agent } from "node:http";
import { request } from "node:http";
import type { PageVisit } from "./simulated-browser.ts";

export interface BeaconTarget {
  readonly endpoint: string;
  readonly key: string;
  /** The shop's own address: the page's origin, which the key is bound to. */
  readonly origin: string;
}

/** A monitor that is away or slow costs the visitors nothing. */
const TIMEOUT_MS = 3000;

/** Sends what a page measured, as the browser entry does: one body, whose answer nobody waits for. */
export class BeaconSender {
  /** Answers by status; 0 when there was none. */
  readonly answers = new Map<number, number>();

  constructor(
    private readonly target: BeaconTarget,
    private readonly agent: Agent,
  ) {}

  send({ tenant, version, events }: PageVisit): void {
    const { endpoint, key, origin } = this.target;
    const body = JSON.stringify({ v: 1, tenant, release: version, events });
    const headers = { "content-type": "text/plain;charset=UTF-8", origin, "content-length": Buffer.byteLength(body) };
    const url = `${endpoint.replace(/\/+$/, "")}/rum/${encodeURIComponent(key)}`;
    const call = request(url, { method: "POST", agent: this.agent, headers, timeout: TIMEOUT_MS }, (response) => {
      this.count(response.statusCode ?? 0);
      response.resume();
    });
    call.on("timeout", () => call.destroy(new Error("timeout")));
    call.on("error", () => this.count(0));
    call.end(body);
  }

  private count(status: number): void {
    this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
  }
}
