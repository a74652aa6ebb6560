import { FakeClock } from "@storewatch/testkit";
import { expect, test } from "vitest";
import { silentLogger } from "../../kernel/logger.ts";
import { renderPage } from "../exposition.ts";
import { parsePage } from "../testing/page-of.ts";
import { makeTree } from "../testing/tree.ts";
import { processGroupsModule } from "./module.ts";

interface FakeProcess {
  readonly comm: string;
  readonly userTicks: number;
  readonly startTicks?: number;
  readonly state?: string;
  readonly cmdline?: string;
  readonly openFiles?: number;
}

function setUp(config: unknown) {
  const tree = makeTree({ stat: "btime 1000\n" });
  const place = (name: string) => `${tree.dir}/${name}`;
  const paths = { procfs: tree.dir, sysfs: place("sys"), rootfs: "/", udevData: place("udev") };
  const deps = { clock: new FakeClock(), logger: silentLogger, paths, resolve: (file: string) => file };
  const [collector] = processGroupsModule.create(processGroupsModule.schema.parse(config), deps);
  return {
    tree,
    run(pid: number, { comm, userTicks, startTicks = 500, state = "S", cmdline = comm, openFiles = 1 }: FakeProcess) {
      tree.write({
        [`${pid}/stat`]: `${pid} (${comm}) ${state} 1 1 1 0 -1 0 11 0 2 0 ${userTicks} 50 0 0 20 0 3 0 ${startTicks} 4096 1\n`,
        [`${pid}/status`]: `Name:\t${comm}\nVmRSS:\t     100 kB\nVmSwap:\t 8 kB\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t2\n`,
        [`${pid}/cmdline`]: `${cmdline.replaceAll(" ", "\0")}\0`,
        [`${pid}/io`]: "rchar: 9\nread_bytes: 4096\nwrite_bytes: 8192\n",
        [`${pid}/limits`]:
          "Limit  Soft Limit  Hard Limit  Units\nMax open files            4                    8          files\n",
        ...Object.fromEntries(Array.from({ length: openFiles }, (_, i) => [`${pid}/fd/${i}`, ""])),
      });
    },
    async read() {
      const { series } = parsePage(renderPage([await collector.collect(new AbortController().signal)]).text);
      return (rest: string) => series.get(`namedprocess_namegroup_${rest}`);
    },
  };
}

test("counters of a group go on over processes that come and go, and never step back", async () => {
  const { tree, run, read } = setUp([{ name: "shop", comm: ["node"] }]);
  const cpu = 'cpu_seconds_total{groupname="shop",mode="user"}';
  run(1, { comm: "node", userTicks: 10_000 });
  // What was done before the agent started is not its own.
  expect((await read())(cpu)).toBe(0);
  run(1, { comm: "node", userTicks: 10_100 });
  run(2, { comm: "node", userTicks: 200, startTicks: 900 });
  expect((await read())(cpu)).toBe(3);
  tree.remove("1");
  expect((await read())(cpu)).toBe(3);
  // The number was given to another process.
  run(2, { comm: "node", userTicks: 50, startTicks: 1500 });
  const last = await read();
  expect(last(cpu)).toBe(3.5);
  expect(last('num_procs{groupname="shop"}')).toBe(1);
  expect(last('oldest_start_time_seconds{groupname="shop"}')).toBe(1015);
});

test("sums, states, the worst ratio of files; a group without processes is told as such", async () => {
  const { run, read } = setUp([
    { name: "shop", comm: ["node"] },
    { name: "gone", comm: ["absent"] },
  ]);
  run(1, { comm: "node", userTicks: 1, openFiles: 1 });
  run(2, { comm: "node", userTicks: 1, openFiles: 3, state: "Z" });
  const get = await read();
  expect(get('memory_bytes{groupname="shop",memtype="resident"}')).toBe(2 * 102_400);
  expect(get('memory_bytes{groupname="shop",memtype="swapped"}')).toBe(2 * 8192);
  expect(get('num_threads{groupname="shop"}')).toBe(6);
  expect(get('states{groupname="shop",state="Zombie"}')).toBe(1);
  expect(get('open_filedesc{groupname="shop"}')).toBe(4);
  expect(get('worst_fd_ratio{groupname="shop"}')).toBe(0.75);
  expect(get('num_procs{groupname="gone"}')).toBe(0);
  expect(get('oldest_start_time_seconds{groupname="gone"}')).toBeUndefined();
});

test("the first group that matches takes a process: by name, program, command line; without a name its own", async () => {
  const { tree, run, read } = setUp([
    { name: "worker", comm: ["node"], cmdline: ["worker\\.js", "--queue=\\w+"] },
    { name: "postgres", exe: ["postgres"] },
    { comm: ["node", "redis (odd) s"] },
  ]);
  run(1, { comm: "node", userTicks: 1, cmdline: "node worker.js --queue=mail" });
  run(2, { comm: "node", userTicks: 1, cmdline: "node worker.js" });
  run(3, { comm: "redis (odd) s", userTicks: 1 });
  run(4, { comm: "postmaster", userTicks: 1 });
  tree.link("4/exe", "/usr/lib/postgresql/15/bin/postgres");
  run(5, { comm: "bash", userTicks: 1 });
  const get = await read();
  const counts = ["worker", "postgres", "node", "redis (odd) s", "bash"].map((name) =>
    get(`num_procs{groupname="${name}"}`),
  );
  expect(counts).toEqual([1, 1, 1, 1, undefined]);
});

test("names that processes make up do not make groups without end", async () => {
  const { run, read } = setUp([{ name: "fixed", comm: ["x"] }, {}]);
  for (let i = 0; i < 1100; i++) run(i + 1, { comm: `c${i}`, userTicks: 1 });
  expect((await read())('num_procs{groupname="__other__"}')).toBe(101);
});
