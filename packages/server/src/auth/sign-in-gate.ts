// Brakes on guessing: failed sign-ins per client address, and password checks at once (each costs about 0.1 CPU-s).
import type { Clock } from "@storewatch/model";
import { StorewatchError } from "../kernel/errors.ts";
import { KeyedBuckets } from "../kernel/limits.ts";

/** Ten failures in a row, then one every 6 s. */
const FAILURES = { burst: 10, perSecond: 1 / 6 };
const CHECKS_AT_ONCE_MAX = 4;

export class SignInGate {
  private readonly failures: KeyedBuckets;
  private running = 0;

  constructor(clock: Clock) {
    this.failures = new KeyedBuckets(clock, FAILURES);
  }

  /** Runs one attempt; `undefined` counts as a failure of this address. Throws TOO_MANY_SIGN_INS. */
  async attempt<T>(address: string, check: () => Promise<T | undefined>): Promise<T | undefined> {
    // Taken before the check, so that many attempts at once cannot pass on one place.
    const waitSeconds = this.failures.take(address);
    if (waitSeconds > 0) throw new StorewatchError("TOO_MANY_SIGN_INS", { seconds: Math.ceil(waitSeconds) });
    if (this.running >= CHECKS_AT_ONCE_MAX) {
      this.failures.give(address);
      throw new StorewatchError("TOO_MANY_SIGN_INS", { seconds: 1 });
    }
    this.running++;
    try {
      const result = await check();
      if (result !== undefined) this.failures.give(address);
      return result;
    } finally {
      this.running--;
    }
  }
}
