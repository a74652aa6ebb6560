// What the processes of the example tell each other over Node's IPC channel.

/** From the shop service to its supervisor. */
export type FromService =
  | { readonly kind: "ready"; readonly port: number; readonly metricsPort: number }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "deploy"; readonly version: string }
  | { readonly kind: "provider"; readonly name: string; readonly merchant: string | null; readonly down: boolean };

/** From the payment providers' process to the supervisor. */
export type FromProviders =
  | { readonly kind: "ready"; readonly ports: Readonly<Record<string, number>> }
  | { readonly kind: "failed"; readonly message: string };

/** From the supervisor to the payment providers' process. */
export type ToProviders =
  | { readonly kind: "provider"; readonly name: string; readonly merchant: string | null; readonly down: boolean }
  | { readonly kind: "all-up" };

/** From the supervisor to whoever started it with an IPC channel (the demo of Storewatch). */
export type FromShop =
  | {
      readonly kind: "ready";
      readonly url: string;
      readonly metricsUrl: string;
      readonly providers: Readonly<Record<string, string>>;
      readonly tenants: readonly TenantCard[];
    }
  | { readonly kind: "failed"; readonly message: string };

export interface TenantCard {
  readonly id: string;
  readonly name: string;
  readonly tier: string;
  readonly timezone: string;
  readonly currency: string;
}

/** Sends to the parent; does nothing when there is none or it is gone. */
export function tellParent(message: FromService | FromProviders | FromShop): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

/** No orphans: when the parent goes, however it goes, its end of the channel closes and this process ends. */
export function exitWithParent(): void {
  process.on("disconnect", () => process.exit(0));
  // It may have gone while this process was still loading.
  if (process.send && !process.connected) process.exit(0);
}
