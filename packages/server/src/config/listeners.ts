// `listeners`: the classic ports of the systems whose jobs this does, off by default.
import { parseTenantId, type TenantId } from "@storewatch/model";
import { z } from "zod";
import { parseCidr } from "../kernel/address-rules.ts";
import { type ListenAddress, parseListenAddress } from "./listen-address.ts";

export interface DogStatsdConfig {
  readonly address: ListenAddress;
  /** Senders beside this machine, CIDR. */
  readonly allow: readonly string[];
  /** Undefined: what arrives may name any shop. */
  readonly tenants: readonly TenantId[] | undefined;
}

export interface ListenersConfig {
  /** Further ports that answer just as the main one does. */
  readonly http: readonly ListenAddress[];
  readonly dogstatsd: DogStatsdConfig | undefined;
}

const port = z.number().int().min(0).max(65_535);
const addressText = z.string().transform((text, context) => {
  const address = parseListenAddress(text);
  if (address) return address;
  context.addIssue({ code: "custom", message: "expected a port or HOST:PORT" });
  return z.NEVER;
});
const address = z.union([port, addressText]);
const later = z
  .unknown()
  .refine((value) => value === undefined, "not in this version of Storewatch")
  .optional();
const tenantId = z.string().transform((text, context) => {
  const id = parseTenantId(text);
  if (id) return id;
  context.addIssue({ code: "custom", message: "expected a shop's id" });
  return z.NEVER;
});

const dogstatsd = z.strictObject({
  port: address.describe("UDP port, or `HOST:PORT`."),
  allow: z
    .array(z.string().refine((text) => parseCidr(text) !== undefined, "expected a range such as 10.0.0.0/8"))
    .default([])
    .describe("Senders that are listened to beside this machine itself, CIDR: UDP has no credential."),
  tenants: z
    .array(tenantId)
    .min(1)
    .optional()
    .describe("Shops that may be written this way. One: it is given to series that name none."),
});

export const listenersSchema = z
  .strictObject({
    prometheus: address.optional().describe("`9090`: the whole port again, where Prometheus' clients look for it."),
    alertmanager: address.optional().describe("`9093`: the same for Alertmanager's."),
    otlp: address.optional().describe("`4318`: the same for OpenTelemetry's exporters."),
    dogstatsd: z
      .union([address.transform((one) => ({ port: one, allow: [], tenants: undefined })), dogstatsd])
      .optional()
      .describe("DogStatsD and StatsD over UDP: `8125`, or `{ port, allow, tenants }`."),
    elasticsearch: later,
    beats: later,
  })
  .prefault({});

/** A port without a host is opened where the main one is. */
export function toListeners(read: z.output<typeof listenersSchema>, listen: ListenAddress): ListenersConfig {
  const at = (one: number | ListenAddress): ListenAddress =>
    typeof one === "number" ? { host: listen.host, port: one } : one;
  const http = [read.prometheus, read.alertmanager, read.otlp].filter((one) => one !== undefined).map(at);
  const { dogstatsd: statsd } = read;
  return { http, dogstatsd: statsd && { address: at(statsd.port), allow: statsd.allow, tenants: statsd.tenants } };
}
