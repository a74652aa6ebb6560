// The body that the SDK's browser entry sends: anybody may write one, so nothing in it is believed before it is read here.
import { z } from "zod";
import { StorewatchError } from "../../../kernel/errors.ts";
import { parseJson } from "../body.ts";

const TIMED_KINDS = ["load", "lcp", "inp", "fcp", "ttfb", "cls"] as const;
const ERROR_KINDS = ["error", "rejection", "foreign"] as const;
export type TimedKind = (typeof TIMED_KINDS)[number];
type ErrorKind = (typeof ERROR_KINDS)[number];

export type RumEvent =
  | { readonly kind: "view"; readonly page: string }
  | { readonly kind: "route"; readonly page: string; readonly value?: number }
  | { readonly kind: TimedKind; readonly page: string; readonly value: number }
  | {
      readonly kind: ErrorKind;
      readonly page: string;
      readonly message?: string;
      readonly source?: string;
      readonly line?: number;
      readonly column?: number;
      readonly stack?: string;
    };

export interface Beacon {
  readonly tenant: string | undefined;
  readonly release: string | undefined;
  /** Page views that this one stands for, 1 to 100: its sender measures one in so many. */
  readonly weight: number;
  readonly events: readonly RumEvent[];
  /** Events that are none of ours: of a newer SDK, or made up. */
  readonly unread: number;
  /** Events whose value cannot be true. */
  readonly implausible: number;
}

const EVENTS_MAX = 60;
const WEIGHT_MAX = 100;

const headSchema = z.object({
  v: z.literal(1),
  tenant: z.string().max(64).optional(),
  release: z.string().max(100).optional(),
  weight: z.number().min(1).max(WEIGHT_MAX).default(1),
  events: z.array(z.unknown()).min(1).max(EVENTS_MAX),
});

const page = z.string().min(1).max(200);
const place = z.number().int().min(0).optional();
const eventSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("view"), page }),
  z.object({ kind: z.literal("route"), page, value: z.number().optional() }),
  z.object({ kind: z.enum(TIMED_KINDS), page, value: z.number() }),
  z.object({
    kind: z.enum(ERROR_KINDS),
    page,
    message: z.string().max(400).optional(),
    source: z.string().max(400).optional(),
    line: place,
    column: place,
    stack: z.string().max(1200).optional(),
  }),
]);

/** Above, a value is a mistake or a lie. Ten minutes of loading; a layout shift score of a hundred screens. */
const SECONDS_MAX = 600;
const SCORE_MAX = 100;

/** Throws BAD_REQUEST. */
export function readBeacon(body: Buffer): Beacon {
  const head = headSchema.safeParse(parseJson(body));
  if (!head.success) throw new StorewatchError("BAD_REQUEST", { reason: "the body is no beacon of the browser entry" });
  const { tenant, release, weight } = head.data;
  const events: RumEvent[] = [];
  let unread = 0;
  let implausible = 0;
  for (const raw of head.data.events) {
    const event = eventSchema.safeParse(raw);
    if (!event.success) unread += 1;
    else if (isPlausible(event.data)) events.push(event.data);
    else implausible += 1;
  }
  return { tenant, release, weight, events, unread, implausible };
}

function isPlausible(event: RumEvent): boolean {
  if (!("value" in event) || event.value === undefined) return true;
  return event.value >= 0 && event.value <= (event.kind === "cls" ? SCORE_MAX : SECONDS_MAX);
}
