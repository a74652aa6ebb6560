import { describe, expect, it } from "vitest";
import { Families } from "../families.ts";
import { addEmptyDatabases, addInfo, parseInfo, sectionOf } from "./info.ts";
import { parseRedisUrl } from "./section.ts";

function seriesOf(text: string): ReadonlyMap<string, number> {
  const out = new Families();
  addInfo(out, parseInfo(text));
  return new Map(
    out
      .list()
      .flatMap(({ name, samples }) =>
        samples.map(({ labels, value, suffix = "" }) => [
          `${name}${suffix}{${Object.entries(labels).map(([label, text]) => `${label}=${text}`)}}`,
          value,
        ]),
      ),
  );
}

describe("INFO", () => {
  it("numbers, states and shares become metrics by redis_exporter's names; texts do not", () => {
    const series = seriesOf(
      "# Memory\r\nused_memory:1024\r\nused_memory_human:1.00K\r\n# Stats\r\nlatest_fork_usec:250000\r\nkeyspace_hits:7\r\n# Persistence\r\nrdb_last_bgsave_status:err\r\naof_last_write_status:ok\r\n",
    );
    expect(series.get("redis_memory_used_bytes{}")).toBe(1024);
    expect(series.get("redis_latest_fork_seconds{}")).toBe(0.25);
    expect(series.get("redis_keyspace_hits_total{}")).toBe(7);
    expect(series.get("redis_rdb_last_bgsave_status{}")).toBe(0);
    expect(series.get("redis_aof_last_write_status{}")).toBe(1);
    expect([...series.keys()].filter((key) => key.includes("human"))).toEqual([]);
  });

  it("commands of old servers have neither refusals nor percentiles", () => {
    const series = seriesOf("# Commandstats\r\ncmdstat_get:calls=21,usec=175,usec_per_call=8.33\r\n");
    expect(series.get("redis_commands_total{cmd=get}")).toBe(21);
    expect(series.get("redis_commands_duration_seconds_total{cmd=get}")).toBe(0.000175);
    expect([...series.keys()].filter((key) => /rejected|percentiles/.test(key))).toEqual([]);
  });

  it("a replica whose master is away", () => {
    const series = seriesOf(
      "# Replication\r\nrole:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\nmaster_link_status:down\r\nmaster_last_io_seconds_ago:-1\r\nslave_read_only:1\r\n",
    );
    expect(series.get("redis_master_link_up{master_host=10.0.0.1,master_port=6379}")).toBe(0);
    expect(series.get("redis_master_last_io_seconds_ago{master_host=10.0.0.1,master_port=6379}")).toBe(-1);
    expect(series.get("redis_slave_info{master_host=10.0.0.1,master_port=6379,read_only=1}")).toBe(1);
  });

  it("replicas before their first acknowledgement, and lines that are damaged", () => {
    const series = seriesOf(
      "# Replication\r\nrole:master\r\nslave0:ip=10.0.0.2,port=6380,state=online,offset=12,lag=0\r\nslave1:nonsense\r\n:\r\n# Keyspace\r\ndb0:keys=oops\r\ndb1:keys=3,expires=1,avg_ttl=1500\r\n",
    );
    expect(series.get("redis_connected_slave_offset_bytes{slave_ip=10.0.0.2,slave_port=6380,slave_state=online}")).toBe(
      12,
    );
    expect(series.get("redis_db_avg_ttl_seconds{db=db1}")).toBe(1.5);
    expect(series.has("redis_db_keys{db=db0}")).toBe(false);
  });

  it("databases without keys are 0", () => {
    const out = new Families();
    addEmptyDatabases(out, 3, sectionOf(parseInfo("# Keyspace\ndb1:keys=3,expires=1\n"), "Keyspace"));
    expect(out.list()[0].samples.map(({ labels }) => labels.db)).toEqual(["db0", "db2"]);
  });
});

describe("address of a Redis", () => {
  it.each([
    ["redis://:p%40ss@db:7000", { host: "db", port: 7000, password: "p@ss", isTls: false }],
    ["rediss://watcher:x@[::1]", { host: "::1", port: 6379, username: "watcher", isTls: true }],
    ["cache:6380", { host: "cache", port: 6380, password: undefined }],
    ["unix:///run/redis.sock", { path: "/run/redis.sock" }],
  ])("%s", (text, wanted) => {
    expect(parseRedisUrl(text)).toMatchObject(wanted);
  });

  it.each(["http://db", "redis://", "unix://", "redis://:%zz@db"])("refuses %s", (text) => {
    expect(parseRedisUrl(text)).toBeUndefined();
  });
});
