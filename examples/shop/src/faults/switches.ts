// Fault switches. Each names a real defect that the service then has, for one shop or for all.

export const FAULTS = {
  "error-burst": "half of the requests fail with a real exception (500)",
  "slow-database": "every statement takes 2.2 to 3 seconds while it holds its connection",
  "payment-provider-down": "a payment provider stops listening (for one shop: cuts off that merchant's calls)",
  "order-drop": "the shipping check refuses every address, so no order comes through (422, no server error)",
  "connection-leak": "requests stop giving database connections back, one a second, until nine in ten are lost",
  "memory-leak": "every request keeps 128 KiB for ever, up to 200 MiB",
  "log-flood": "the stock feed retries without a pause and logs every attempt: 3,000 lines a second",
  "noisy-tenant": "an importer gone wild sends 100 searches a second, each counted under a text of its own",
  "slow-page": "storefront pages load a huge recommendations script that takes 2.5 s to come",
  "process-crash": "the process dies of an uncaught exception; the supervisor starts it again",
} as const;

export type FaultName = keyof typeof FAULTS;

export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(FAULTS, name);
}

export interface ActiveFault {
  readonly fault: FaultName;
  /** null: all shops. */
  readonly tenant: string | null;
  readonly sinceMs: number;
}

/** Which faults are on, for whom. */
export class FaultSwitches {
  private readonly active = new Map<string, ActiveFault>();
  private readonly listeners: Array<(fault: FaultName, tenant: string | null, on: boolean) => void> = [];

  isOn(fault: FaultName, tenant: string | undefined): boolean {
    if (this.active.size === 0) return false;
    return this.active.has(key(fault, null)) || (tenant !== undefined && this.active.has(key(fault, tenant)));
  }

  set(fault: FaultName, tenant: string | null, on: boolean): void {
    // Off for all means off for everyone, also where it was turned on for one shop.
    if (!on && tenant === null) for (const active of this.list()) if (active.fault === fault) this.remove(active);
    if (on) this.active.set(key(fault, tenant), { fault, tenant, sinceMs: Date.now() });
    else this.active.delete(key(fault, tenant));
    for (const listener of this.listeners) listener(fault, tenant, on);
  }

  isOnForAnyone(fault: FaultName): boolean {
    return this.list().some((active) => active.fault === fault);
  }

  list(): ActiveFault[] {
    return [...this.active.values()];
  }

  onChange(listener: (fault: FaultName, tenant: string | null, on: boolean) => void): void {
    this.listeners.push(listener);
  }

  private remove(active: ActiveFault): void {
    this.active.delete(key(active.fault, active.tenant));
  }
}

function key(fault: FaultName, tenant: string | null): string {
  return `${fault} ${tenant ?? ""}`;
}
