// Who may send a beacon: the key, the page's origin, how often.
import { type Clock, parseTenantId, type TenantId } from "@storewatch/model";
import type { RumConfig, RumKey } from "../../../config/rum.ts";
import { senderRules } from "../../../kernel/address-rules.ts";
import { KeyedBuckets } from "../../../kernel/limits.ts";

type Refused = "unknown_key" | "wrong_origin" | "rate_limited";

export type Admission =
  | { readonly key: RumKey; readonly allowOrigin: string }
  /** `seconds`: when a limit was hit, until it has room again. */
  | { readonly refused: Refused; readonly seconds: number };

export interface Sender {
  readonly key: string;
  readonly origin: string | undefined;
  /** Of the connection. */
  readonly address: string;
  readonly forwardedFor: string | undefined;
}

const KEY_BURST = 4;
const ADDRESS_BURST = 5;
/** An IPv6 address with a zone is shorter. */
const HOP_LENGTH_MAX = 64;

export class RumGate {
  private readonly keys: ReadonlyMap<string, RumKey>;
  private readonly ofKey: KeyedBuckets;
  private readonly ofAddress: KeyedBuckets;
  private readonly isProxy: (address: string) => boolean;

  constructor(
    readonly config: RumConfig,
    clock: Clock,
    /** Declared, or found in the data: a beacon makes no new shop. */
    private readonly isKnownTenant: (id: TenantId) => boolean,
  ) {
    const { perKey, perAddress } = config.beaconsPerSecond;
    this.keys = new Map(config.keys.map((one) => [one.key, one]));
    this.ofKey = new KeyedBuckets(clock, { perSecond: perKey, burst: KEY_BURST * perKey });
    this.ofAddress = new KeyedBuckets(clock, { perSecond: perAddress, burst: ADDRESS_BURST * perAddress });
    this.isProxy = senderRules(config.trustedProxies);
  }

  /** `isBeacon`: false for a preflight, which counts for its address only. */
  admit(sender: Sender, isBeacon: boolean): Admission {
    // First, so that keys cannot be tried out quickly.
    const waitSeconds = this.ofAddress.take(clientAddress(sender, this.isProxy));
    if (waitSeconds > 0) return { refused: "rate_limited", seconds: waitSeconds };
    const key = this.keys.get(sender.key);
    if (!key) return { refused: "unknown_key", seconds: 0 };
    const allowOrigin = allowedOrigin(key, sender.origin);
    if (allowOrigin === undefined) return { refused: "wrong_origin", seconds: 0 };
    const seconds = isBeacon ? this.ofKey.take(key.key) : 0;
    return seconds > 0 ? { refused: "rate_limited", seconds } : { key, allowOrigin };
  }

  /** The shop that a beacon is about; undefined: the key does not speak for it, or it names none. */
  tenantOf({ may }: RumKey, asked: string | undefined): TenantId | undefined {
    const id = asked === undefined || asked === "" ? undefined : parseTenantId(asked);
    if (may.kind === "tenant") return asked === undefined || asked === "" || id === may.tenant ? may.tenant : undefined;
    if (id === undefined) return undefined;
    const isAllowed = may.tenants ? may.tenants.includes(id) : this.isKnownTenant(id);
    return isAllowed ? id : undefined;
  }
}

function allowedOrigin({ origins }: RumKey, origin: string | undefined): string | undefined {
  if (!origins) return "*";
  return origin !== undefined && origins.includes(origin) ? origin : undefined;
}

/** The last address of X-Forwarded-For that no proxy of ours has; what stands before it anybody may have written. */
function clientAddress({ address, forwardedFor }: Sender, isProxy: (address: string) => boolean): string {
  if (!isProxy(address)) return address;
  const hops = (forwardedFor ?? "").split(",", 20).map((hop) => hop.trim());
  return hops.findLast((hop) => hop !== "" && !isProxy(hop))?.slice(0, HOP_LENGTH_MAX) ?? address;
}
