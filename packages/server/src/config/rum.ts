// `rum`: what the SDK's browser entry may tell, by public key.
import { parseTenantId, type TenantId } from "@storewatch/model";
import { z } from "zod";
import { parseCidr } from "../kernel/address-rules.ts";

export interface RumKey {
  /** Public: it stands in the shops' pages. */
  readonly key: string;
  /** What its beacons may be about: one shop, or those of a list, or every known shop, that the beacon chooses among. */
  readonly may:
    | { readonly kind: "tenant"; readonly tenant: TenantId }
    | { readonly kind: "platform"; readonly tenants: readonly TenantId[] | undefined };
  /** Pages' origins that may send with it; undefined: any. */
  readonly origins: readonly string[] | undefined;
}

export interface RumConfig {
  readonly keys: readonly RumKey[];
  readonly pagesPerTenant: number;
  readonly beaconsPerSecond: { readonly perKey: number; readonly perAddress: number };
  /** CIDR, beside this machine: whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
}

const tenantId = z.string().transform((text, context) => {
  const id = parseTenantId(text);
  if (id) return id;
  context.addIssue({ code: "custom", message: "expected a shop's id" });
  return z.NEVER;
});

const origin = z
  .string()
  .refine(
    (text) => URL.canParse(text) && new URL(text).origin === text,
    "expected an origin such as https://shop.example, without path",
  );

const keyEntry = z
  .strictObject({
    key: z
      .string()
      .regex(/^[\w-]{8,64}$/, "expected 8–64 letters, digits, `_`, `-`")
      .describe("Public, it stands in the pages: 8–64 letters, digits, `_`, `-`. Needed."),
    tenant: tenantId.optional().describe("The shop that its beacons are about. This or `platform: true`."),
    platform: z
      .literal(true)
      .optional()
      .describe("The beacon names the shop, among `tenants` or, without them, among all known shops."),
    tenants: z.array(tenantId).min(1).optional().describe("Shops that a platform's key is for."),
    origins: z
      .array(origin)
      .min(1)
      .optional()
      .describe("Origins of pages that may send with it: `https://acme.example`. Without it: any."),
  })
  .superRefine(({ tenant, platform, tenants }, context) => {
    if ((tenant === undefined) === (platform === undefined))
      context.addIssue({ code: "custom", message: "a key needs `tenant`, or `platform: true`, and not both" });
    if (tenants && !platform)
      context.addIssue({ code: "custom", path: ["tenants"], message: "`tenants` goes with `platform: true`" });
  });

const rate = z.number().min(1).max(1_000_000);

export const rumSchema = z
  .strictObject({
    keys: z.array(keyEntry).default([]).describe("Keys of the browser entry; without one, no beacon is taken."),
    pages_per_tenant: z
      .number()
      .int()
      .min(1)
      .max(1000)
      .default(50)
      .describe("Pages of a shop that are told apart; further ones are counted as `__other__`. About 75 series each."),
    beacons_per_second: rate.default(500).describe("Of one key; 4 times as many at once. Further ones get 429."),
    beacons_per_second_per_address: rate.default(20).describe("Of one client address; 5 times as many at once."),
    trusted_proxies: z
      .array(z.string().refine((text) => parseCidr(text) !== undefined, "expected a range such as 10.0.0.0/8"))
      .default([])
      .describe("Proxies beside this machine whose `X-Forwarded-For` names the client, CIDR."),
  })
  .superRefine(({ keys }, context) => {
    for (const [i, { key }] of keys.entries()) {
      if (keys.findIndex((one) => one.key === key) < i)
        context.addIssue({ code: "custom", path: ["keys", i, "key"], message: "this key stands here twice" });
    }
  })
  .prefault({});

export function toRum(read: z.output<typeof rumSchema>): RumConfig {
  return {
    keys: read.keys.map(({ key, tenant, tenants, origins }) => ({
      key,
      may: tenant === undefined ? { kind: "platform", tenants } : { kind: "tenant", tenant },
      origins,
    })),
    pagesPerTenant: read.pages_per_tenant,
    beaconsPerSecond: { perKey: read.beacons_per_second, perAddress: read.beacons_per_second_per_address },
    trustedProxies: read.trusted_proxies,
  };
}
