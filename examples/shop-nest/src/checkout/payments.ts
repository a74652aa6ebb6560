/** Injection token of the payment provider. */
export const PAYMENT_PROVIDER = Symbol("payment provider");

export interface Charge {
  readonly amount: number;
  readonly currency: string;
  /** What the shop's page got from the provider for the customer's card. */
  readonly card: string;
}

/** A payment provider as the shop sees it. Rejects when the provider cannot be reached. */
export interface PaymentProvider {
  readonly name: string;
  charge(charge: Charge): Promise<"approved" | "declined">;
  /** Resolves when the provider answers. */
  ping(): Promise<void>;
}

/** A provider in this process, with cards for every outcome as providers' sandboxes have them. */
export class LocalPayments implements PaymentProvider {
  readonly name = "local";
  private isAway = false;

  async charge({ card }: Charge): Promise<"approved" | "declined"> {
    // A card that takes the provider down, and one that brings it back.
    if (card === "outage") this.isAway = true;
    if (card === "recovery") this.isAway = false;
    await this.ping();
    return card === "declined" ? "declined" : "approved";
  }

  async ping(): Promise<void> {
    if (this.isAway) throw new Error("payment provider: connection refused");
  }
}
