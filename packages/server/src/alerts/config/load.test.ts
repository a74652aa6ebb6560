import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { ConfigError, parseConfigDocument } from "../../config/document.ts";
import { checkAlertmanagerConfig, type LoadOptions, loadAlertmanagerConfig } from "./index.ts";

const document = (text: string) => parseConfigDocument("alertmanager.yml", text);
const load = (text: string, options?: LoadOptions) => loadAlertmanagerConfig(document(text), options);

function problems(text: string, options?: LoadOptions): string[] {
  try {
    load(text, options);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.findings.map((f) => `${f.line}:${f.column} ${f.message}`);
  }
}

const SEED = `
global:
  smtp_smarthost: 'smtp.example.com:587'
  smtp_from: 'alerts@example.com'
  smtp_auth_username: 'alerts@example.com'
  smtp_auth_password: 'your-app-password'
route:
  group_by: ['alertname', 'service']
  receiver: 'default'
  routes:
    - match: { severity: critical }
      receiver: 'default'
      continue: true
    - match:
        severity: warning
      receiver: 'default'
    - match:
        alertname: 'TenantOrderRateLow'
      receiver: 'business'
receivers:
  - name: 'default'
    slack_configs:
      - api_url: 'https://hooks.slack.com/services/YOUR/SLACK/WEBHOOK'
        channel: '#alerts'
  - name: 'business'
    email_configs:
      - to: 'business@example.com'
        subject: '[BUSINESS] {{ .GroupLabels.alertname }}'
inhibit_rules:
  - source_match: { severity: 'critical' }
    target_match: { severity: 'warning' }
    equal: ['alertname', 'service']
`;

describe("problems are told with line and column", () => {
  const f = (text: string, ...expected: string[]) => expect(problems(text)).toEqual(expected);

  it("unknown keys come with a suggestion", () => {
    f(
      "route:\n  receiver: a\n  group_wiat: 5s\nreceivers:\n- name: a\n",
      "3:3 unknown key `group_wiat`. Did you mean `group_wait`?",
    );
    const child = "route:\n  receiver: a\n  routes:\n  - reciever: a\nreceivers:\n- name: a\n";
    f(child, "4:5 unknown key `reciever`. Did you mean `receiver`?");
  });

  it("names that are not defined", () => {
    f("route:\n  receiver: b\nreceivers:\n- name: a\n", '2:3 undefined receiver "b" used in route');
  });

  it("durations, matchers and regular expressions", () => {
    const route = (line: string) => `route:\n  receiver: a\n  routes:\n  - ${line}\nreceivers:\n- name: a\n`;
    f(route("group_wait: 5 s"), '4:5 route.routes.0.group_wait: not a valid duration string: "5 s"');
    expect(problems(route('matchers: ["a=~(b"]'))[0]).toMatch(/^4:5 route.routes.0.matchers: error parsing regexp/);
    expect(problems(route("match_re: { a: '(' }"))[0]).toMatch(/^4:17 error parsing regexp/);
    f(route("group_interval: 0s"), "4:5 group_interval cannot be zero");
  });

  it("addresses", () => {
    const text = "global: { slack_api_url: 'ftp://x' }\nroute: { receiver: a }\nreceivers: [{ name: a }]\n";
    f(text, '1:11 global.slack_api_url: unsupported scheme in URL "ftp:"; http and https are');
  });

  it("a file that is none", () => {
    f("", "1:1 no route provided in config");
    expect(problems("BAD")).toEqual(["1:1 no route provided in config"]);
  });
});

it("takes empty settings as not set", () => {
  const text = `global: { smtp_smarthost: "h:25", smtp_from: a@b.c, smtp_auth_password: "", slack_api_url: "", opsgenie_api_url: "" }
route: { receiver: a, match: , routes: [{ receiver: "", matchers: , group_by: [] }] }
receivers: [{ name: a, email_configs: [{ to: x@y.z, from: "", smarthost: "", hello: }] }]
templates:
`;
  expect(problems(text)).toEqual([]);
  expect(load(text).config.receivers[0].integrations[0]).toMatchObject({
    from: "a@b.c",
    host: "h",
    hello: "localhost",
  });
});

describe("the seed's file", () => {
  it("is accepted, `subject` taken as the Subject header with a warning", () => {
    const { config, findings } = load(SEED);
    const email = config.receivers[1].integrations[0];
    expect(email).toMatchObject({ kind: "email", headers: { Subject: "[BUSINESS] {{ .GroupLabels.alertname }}" } });
    expect(findings.map((x) => `${x.severity} ${x.code} ${x.line}`)).toEqual(["warning EMAIL_SUBJECT_KEY 28"]);
  });

  it("warns of the route that warnings never reach; with the rules known it is an error", () => {
    const codes = (known?: Record<string, string>[]) =>
      checkAlertmanagerConfig(document(SEED), { knownAlerts: known }).map((x) => `${x.severity} ${x.code} ${x.line}`);
    expect(codes()).toEqual(["warning ROUTE_SHADOWED 17", "warning EMAIL_SUBJECT_KEY 28"]);
    const rules = [
      { alertname: "TenantOrderRateLow", severity: "warning" },
      { alertname: "HighErrorRate", severity: "critical" },
    ];
    expect(codes(rules)).toEqual([
      "warning ROUTE_SHADOWED 17",
      "error ROUTE_UNREACHABLE 17",
      "warning EMAIL_SUBJECT_KEY 28",
      "error INHIBIT_IMPOSSIBLE 30",
    ]);
    const paired = [...rules, { alertname: "HighErrorRate", severity: "warning" }];
    expect(codes(paired)).not.toContain("error INHIBIT_IMPOSSIBLE 30");
  });
});

it("finds a route that an earlier one takes everything from", () => {
  const text = `route:
  receiver: a
  routes:
  - matchers: [severity=~"warning|critical"]
  - matchers: [severity="critical", team="x"]
  - matchers: [severity="info"]
receivers:
- name: a
`;
  const found = checkAlertmanagerConfig(document(text));
  expect(found.map((x) => `${x.line} ${x.severity} ${x.code}`)).toEqual(["5 error ROUTE_UNREACHABLE"]);
});

it("finds an inhibition that asks for equal and different values", () => {
  const text = `route: { receiver: a }
receivers: [{ name: a }]
inhibit_rules:
- source_matchers: [severity="critical"]
  target_matchers: [severity="warning"]
  equal: [severity]
`;
  expect(checkAlertmanagerConfig(document(text)).map((x) => x.code)).toEqual(["INHIBIT_IMPOSSIBLE"]);
});

it("says of each receiver kind that is not in this version that it is not, and keeps the file valid", () => {
  const { config, findings } = load(`route: { receiver: a }
receivers:
- name: a
  webex_configs: [{ room_id: abcdef, http_config: { authorization: { credentials: abcdef } } }]
`);
  expect(findings).toMatchObject([
    {
      severity: "warning",
      code: "NOT_IN_THIS_VERSION",
      line: 4,
      message: expect.stringContaining("nothing is delivered to it"),
    },
  ]);
  expect(config.receivers[0].integrations).toMatchObject([{ kind: "unsupported", name: "webex" }]);
});

it("labels of routes are templates; the message of a refused file names its errors, not its warnings", () => {
  const text = (label: string) => `route: { receiver: a, labels: { x: '${label}' } }
receivers: [{ name: a, webex_configs: [{ room_id: abcdef, http_config: { authorization: { credentials: abcdef } } }] }]
`;
  expect(load(text("{{ .GroupLabels.x }}")).config.route.labels).toEqual({ x: "{{ .GroupLabels.x }}" });
  expect(() => load(text("{{ .GroupLabels.x"))).toThrow(/^\S*:1:33: invalid template syntax: unclosed action$/);
});

describe("secrets", () => {
  const text = (password: string) => `
# old password: hunter2-in-a-comment
global: { smtp_smarthost: "h:25", smtp_from: a@b.c, smtp_auth_password: "${password}", slack_api_url: "https://hooks.slack.com/T/B/X" }
route: { receiver: a, routes: [{ receiver: a, match: { token: keep-me } }] }
receivers:
- name: a
  email_configs: [{ to: x@y.z, auth_username: u }]
  slack_configs: [{ channel: "#x" }]
  webhook_configs: [{ url: "https://hook.example/s3cr3t", http_config: { basic_auth: { username: u, password: pw-12345 } } }]
`;

  it("never print", () => {
    const { config } = load(text("hunter2"));
    const printed = `${inspect(config, { depth: 9 })}${JSON.stringify(config)}${config.original}`;
    for (const secret of ["hunter2", "hooks.slack.com", "s3cr3t", "pw-12345"]) expect(printed).not.toContain(secret);
    expect(config.original).toContain("<secret>");
    expect(config.original).toContain("keep-me");
  });

  it("come from the environment that is passed in, and a missing variable is an error", async () => {
    const { config } = load(text("${SMTP_PASSWORD}"), { environment: { SMTP_PASSWORD: "from-env" } });
    const email = config.receivers[0].integrations.find((i) => i.kind === "email");
    expect(await (email?.kind === "email" ? email.authPassword?.reveal() : "")).toBe("from-env");
    expect(problems(text("${SMTP_PASSWORD}"))).toEqual(["3:53 environment variable SMTP_PASSWORD is not set"]);
  });

  it("the masked file loads again", () => {
    expect(problems(load(text("hunter2")).config.original)).toEqual([]);
  });
});
