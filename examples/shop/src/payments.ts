// The shop's client for payment providers.
import { Agent, request } from "node:http";

export type ChargeResult =
  | { readonly outcome: "approved"; readonly reference: string }
  | { readonly outcome: "declined"; readonly reason: string }
  | { readonly outcome: "error"; readonly reason: string };

export interface Charge {
  readonly merchant: string;
  readonly orderId: string;
  readonly amount: number;
  readonly currency: string;
}

const TIMEOUT_MS = 3000;

export class PaymentClient {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 32 });

  /** Base URL of each provider by its name. */
  constructor(private readonly providers: Readonly<Record<string, string>>) {}

  get names(): string[] {
    return Object.keys(this.providers);
  }

  /** Never throws: a provider that cannot be reached is an outcome. */
  async charge(provider: string, charge: Charge): Promise<ChargeResult> {
    try {
      const { status, body } = await this.post(`${this.providers[provider]}/charge`, JSON.stringify(charge));
      const reply = JSON.parse(body) as { reference?: string; reason?: string };
      if (status === 200 && reply.reference) return { outcome: "approved", reference: reply.reference };
      if (status === 402) return { outcome: "declined", reason: reply.reason ?? "declined" };
      return { outcome: "error", reason: `${provider} answered ${status}` };
    } catch (error) {
      return { outcome: "error", reason: `${provider}: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private post(url: string, body: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const call = request(url, { method: "POST", agent: this.agent, headers, timeout: TIMEOUT_MS }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
        response.on("error", reject);
      });
      call.on("timeout", () => call.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
      call.on("error", reject);
      call.end(body);
    });
  }
}
