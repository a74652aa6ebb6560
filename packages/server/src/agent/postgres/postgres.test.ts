import { describe, expect, it } from "vitest";
import { Families } from "../families.ts";
import { describeFileError, parseCustomFile, textFor } from "./custom-file.ts";
import { customFamilies } from "./custom-rows.ts";
import { addTable } from "./families.ts";
import { BUILT_IN } from "./queries.ts";
import { parsePostgresUrl } from "./section.ts";
import { settingValue } from "./settings.ts";
import { shownText, statementsSql } from "./statements.ts";
import { parseVersionRange } from "./version-range.ts";

const V15 = 150_018;

describe("ranges of versions", () => {
  it.each([
    [">=13", true],
    [">=13.0.0 <16.0.0", true],
    ["<10 || >= 15", true],
    [">15.18", false],
    ["=15.18", true],
    ["!=15.18.0", false],
    [">=9.1 <9.2", false],
    ["<=9.6", false],
  ])("%s", (range, wanted) => {
    expect(parseVersionRange(range)?.(V15)).toBe(wanted);
  });

  it("numbers before 10 have three parts", () => {
    expect(parseVersionRange(">=9.6.3")?.(90_603)).toBe(true);
    expect(parseVersionRange(">=9.6.3")?.(90_602)).toBe(false);
  });

  it.each(["", "about 13", ">=", "13 -"])("%j is none", (text) => {
    expect(parseVersionRange(text)).toBeUndefined();
  });
});

describe("files of custom queries", () => {
  it("both forms give the same queries; the list form may name the server", () => {
    const rest = '{ query: "SELECT 1 AS n", metrics: [{ n: { usage: "gauge", description: d } }] }';
    const map = parseCustomFile("a", `shop: ${rest}`);
    const list = parseCustomFile(
      "b",
      `datasource: { uri: "postgresql://u:p@db/x" }\nqueries: [{ name: shop, ${rest.slice(1)}]`,
    );
    expect(list.queries).toEqual(map.queries);
    expect(list.url).toMatchObject({ host: "db", database: "x" });
    expect(parseCustomFile("c", "").queries).toEqual([]);
  });

  it("problems have their line, and no text of the file", () => {
    const broken = (text: string) => {
      try {
        parseCustomFile("q.yml", text);
        return "";
      } catch (error) {
        return describeFileError(error);
      }
    };
    expect(broken("shop:\n  query: SELECT 1\n  metrics:\n    - n: { usage: METER }\n")).toMatch(/^line 4:\d+: .*GAUGE/);
    expect(broken("bad-name: { query: SELECT 1, metrics: [{ n: { usage: GAUGE } }] }")).toMatch(/^line 1/);
    expect(broken('datasource: { uri: "mysql://u:hush@db" }\nqueries: []')).not.toContain("hush");
    expect(broken('datasource: { uri: "postgresql://u:hush@db" \nqueries: []')).not.toContain("hush");
  });

  it("an override goes by the server's version, an empty one leaves the query out", () => {
    const text = `shop:
  query: SELECT 1
  runonserver: ">=12"
  query_overrides: { "<14": SELECT 14, ">=17": "" }
  metrics: [{ n: { usage: GAUGE } }]`;
    const [query] = parseCustomFile("q", text).queries;
    expect([110_000, 130_000, V15, 170_000].map((version) => textFor(query, version))).toEqual([
      undefined,
      "SELECT 14",
      "SELECT 1",
      undefined,
    ]);
  });
});

describe("rows of a custom query", () => {
  const samplesOf = (
    metrics: string,
    columns: readonly (readonly [name: string, typeId: number, value: string | null])[],
  ) => {
    const [query] = parseCustomFile("q", `q: { query: x, metrics: ${metrics} }`).queries;
    const rows = {
      columns: columns.map(([name, typeId]) => ({ name, typeId })),
      rows: [columns.map(([, , value]) => value)],
    };
    const { families, problems } = customFamilies(query, rows, V15, {});
    const samples = families.flatMap(({ name, type, samples }) =>
      samples.map(({ suffix = "", labels, value }) => [`${name}${suffix}`, type, labels, value]),
    );
    return { samples, problems };
  };

  it.each([
    ["COUNTER", 20, "12", "q_v", "counter", 12],
    ["GAUGE", 1700, "NaN", "q_v", "gauge", Number.NaN],
    ["GAUGE", 701, "-Infinity", "q_v", "gauge", Number.NEGATIVE_INFINITY],
    ["GAUGE", 16, "t", "q_v", "gauge", 1],
    ["GAUGE", 1184, "1970-01-02 00:00:00.25+00", "q_v", "gauge", 86_400.25],
    ["GAUGE", 1114, "1970-01-02 00:00:00", "q_v", "gauge", 86_400],
    ["GAUGE", 1082, "1970-01-02", "q_v", "gauge", 86_400],
    ["GAUGE", 23, null, "q_v", "gauge", Number.NaN],
    ["DURATION", 25, "1h0m2.5s", "q_v_milliseconds", "gauge", 3_602_500],
    ["DURATION", 25, "-250ms", "q_v_milliseconds", "gauge", -250],
  ])("%s of type %s: %s", (usage, typeId, text, name, type, value) => {
    const { samples, problems } = samplesOf(`[{ v: { usage: ${usage} } }]`, [["v", typeId, text]]);
    expect(samples).toEqual([[name, type, {}, value]]);
    expect(problems).toEqual([]);
  });

  it.each(["GAUGE", "DURATION", "MAPPEDMETRIC", "HISTOGRAM"])("%s of a word is told and left out", (usage) => {
    const found = samplesOf(`[{ v: { usage: ${usage}, metric_mapping: { a: 1 } } }]`, [["v", 25, "word"]]);
    expect(found).toEqual({ samples: [], problems: ["v"] });
  });

  it("columns without a rule: numbers are untyped, words are nothing; a label that is not there is empty", () => {
    const { samples, problems } = samplesOf("[{ v: { usage: GAUGE } }, { l: { usage: LABEL } }]", [
      ["v", 23, "1"],
      ["other", 23, "2"],
      ["word", 25, "x"],
    ]);
    expect(samples).toEqual([
      ["q_v", "gauge", { l: "" }, 1],
      ["q_other", "untyped", { l: "" }, 2],
    ]);
    expect(problems).toEqual([]);
  });
});

describe("what is asked of each version", () => {
  const sql = (name: string, major: number, isStandby = false) =>
    BUILT_IN.find((query) => query.name === name)?.sql({ major, isStandby }) ?? "";

  it("columns that came later are asked of newer servers only", () => {
    expect(sql("stat_database", 13)).not.toContain("session_time");
    expect(sql("stat_database", 14)).toContain("session_time");
    expect(sql("stat_database_conflicts", 15)).not.toContain("logicalslot");
    expect(sql("stat_database_conflicts", 16)).toContain("confl_active_logicalslot");
    expect(sql("bgwriter", 16)).not.toContain("pg_stat_checkpointer");
    expect(sql("bgwriter", 17)).toContain("pg_stat_checkpointer");
    expect(sql("replication_slots", 15, true)).not.toContain("pg_current_wal_lsn");
  });

  it("statements by the extension's version", () => {
    expect(statementsSql([1, 7], "public")).toContain("sum(total_time)");
    expect(statementsSql([1, 10], "public")).toContain("sum(total_exec_time)");
    expect(statementsSql([1, 10], "public")).toContain("sum(blk_read_time)");
    expect(statementsSql([1, 11], 'we"ird')).toContain('"we""ird".pg_stat_statements');
    expect(statementsSql([1, 11], "public")).toContain("shared_blk_read_time");
  });
});

it("texts of statements: what is planned, cut; of the rest the first words", () => {
  expect(shownText("/* app */ SELECT *\n  FROM t WHERE a = $1", 21)).toBe("SELECT * FROM t WHERE");
  expect(shownText("ALTER ROLE shop PASSWORD 'hush'", 100)).toBe("ALTER ROLE …");
  expect(shownText("CREATE USER MAPPING FOR a SERVER b OPTIONS (password 'hush')", 100)).toBe("CREATE USER …");
  expect(shownText("$weird", 100)).toBe("… …");
});

it.each([
  ["on", "", "bool", { value: 1, unit: "" }],
  ["200", "ms", "integer", { value: 0.2, unit: "seconds" }],
  ["-1", "kB", "integer", { value: -1, unit: "bytes" }],
  ["64", "16MB", "integer", { value: 2 ** 30, unit: "bytes" }],
  ["16384", "8kB", "integer", { value: 2 ** 27, unit: "bytes" }],
  ["1.5", "", "real", { value: 1.5, unit: "" }],
  ["1", "furlong", "integer", undefined],
])("setting %s%s of type %s", (setting, unit, type, wanted) => {
  expect(settingValue(setting, unit, type)).toEqual(wanted);
});

it("NULL is NaN, and columns that are no values are labels", () => {
  const out = new Families();
  const columns = ["name", "v"].map((name) => ({ name, typeId: 25 }));
  addTable(
    out,
    {
      columns,
      rows: [
        ["a", null],
        [null, "f"],
      ],
    },
    { prefix: "p_", values: { v: ["gauge", "h"] } },
    { server: "s" },
  );
  expect(out.list()[0].samples).toEqual([
    { labels: { name: "a", server: "s" }, value: Number.NaN },
    { labels: { name: "", server: "s" }, value: 0 },
  ]);
});

describe("address of a PostgreSQL", () => {
  it.each([
    [
      "postgresql://a:p%40s@db:6000/shop?sslmode=verify-full",
      { host: "db", port: 6000, password: "p@s", sslMode: "verify-full" },
    ],
    ["postgres://a@/shop?host=/run/postgresql", { host: "/run/postgresql", port: 5432, database: "shop" }],
    ["postgres://[::1]", { host: "::1", database: undefined }],
  ])("%s", (text, wanted) => {
    expect(parsePostgresUrl(text)).toMatchObject(wanted);
  });

  it.each(["mysql://db", "postgres://db?sslmode=maybe", "db:5432", "postgres://a:%zz@db"])("refuses %s", (text) => {
    expect(parsePostgresUrl(text)).toBeUndefined();
  });
});
