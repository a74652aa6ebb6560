// DogStatsD's lines: `name:value[:value…]|type[|@rate][|#tag:v,tag2][|T<unix s>][|c:…][|e:…]`, events and service checks.
// Also plain StatsD, and Telegraf's tags in the name (`name,tag=v:1|c`).

export interface MetricLine {
  readonly kind: "metric";
  readonly name: string;
  readonly type: "c" | "g" | "ms" | "h" | "d" | "s";
  /** As text: a set counts texts, a gauge with a sign is a change. */
  readonly values: readonly string[];
  /** 0 < rate ≤ 1: one in 1/rate was sent. */
  readonly rate: number;
  readonly tags: readonly string[];
  readonly timeMs: number | undefined;
}

export interface EventLine {
  readonly kind: "event";
  readonly title: string;
  readonly text: string;
  readonly timeMs: number | undefined;
  /** info, warning, error or success. */
  readonly alertType: string;
  readonly host: string | undefined;
  readonly tags: readonly string[];
}

export interface ServiceCheckLine {
  readonly kind: "check";
  readonly name: string;
  /** 0 ok, 1 warning, 2 critical, 3 unknown. */
  readonly status: number;
  readonly timeMs: number | undefined;
  readonly host: string | undefined;
  readonly tags: readonly string[];
}

export type Line = MetricLine | EventLine | ServiceCheckLine;

/** A line that is not in the format, with the reason in words. */
export class DogStatsdError extends Error {}

const NAME_MAX = 500;
const TAGS_MAX = 100;
const VALUES_MAX = 1000;
const TYPES: ReadonlySet<string> = new Set(["c", "g", "ms", "h", "d", "s"]);

/** Throws DogStatsdError. */
export function parseLine(line: string): Line {
  if (line.startsWith("_e{")) return parseEvent(line);
  if (line.startsWith("_sc|")) return parseCheck(line);
  return parseMetric(line);
}

function parseMetric(line: string): MetricLine {
  const bar = line.indexOf("|");
  const head = bar < 0 ? line : line.slice(0, bar);
  // Without a `|` there is no value; with one, a tag of the name may hold colons too, so the first colon counts.
  const colon = head.indexOf(":");
  if (bar < 0 || colon < 1) throw new DogStatsdError("expected NAME:VALUE|TYPE");
  const [name, ...nameTags] = head.slice(0, colon).split(",");
  if (name === "" || name.length > NAME_MAX) throw new DogStatsdError("the name is empty or too long");
  const values = head.slice(colon + 1).split(":");
  const [type, ...fields] = line.slice(bar + 1).split("|");
  if (!TYPES.has(type)) throw new DogStatsdError(`unknown type "${type.slice(0, 20)}"`);
  if (values.length > VALUES_MAX) throw new DogStatsdError("too many values in one line");
  if (type !== "s" && !values.every(isNumber)) throw new DogStatsdError("a value is not a number");
  const { rate, tags, timeMs } = readFields(fields);
  return {
    kind: "metric",
    name,
    type: type as MetricLine["type"],
    values,
    rate,
    tags: limited([...nameTags.map((tag) => tag.replace("=", ":")), ...tags]),
    timeMs,
  };
}

function isNumber(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text);
}

function readFields(fields: readonly string[]): { rate: number; tags: readonly string[]; timeMs: number | undefined } {
  let rate = 1;
  let tags: readonly string[] = [];
  let timeMs: number | undefined;
  for (const field of fields) {
    if (field.startsWith("@")) {
      rate = Number(field.slice(1));
      if (!(rate > 0 && rate <= 1)) throw new DogStatsdError("the sample rate is not within (0, 1]");
    } else if (field.startsWith("#")) tags = field.slice(1).split(",");
    else if (/^T\d{1,12}$/.test(field)) timeMs = Number(field.slice(1)) * 1000;
    // Container ids (c:), external data (e:), cardinality (card:) and what newer clients add say nothing that is stored.
  }
  return { rate, tags, timeMs };
}

function limited(tags: readonly string[]): readonly string[] {
  if (tags.length > TAGS_MAX) throw new DogStatsdError(`more than ${TAGS_MAX} tags`);
  return tags;
}

/** `_e{TITLE BYTES,TEXT BYTES}:title|text|d:…|h:…|t:error|#tags`. The lengths decide: a title may hold `|`. */
function parseEvent(line: string): EventLine {
  const match = /^_e\{(\d{1,6}),(\d{1,6})\}:/.exec(line);
  if (!match) throw new DogStatsdError("expected _e{TITLE LENGTH,TEXT LENGTH}:TITLE|TEXT");
  const bytes = Buffer.from(line, "utf8");
  const titleFrom = Buffer.byteLength(match[0]);
  const titleTo = titleFrom + Number(match[1]);
  const textTo = titleTo + 1 + Number(match[2]);
  const bar = "|".charCodeAt(0);
  if (textTo > bytes.length || bytes[titleTo] !== bar || (textTo < bytes.length && bytes[textTo] !== bar))
    throw new DogStatsdError("the lengths of title and text do not fit the line");
  const textAt = (from: number, to: number) => bytes.toString("utf8", from, to).replaceAll("\\n", "\n");
  const rest = readRest(bytes.toString("utf8", textTo + 1).split("|"));
  return {
    kind: "event",
    title: textAt(titleFrom, titleTo),
    text: textAt(titleTo + 1, textTo),
    timeMs: rest.timeMs,
    alertType: rest.keys.get("t") ?? "info",
    host: rest.keys.get("h"),
    tags: rest.tags,
  };
}

/** `_sc|name|status|d:…|h:…|#tags|m:message`. */
function parseCheck(line: string): ServiceCheckLine {
  const [, name, status, ...fields] = line.split("|");
  if (!name || name.length > NAME_MAX) throw new DogStatsdError("the service check has no name");
  if (!/^[0-3]$/.test(status ?? "")) throw new DogStatsdError("the status of a service check is 0, 1, 2 or 3");
  const rest = readRest(fields);
  return {
    kind: "check",
    name,
    status: Number(status),
    timeMs: rest.timeMs,
    host: rest.keys.get("h"),
    tags: rest.tags,
  };
}

function readRest(fields: readonly string[]) {
  const keys = new Map<string, string>();
  let tags: readonly string[] = [];
  for (const field of fields) {
    if (field.startsWith("#")) tags = limited(field.slice(1).split(","));
    else if (field[1] === ":") keys.set(field[0], field.slice(2));
  }
  const seconds = keys.get("d");
  return {
    keys,
    tags,
    timeMs: seconds !== undefined && /^\d{1,12}$/.test(seconds) ? Number(seconds) * 1000 : undefined,
  };
}
