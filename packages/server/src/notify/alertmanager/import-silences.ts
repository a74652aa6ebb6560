// Silences of another Alertmanager into this one, over both APIs. Can be run again: what is there already stays as it is.
import { z } from "zod";

export interface SilenceSource {
  /** GET of a path below the Alertmanager's address; the parsed JSON. Throws when it cannot be had. */
  readonly get: (path: string) => Promise<unknown>;
}

export interface SilenceTarget extends SilenceSource {
  /** POST of JSON; throws when it is not taken. */
  readonly post: (path: string, body: unknown) => Promise<unknown>;
}

export interface ImportReport {
  readonly created: readonly string[];
  readonly updated: readonly string[];
  readonly unchanged: number;
  /** Ended before now. */
  readonly expired: number;
  readonly failed: readonly { readonly id: string; readonly reason: string }[];
}

const matcherSchema = z.object({
  name: z.string(),
  value: z.string(),
  isRegex: z.boolean(),
  /** Absent in old versions. */
  isEqual: z.boolean().default(true),
});

const silenceSchema = z.object({
  id: z.string(),
  status: z.object({ state: z.enum(["active", "pending", "expired"]) }),
  matchers: z.array(matcherSchema),
  startsAt: z.string(),
  endsAt: z.string(),
  createdBy: z.string(),
  comment: z.string(),
  annotations: z.record(z.string(), z.string()).nullish(),
});
type RemoteSilence = z.infer<typeof silenceSchema>;

const SILENCES = "/api/v2/silences";
/** On each imported silence: the id that it has where it comes from. */
const ORIGIN = "storewatch_import_id";

/** Throws when either side cannot be asked; what single silences run into is in the report. */
export async function importSilences(source: SilenceSource, target: SilenceTarget): Promise<ImportReport> {
  const theirs = z.array(silenceSchema).parse(await source.get(SILENCES));
  const ours = z.array(silenceSchema).parse(await target.get(SILENCES));
  const report = {
    created: [] as string[],
    updated: [] as string[],
    unchanged: 0,
    expired: 0,
    failed: [] as { id: string; reason: string }[],
  };
  for (const silence of theirs) {
    if (silence.status.state === "expired") {
      report.expired += 1;
      continue;
    }
    const own = counterpart(silence, ours);
    if (own && sameSpan(own, silence)) {
      report.unchanged += 1;
      continue;
    }
    try {
      await target.post(SILENCES, postable(silence, own));
      (own ? report.updated : report.created).push(silence.id);
    } catch (error) {
      report.failed.push({ id: silence.id, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return report;
}

/** One imported before, or one that somebody has entered by hand: the same matchers, author and comment. */
function counterpart(silence: RemoteSilence, ours: readonly RemoteSilence[]): RemoteSilence | undefined {
  const alive = ours.filter((own) => own.status.state !== "expired");
  return (
    alive.find((own) => own.annotations?.[ORIGIN] === silence.id) ??
    alive.find((own) => identity(own) === identity(silence))
  );
}

function identity({ matchers, createdBy, comment }: RemoteSilence): string {
  const lines = matchers.map(({ name, value, isRegex, isEqual }) => JSON.stringify([name, value, isRegex, isEqual]));
  return JSON.stringify([lines.sort(), createdBy, comment]);
}

/** An active one began when it was imported; only its end can still change. */
function sameSpan(own: RemoteSilence, silence: RemoteSilence): boolean {
  if (identity(own) !== identity(silence) || Date.parse(own.endsAt) !== Date.parse(silence.endsAt)) return false;
  return own.status.state === "active" || Date.parse(own.startsAt) === Date.parse(silence.startsAt);
}

function postable(silence: RemoteSilence, own: RemoteSilence | undefined): object {
  const { matchers, startsAt, endsAt, createdBy, comment, annotations } = silence;
  return {
    ...(own && { id: own.id }),
    matchers,
    // That of an active one cannot be changed any more.
    startsAt: own?.status.state === "active" ? own.startsAt : startsAt,
    endsAt,
    createdBy,
    comment,
    annotations: { ...annotations, [ORIGIN]: silence.id },
  };
}
