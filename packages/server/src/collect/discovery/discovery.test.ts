// Lists that are asked for anew: over HTTP and from DNS.
import { FakeClock } from "@storewatch/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import type { SafeHttpRequest, SafeHttpResponse } from "../../kernel/safe-http.ts";
import { Secret } from "../prometheus/secret.ts";
import type { DnsDiscoveryConfig, HttpDiscoveryConfig, TargetGroup } from "../prometheus-config.ts";
import type { DnsRecord } from "./dns-resolver.ts";
import type { DiscoveryDeps } from "./interface.ts";
import { createDiscovery } from "./registry.ts";

let clock: FakeClock;
let problems: string[];
let lists: Array<readonly TargetGroup[]>;
let requests: SafeHttpRequest[];
let answer: () => Partial<SafeHttpResponse> & { readonly text?: string };
let records: Map<string, readonly DnsRecord[] | Error>;
let deps: DiscoveryDeps;

beforeEach(() => {
  clock = new FakeClock();
  problems = [];
  lists = [];
  requests = [];
  records = new Map();
  deps = {
    clock,
    random: () => 0,
    userAgent: "test",
    async http(request) {
      requests.push(request);
      const { text = "", ...rest } = answer();
      const headers = { "content-type": "application/json; charset=utf-8" };
      return { status: 200, headers, url: request.url, body: Buffer.from(text), ...rest };
    },
    resolver: {
      async resolve(name, type) {
        const found = records.get(`${type} ${name}`) ?? [];
        if (found instanceof Error) throw found;
        return found;
      },
    },
    onProblem: (source, message) => problems.push(`${source}: ${message}`),
  };
});

/** What was started settles: everything in these tests is a promise without time. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const advance = (ms: number) => clock.advance(ms);

describe("http", () => {
  const CONFIG: HttpDiscoveryConfig = {
    kind: "http",
    url: "http://lists/targets",
    refreshIntervalMs: 30_000,
    http: {
      basicAuth: undefined,
      authorization: { type: "Bearer", credentials: new Secret("abc"), credentialsFile: "" },
      oauth2: undefined,
      tls: {
        ca: "",
        caFile: "",
        cert: "",
        certFile: "",
        key: undefined,
        keyFile: "",
        serverName: "",
        insecureSkipVerify: false,
        minVersion: undefined,
        maxVersion: undefined,
      },
      proxy: undefined,
      followRedirects: true,
      headers: [],
    },
  };
  const LIST = '[{"targets":["a:1","b:2"],"labels":{"env":"prod"}},{"targets":["c:3"]}]';

  async function start() {
    const discovery = createDiscovery(CONFIG, deps);
    discovery.start((groups) => lists.push(groups));
    await settle();
    return discovery;
  }

  test("the list with its origin as a label, asked for with the credentials and the refresh interval", async () => {
    answer = () => ({ text: LIST });
    await start();
    expect(lists).toEqual([
      [
        { targets: ["a:1", "b:2"], labels: { env: "prod", __meta_url: "http://lists/targets" } },
        { targets: ["c:3"], labels: { __meta_url: "http://lists/targets" } },
      ],
    ]);
    expect(requests[0].headers).toMatchObject({
      accept: "application/json",
      authorization: "Bearer abc",
      "x-prometheus-refresh-interval-seconds": "30",
    });
  });

  test.each([
    ["a status", { status: 500 }, "HTTP status 500"],
    ["another type", { headers: { "content-type": "text/html" }, text: "[]" }, 'unsupported content type "text/html"'],
    ["no JSON", { text: "[" }, "JSON"],
    ["a list of the wrong shape", { text: '[{"targets":[5]}]' }, "at 0.targets.0"],
    ["a group that is null", { text: "[null]" }, "at 0"],
  ])("%s keeps the last list and tells why", async (_, bad, reason) => {
    answer = () => ({ text: LIST });
    await start();
    answer = () => bad;
    await advance(30_000);
    expect(lists).toHaveLength(1);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(reason);
    answer = () => ({ text: "[]" });
    await advance(30_000);
    expect(lists.at(-1)).toEqual([]);
  });

  test("until the first list it is asked more often; after stop not at all", async () => {
    answer = () => ({ status: 503 });
    const discovery = await start();
    await advance(5000);
    expect(requests).toHaveLength(2);
    answer = () => ({ text: LIST });
    await advance(5000);
    await advance(5000);
    expect(requests).toHaveLength(3);
    discovery.stop();
    await advance(60_000);
    expect(requests).toHaveLength(3);
  });
});

describe("dns", () => {
  const config = (type: DnsDiscoveryConfig["type"], ...names: string[]): DnsDiscoveryConfig => ({
    kind: "dns",
    names,
    type,
    port: 9100,
    refreshIntervalMs: 30_000,
  });

  async function groups(one: DnsDiscoveryConfig): Promise<readonly TargetGroup[]> {
    createDiscovery(one, deps).start((list) => lists.push(list));
    await settle();
    return lists.at(-1) ?? [];
  }

  test("each type of record, with what it says as labels", async () => {
    records.set("SRV _metrics._tcp.shop", [{ target: "h1.shop.", port: 8080 }]);
    records.set("A web", [{ target: "10.0.0.1" }, { target: "10.0.0.2" }]);
    records.set("AAAA web", [{ target: "fd00::1" }]);
    records.set("MX shop", [{ target: "mail.shop" }]);
    expect(await groups(config("SRV", "_metrics._tcp.shop"))).toEqual([
      {
        targets: ["h1.shop:8080"],
        labels: {
          __meta_dns_name: "_metrics._tcp.shop",
          __meta_dns_srv_record_target: "h1.shop.",
          __meta_dns_srv_record_port: "8080",
        },
      },
    ]);
    expect((await groups(config("A", "web"))).flatMap(({ targets }) => targets)).toEqual([
      "10.0.0.1:9100",
      "10.0.0.2:9100",
    ]);
    expect((await groups(config("AAAA", "web")))[0].targets).toEqual(["[fd00::1]:9100"]);
    expect((await groups(config("MX", "shop")))[0]).toEqual({
      targets: ["mail.shop:9100"],
      labels: { __meta_dns_name: "shop", __meta_dns_mx_record_target: "mail.shop." },
    });
  });

  test("a name without an answer keeps its targets, one without records loses them, others go on", async () => {
    records.set("A a", [{ target: "10.0.0.1" }]);
    records.set("A b", [{ target: "10.0.0.2" }]);
    await groups(config("A", "a", "b"));
    records.set("A a", new Error("SERVFAIL"));
    records.set("A b", []);
    await advance(30_000);
    expect(lists.at(-1)?.flatMap(({ targets }) => targets)).toEqual(["10.0.0.1:9100"]);
    expect(problems).toEqual(["a: SERVFAIL"]);
  });
});
