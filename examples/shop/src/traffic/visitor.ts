// One visitor: walks through the plan with real HTTP requests and leaves at the first thing that does not work.
import { Agent, request } from "node:http";
import type { Step, VisitPlan } from "./plan.ts";

const TIMEOUT_MS = 12_000;

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly body: { readonly id?: string; readonly products?: ReadonlyArray<{ readonly id: string }> };
}

export class ShopClient {
  readonly agent: Agent;

  constructor(
    private readonly url: string,
    socketsMax: number,
  ) {
    this.agent = new Agent({ keepAlive: true, maxSockets: socketsMax, scheduling: "lifo" });
  }

  close(): void {
    this.agent.destroy();
  }

  /**
   * Walks through a visit. True when it went to its planned end. Throws when the shop cannot be reached. `viewPage` is told
   * of the storefront page that a visitor with a browser would be on at this step.
   */
  async walk(visit: VisitPlan, session: string, viewPage: (path: string) => void = () => {}): Promise<boolean> {
    const call = (method: string, path: string, body?: object) =>
      this.call(method, path, { "x-tenant-id": visit.tenant.id, "x-session-id": session }, body);
    let cartId = "";
    let orderId = "";
    for (const step of visit.steps) {
      if (step.thinkMs > 0) await new Promise((resolve) => setTimeout(resolve, step.thinkMs));
      if (step.kind === "cart") {
        const cart = await call("POST", "/carts");
        if (cart.status !== 201) return false;
        cartId = cart.body.id ?? "";
      }
      const page = pageOf(step);
      if (page !== undefined) viewPage(`/t/${visit.tenant.id}${page}`);
      const reply = await this.take(step, call, visit, cartId, orderId);
      if (reply.status >= 400) return false;
      if (step.kind === "checkout") orderId = reply.body.id ?? "";
    }
    return true;
  }

  /** Gets a page or one of its files. */
  async get(path: string, session: string): Promise<{ status: number; body: string }> {
    const { status, text } = await this.call("GET", path, { "x-session-id": session });
    return { status, body: text };
  }

  private take(
    step: Step,
    call: (method: string, path: string, body?: object) => Promise<Reply>,
    visit: VisitPlan,
    cartId: string,
    orderId: string,
  ): Promise<Reply> {
    switch (step.kind) {
      case "browse":
        return call("GET", "/products");
      case "product":
        return call("GET", `/products/p${step.product + 1}`);
      case "cart":
        return call("POST", `/carts/${cartId}/items`, { productId: `p${step.product + 1}`, quantity: step.quantity });
      case "checkout":
        return call("POST", "/checkout", { cartId, city: visit.tenant.city });
      case "pay":
        return call("POST", `/orders/${orderId}/payment`, { provider: step.provider });
    }
  }

  private call(method: string, path: string, headers: Record<string, string>, body?: object): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const text = body ? JSON.stringify(body) : undefined;
      const all = text ? { ...headers, "content-type": "application/json" } : headers;
      const options = { method, headers: all, agent: this.agent, timeout: TIMEOUT_MS };
      const outgoing = request(`${this.url}${path}`, options, (response) => {
        let received = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          received += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text: received, body: parse(received) }));
        response.on("error", reject);
      });
      outgoing.on("timeout", () => outgoing.destroy(new Error("timeout")));
      outgoing.on("error", reject);
      outgoing.end(text);
    });
  }
}

/** The storefront page of a step; paying has none of its own. */
function pageOf(step: Step): string | undefined {
  switch (step.kind) {
    case "browse":
      return "/";
    case "product":
      return `/item/p${step.product + 1}`;
    case "cart":
      return "/cart";
    case "checkout":
      return "/order";
    case "pay":
      return undefined;
  }
}

function parse(text: string): Reply["body"] {
  return text.startsWith("{") ? (JSON.parse(text) as Reply["body"]) : {};
}
