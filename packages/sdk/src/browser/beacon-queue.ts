// What waits to be told: bounded, sent in small bodies that survive the end of the page.

/** One thing that happened on a page. What each field means is in docs/sdk-browser.md. */
export interface BrowserEvent {
  readonly kind: "view" | "route" | "load" | "lcp" | "inp" | "cls" | "fcp" | "ttfb" | "error" | "rejection" | "foreign";
  readonly page: string;
  /** Seconds; the score itself for `cls`. */
  readonly value?: number;
  readonly message?: string;
  readonly source?: string;
  readonly line?: number;
  readonly column?: number;
  readonly stack?: string;
}

export interface BeaconHead {
  readonly tenant?: string;
  readonly release?: string;
  /** How many page views this one stands for. */
  readonly weight?: number;
}

/** Events that wait; further ones are dropped. */
const WAITING_MAX = 50;
/** Characters of a body: well below what browsers (64 KiB) and the receiver (16 KiB, in bytes) take. */
const BODY_MAX = 5000;

export class BeaconQueue {
  private waiting: BrowserEvent[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly head: BeaconHead,
    private readonly send: (body: string) => void,
    private readonly delayMs: number,
  ) {}

  add(event: BrowserEvent): void {
    if (this.waiting.length >= WAITING_MAX) return;
    this.waiting.push(event);
    this.timer ??= setTimeout(() => this.flush(), this.delayMs);
  }

  /** Sends what waits, in as many bodies as it takes. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const events = this.waiting;
    this.waiting = [];
    let body: BrowserEvent[] = [];
    let size = 0;
    for (const event of events) {
      const length = JSON.stringify(event).length;
      if (size + length > BODY_MAX) {
        this.sendBody(body);
        body = [];
        size = 0;
      }
      body.push(event);
      size += length;
    }
    this.sendBody(body);
  }

  private sendBody(events: readonly BrowserEvent[]): void {
    if (events.length > 0) this.send(JSON.stringify({ v: 1, ...this.head, events }));
  }
}

/** By sendBeacon: as text, which needs no preflight. Nobody waits for the answer, and a failure is silent. */
export function beaconSender(url: string): (body: string) => void {
  return (body) => {
    try {
      if (navigator.sendBeacon?.(url, body)) return;
    } catch {
      // Some blockers throw here: the other way may still work.
    }
    try {
      fetch(url, { method: "POST", body, mode: "no-cors", credentials: "omit", keepalive: true }).catch(() => {});
    } catch {
      // The page has no fetch, or its policy forbids it: nothing is told.
    }
  };
}
