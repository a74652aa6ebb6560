// Section `redis` of agent.yml.
import { parseDurationMs } from "@storewatch/model";
import { z } from "zod";

const duration = z.string().transform((text, context) => {
  const milliseconds = parseDurationMs(text);
  if (milliseconds !== undefined && milliseconds > 0) return milliseconds;
  context.addIssue({ code: "custom", message: "expected a duration such as 5s" });
  return z.NEVER;
});

export interface RedisUrl {
  readonly host: string;
  readonly port: number;
  readonly path: string | undefined;
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** Undefined for what is no address of a Redis. The text may hold a password: don't show it. */
export function parseRedisUrl(text: string): RedisUrl | undefined {
  const withScheme = /^[a-z]+:\/\//.test(text) ? text : `redis://${text}`;
  if (!URL.canParse(withScheme)) return undefined;
  const url = new URL(withScheme);
  const word = (encoded: string) => (encoded === "" ? undefined : decodeURIComponent(encoded));
  const isUnix = url.protocol === "unix:";
  if (!isUnix && url.protocol !== "redis:" && url.protocol !== "rediss:") return undefined;
  if (isUnix ? url.pathname.length < 2 : url.hostname === "") return undefined;
  try {
    return {
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? 6379 : Number(url.port),
      path: isUnix ? decodeURIComponent(url.pathname) : undefined,
      isTls: url.protocol === "rediss:",
      username: word(url.username),
      password: word(url.password),
    };
  } catch {
    return undefined;
  }
}

const redisUrl = z.string().transform((text, context) => {
  const parsed = parseRedisUrl(text);
  if (parsed) return parsed;
  context.addIssue({
    code: "custom",
    message: "expected redis://HOST:PORT, rediss://HOST:PORT (TLS) or unix:///PATH",
  });
  return z.NEVER;
});

export interface KeyPattern {
  readonly db: number;
  readonly pattern: string;
}

const keyPattern = z.string().transform((text, context): KeyPattern => {
  const match = /^(?:db(\d{1,5})=)?(.+)$/s.exec(text);
  if (match) return { db: Number(match[1] ?? 0), pattern: match[2] };
  context.addIssue({ code: "custom", message: "expected a pattern such as cart:*, or db3=cart:*" });
  return z.NEVER;
});

const file = z.string().min(1);

export const redisSchema = z
  .strictObject({
    url: redisUrl.describe(
      "`redis://HOST:PORT`, `rediss://…` for TLS, `unix:///PATH`; `${NAME}` from the environment.",
    ),
    username: z.string().min(1).optional().describe("User of the ACL (Redis 6 and newer)."),
    password: z.string().min(1).optional().describe("Write `${NAME}`: it takes the password from the environment."),
    password_file: file.optional().describe("File that holds the password."),
    tls: z
      .strictObject({
        ca: file.optional().describe("Authorities to trust in place of the system's, PEM."),
        cert: file.optional().describe("Client certificate, PEM."),
        key: file.optional().describe("Its key, PEM."),
        server_name: z.string().min(1).optional().describe("Name in the certificate, when it is not the host's."),
        insecure_skip_verify: z.boolean().default(false).describe("True: take any certificate."),
      })
      .prefault({}),
    timeout: duration.prefault("5s").describe("Time limit of one look at the server."),
    count_keys: z
      .array(keyPattern)
      .default([])
      .describe("Patterns whose keys are counted with SCAN, `cart:*` or `db3=cart:*`. Off when empty."),
    check_keys: z
      .array(keyPattern)
      .default([])
      .describe(
        "Patterns whose keys are shown with their size and, where it is a number, their value. Off when empty.",
      ),
    scan_keys_max: z
      .int()
      .min(100)
      .max(10_000_000)
      .default(100_000)
      .describe("How many keys SCAN may look at for one pattern; where there are more, the pattern has no count."),
    check_keys_max: z.int().min(1).max(10_000).default(100).describe("How many keys `check_keys` shows at most."),
  })
  .optional();

export type RedisSection = NonNullable<z.output<typeof redisSchema>>;
