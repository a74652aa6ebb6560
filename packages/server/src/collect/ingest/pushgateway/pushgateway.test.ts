import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Labels, type Sample, type TenantId } from "@storewatch/model";
import { FakeClock } from "@storewatch/testkit";
import fc from "fast-check";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StorewatchError } from "../../../kernel/errors.ts";
import { ProtoWriter } from "../../protobuf/writer.ts";
import { groupLabels, readFamilies } from "./group.ts";
import { PushGroups } from "./groups.ts";

describe("the path", () => {
  test("labels, base64 and escapes", () => {
    expect(groupLabels("job/backup/instance/db%2F1/tenant_id/acme/").toJSON()).toEqual({
      job: "backup",
      instance: "db/1",
      tenant_id: "acme",
    });
    expect(groupLabels("job@base64/YS9i/path@base64/L3Zhci90bXA/empty@base64/=").toJSON()).toEqual({
      job: "a/b",
      path: "/var/tmp",
    });
  });
  test.each([
    "job",
    "job/",
    "job@base64/=",
    "jobs/x",
    "job/a/b",
    "job/a/__x/1",
    "job/a/job/b",
    "job/%zz",
    "job/a/x@base64/!",
  ])("refused: %s", (text) => expect(() => groupLabels(text)).toThrow());
});

describe("a page", () => {
  const grouping = Labels.from({ job: "j", a: "from-path" });
  const f = (text: string) => readFamilies(Buffer.from(text), grouping);
  test("grouping labels win, parts of a histogram stay together", () => {
    const families = f('# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 2\nh_count 1\nx{a="own",b="c"} 3\n');
    expect([...families.keys()]).toEqual(["h", "x"]);
    expect(families.get("h")?.series).toHaveLength(3);
    expect(`${families.get("x")?.series[0].labels}`).toBe('x{a="from-path", b="c", job="j"}');
  });
  test.each(["x 1 1700000000000\n", "x{ 1\n", "x 1\nx 2\n"])("refused: %j", (text) => expect(() => f(text)).toThrow());
});

describe("a page of protobuf messages", () => {
  const label = new ProtoWriter().string(1, "b").string(2, "c").finish();
  const bucket = new ProtoWriter().uint(1, 2).double(2, 0.5).finish();
  const histogram = new ProtoWriter().uint(1, 3).double(2, 4.5).raw(3, bucket).finish();
  const delimited = (family: Uint8Array) => Buffer.concat([Buffer.from([family.length]), family]);
  const body = Buffer.concat([
    delimited(
      new ProtoWriter()
        .string(1, "x_total")
        .string(2, "Help.")
        .raw(4, new ProtoWriter().raw(1, label).raw(3, new ProtoWriter().double(1, 7).finish()).finish())
        .finish(),
    ),
    delimited(
      new ProtoWriter().string(1, "h").uint(3, 4).raw(4, new ProtoWriter().raw(7, histogram).finish()).finish(),
    ),
  ]);
  const f = (bytes: Buffer) => readFamilies(bytes, Labels.from({ job: "j" }), true);

  test("gives what the text form gives", () => {
    const text = [
      "# HELP x_total Help.",
      "# TYPE x_total counter",
      'x_total{b="c"} 7',
      "# TYPE h histogram",
      'h_bucket{le="0.5"} 2',
      'h_bucket{le="+Inf"} 3',
      "h_sum 4.5",
      "h_count 3",
      "",
    ].join("\n");
    expect(f(body)).toEqual(readFamilies(Buffer.from(text), Labels.from({ job: "j" })));
  });

  test("damaged ones are refused (fuzz)", () => {
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Buffer.from(body);
        damaged[at] = byte;
        try {
          f(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(StorewatchError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("groups", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), "push-groups-"));
  });
  afterEach(() => rm(dir, { recursive: true }));

  function setUp() {
    const clock = new FakeClock(1_000_000);
    const written: Sample[] = [];
    const intake = {
      write: (_scope: unknown, { samples }: { samples: readonly Sample[] }) => {
        written.push(...samples);
        return Promise.resolve({ samples: samples.length, histograms: 0, exemplars: 0, refusals: [] });
      },
    };
    const groups = new PushGroups({ dir, intake, clock, logger: pino({ level: "silent" }) });
    const take = () => written.splice(0).map((s) => `${s.labels} ${s.stale ? "stale" : s.value}`);
    return { clock, groups, take };
  }
  const labels = Labels.from({ job: "j" });
  const families = (text: string) => readFamilies(Buffer.from(text), labels);

  test("PUT takes the group's place, POST the families' it names; what goes ends with a marker", async () => {
    const { groups, take } = setUp();
    await groups.push(labels, families("a 1\nb 2\n"), true);
    expect(take()).toEqual([
      'a{job="j"} 1',
      'b{job="j"} 2',
      'push_time_seconds{job="j"} 1000',
      'push_failure_time_seconds{job="j"} 0',
    ]);
    await groups.push(labels, families("b 3\nc 4\n"), false);
    expect(take().slice(0, 3)).toEqual(['a{job="j"} 1', 'b{job="j"} 3', 'c{job="j"} 4']);
    await groups.push(labels, families("c 5\n"), true);
    expect(take().slice(0, 3)).toEqual(['a{job="j"} stale', 'b{job="j"} stale', 'c{job="j"} 5']);
    await groups.remove(labels);
    expect(take()).toHaveLength(3);
    expect(await readdir(dir)).toEqual([]);
  });

  test("are told again every 15 s, after a restart too", async () => {
    const before = setUp();
    await before.groups.push(labels, families("a NaN\nb +Inf\n"), true);
    const { clock, groups, take } = setUp();
    await groups.open();
    groups.start();
    await clock.advance(15_000);
    expect(take().slice(0, 2)).toEqual(['a{job="j"} NaN', 'b{job="j"} Infinity']);
    await clock.advance(15_000);
    expect(take()).toHaveLength(4);
    groups.stop();
  });

  test("of an erased shop are gone from memory and disk", async () => {
    const { clock, groups, take } = setUp();
    const acme = Labels.from({ job: "j", tenant_id: "acme" });
    await groups.push(acme, readFamilies(Buffer.from("a 1\n"), acme), true);
    await groups.push(labels, families("b 1\n"), true);
    await groups.push(Labels.from({ job: "k" }), families('a{tenant_id="acme"} 1\n'), true);
    take();
    await groups.forget("acme" as TenantId);
    expect(await readdir(dir)).toHaveLength(1);
    groups.start();
    await clock.advance(15_000);
    expect(take()[0]).toBe('b{job="j"} 1');
    groups.stop();
  });

  test("a name cannot be of two types", async () => {
    const { groups } = setUp();
    await groups.push(labels, families("# TYPE a counter\na 1\n"), true);
    const other = Labels.from({ job: "k" });
    await expect(groups.push(other, families("# TYPE a gauge\na 1\n"), true)).rejects.toThrow(/inconsistent/);
    await expect(groups.push(labels, families("# TYPE a gauge\na 1\n"), true)).resolves.toBeUndefined();
  });
});
