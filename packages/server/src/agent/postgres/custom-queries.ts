// The custom queries of the files: each with its own time limit and cache, none in the way of another.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Clock } from "@storewatch/model";
import type { Families } from "../families.ts";
import type { LabelValues, MetricFamily } from "../interface.ts";
import { type CustomQuery, describeFileError, parseCustomFile, textFor } from "./custom-file.ts";
import { customFamilies } from "./custom-rows.ts";
import type { PostgresSection, PostgresUrl } from "./section.ts";
import type { Session } from "./session.ts";

interface LoadedFile {
  readonly file: string;
  readonly hash: string;
  readonly problem: string | undefined;
  readonly url: PostgresUrl | undefined;
  readonly queries: readonly CustomQuery[];
}

interface Cached {
  readonly families: readonly MetricFamily[];
  /** Monotonic. */
  readonly endMs: number;
}

export class CustomQueries {
  private files: readonly LoadedFile[] | undefined;
  private readonly cache = new Map<string, Cached>();

  constructor(
    private readonly section: PostgresSection,
    private readonly clock: Clock,
    private readonly resolve: (file: string) => string,
  ) {}

  /** Of the first file that names one. */
  get url(): PostgresUrl | undefined {
    return this.load().find(({ url }) => url !== undefined)?.url;
  }

  /** What is wrong with the files, a line each. */
  get problems(): readonly string[] {
    return this.load().flatMap(({ file, problem }) => (problem === undefined ? [] : [`${file}: ${problem}`]));
  }

  get queries(): readonly CustomQuery[] {
    return this.load().flatMap(({ queries }) => queries);
  }

  addFileStates(out: Families): void {
    const help = "Whether the user queries file was loaded and parsed successfully (1 for error, 0 for success).";
    for (const { file, hash, problem } of this.load()) {
      const value = problem === undefined ? 0 : 1;
      out.gauge("pg_exporter_user_queries_load_error", help, value, { filename: file, hashsum: hash });
    }
  }

  /** Undefined when the query is not for this server. Rejects with what is wrong; rows that can be shown are then lost. */
  async run(query: CustomQuery, session: Session, labels: LabelValues): Promise<readonly MetricFamily[] | undefined> {
    const { clock, section } = this;
    const cached = this.cache.get(query.name);
    if (cached && clock.monotonicMs() - cached.endMs < query.cache_seconds * 1000) return cached.families;
    const text = textFor(query, session.versionNumber);
    if (text === undefined) return undefined;
    const timeoutMs = Math.min(query.timeout ?? section.query_timeout, section.timeout);
    const found = await session.queryForeign(text, { timeoutMs, rowsMax: section.query_rows_max });
    if (found.isCut) throw new Error(`more than ${section.query_rows_max} rows: group them, or raise query_rows_max`);
    const { families, problems } = customFamilies(query, found, session.versionNumber, labels);
    if (problems.length > 0) throw new PartlyShown(families, `no numbers in ${problems.join(", ")}`);
    this.cache.set(query.name, { families, endMs: clock.monotonicMs() });
    return families;
  }

  /** Read once: the agent's reload makes the collector anew. */
  private load(): readonly LoadedFile[] {
    this.files ??= this.section.queries.map((file) => {
      let hash = "";
      try {
        const text = readFileSync(this.resolve(file), "utf8");
        hash = createHash("sha256").update(text).digest("hex");
        return { file, hash, problem: undefined, ...parseCustomFile(file, text) };
      } catch (error) {
        return { file, hash, problem: describeFileError(error), url: undefined, queries: [] };
      }
    });
    return this.files;
  }
}

/** Some columns are no numbers; the rest of the rows stands. */
export class PartlyShown extends Error {
  constructor(
    readonly families: readonly MetricFamily[],
    message: string,
  ) {
    super(message);
  }
}
