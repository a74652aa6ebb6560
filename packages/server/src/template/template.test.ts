import { describe, expect, test } from "vitest";
import { alertmanagerFunctions } from "./alertmanager.ts";
import { DEFAULT_TEMPLATES } from "./default.ts";
import { TemplateError } from "./interface.ts";
import { exampleNotification, notificationTemplateData } from "./notification.ts";
import { prometheusFunctions } from "./prometheus.ts";
import { checkTemplate, createTemplateSet } from "./template-set.ts";
import { fromJson } from "./values.ts";

const plain = createTemplateSet({}, { missingKey: "default" });

function run(text: string, data: unknown = {}): string {
  return plain.execute("t", text, fromJson(data));
}

function failure(text: string, data: unknown = {}): string {
  try {
    return `no failure: ${run(text, data)}`;
  } catch (error) {
    if (error instanceof TemplateError) return error.message;
    throw error;
  }
}

describe("language", () => {
  test("ints and floats are different types", () => {
    expect(run("{{ eq 1 1 }} {{ printf `%d|%v|%T` 3 3.5 .f }}", { f: 2 })).toBe("true 3|3.5|float64");
    expect(failure("{{ eq 1 1.0 }}")).toContain("incompatible types for comparison");
    expect(run("{{ .f }} {{ .g }} {{ .h }}", { f: 1_000_000, g: 123456, h: 1e-5 })).toBe("1e+06 123456 1e-05");
  });

  test("missing keys, nil and truth", () => {
    expect(run("{{ .x }}|{{ .x.y }}|{{ if .x }}a{{ else }}b{{ end }}")).toBe("<no value>|<no value>|b");
    expect(failure("{{ .n.x }}", { n: null })).toContain("nil pointer evaluating");
    expect(run("{{ range .l }}{{ . }}{{ else }}none{{ end }}", { l: [] })).toBe("none");
  });

  test("variables live in their block, an assignment reaches outside", () => {
    expect(run("{{ $x := 1 }}{{ with 5 }}{{ $x := . }}{{ $x }}{{ end }}{{ $x }}")).toBe("51");
    expect(run("{{ $x := 1 }}{{ range .l }}{{ $x = . }}{{ end }}{{ $x }}", { l: [7, 8] })).toBe("8");
    expect(
      run("{{ range $i, $v := .l }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ $i }}{{ $v }}{{ end }}", {
        l: ["a", "b", "c"],
      }),
    ).toBe("0a2c");
  });

  test("trim markers, comments, raw strings, else-if chains", () => {
    expect(run("a \n{{- /* c */ -}}\n b {{- ` c` }}")).toBe("ab c");
    expect(run("{{ if .a }}1{{ else if .b }}2{{ else if .c }}3{{ else }}4{{ end }}", { c: true })).toBe("3");
  });

  test("definitions call each other with their own dot", () => {
    expect(
      run('{{ define "x" }}<{{ .v }}>{{ end }}{{ range .l }}{{ template "x" . }}{{ end }}', {
        l: [{ v: 1 }, { v: 2 }],
      }),
    ).toBe("<1><2>");
    expect(failure('{{ template "nowhere" . }}')).toContain('template "nowhere" not defined');
  });

  test("errors name template, line and column", () => {
    expect(failure("x\n  {{ .a.b }}", { a: "s" })).toMatch(
      /^template: t:2:\d+: executing "t" at <.a.b>: can't evaluate field b in type string/,
    );
    expect(failure("\n\n{{ if }}{{ end }}")).toBe("template: t:3: missing value for if");
    expect(failure("{{ nope 1 }}")).toBe('template: t:1: function "nope" not defined');
  });
});

describe("bounds", () => {
  test("endless recursion, loops in loops and huge output end with an error", () => {
    expect(failure('{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}')).toContain(
      "maximum template depth",
    );
    const long = Array.from({ length: 2000 }, (_, i) => i);
    expect(failure("{{ range $.l }}{{ range $.l }}{{ range $.l }}{{ end }}{{ end }}{{ end }}", { l: long })).toContain(
      "steps",
    );
    const text = "x".repeat(100_000);
    expect(failure(`{{ range .l }}${text}{{ end }}`, { l: long })).toContain("output");
    const doubling = '{{ $x := "12345678" }}{{ range .l }}{{ $x = print $x $x }}{{ end }}';
    expect(failure(doubling, { l: long })).toContain("grows too long");
    expect(failure("{{ printf `%9999999d` 1 }}")).toContain("refused");
    expect(failure(`${"{{ if true }}".repeat(500)}`)).toContain("nested too deeply");
    expect(failure(`{{ ${"(".repeat(5000)} }}`)).toMatch(/nested too deeply|unclosed left paren/);
  });

  test("names of Object's own properties are neither functions nor fields", () => {
    expect(failure("{{ constructor }}")).toContain("not defined");
    expect(run("{{ .constructor }}{{ .toString }}")).toBe("<no value><no value>");
    expect(failure('{{ "a".length }}')).toContain("unexpected . after term");
    expect(failure("{{ .s.length }}", { s: "x" })).toContain("can't evaluate field length");
  });
});

describe("rule functions", () => {
  const set = createTemplateSet(
    prometheusFunctions({
      query: (expression) => [
        { labels: { instance: "b" }, value: expression.length },
        { labels: { instance: "a" }, value: 1 },
      ],
      externalUrl: "http://x/prefix",
      nowMs: () => 0,
    }),
  );
  const expand = (text: string) => set.execute("t", text, null);

  test("figures", () => {
    expect(
      expand(
        "{{ humanize 1234567.0 }} {{ humanize1024 2048 }} {{ humanizeDuration 3661 }} {{ humanizePercentage 0.125 }}",
      ),
    ).toBe("1.235M 2ki 1h 1m 1s 12.5%");
    expect(expand("{{ humanizeTimestamp 1435065584.128 }}")).toBe("2015-06-23 13:19:44.128 +0000 UTC");
  });

  test("queries", () => {
    expect(expand('{{ range query "up" | sortByLabel "instance" }}{{ .Labels.instance }}={{ .Value }} {{ end }}')).toBe(
      "a=1 b=2 ",
    );
    expect(expand('{{ query "up" | first | label "instance" }}{{ pathPrefix }}')).toBe("b/prefix");
  });

  test("a wrong type is an error of the template", () => {
    expect(() => expand("{{ toUpper 1 }}")).toThrow("wrong type for value; expected string; got int");
    expect(() => expand('{{ reReplaceAll "(" "" "x" }}')).toThrow(TemplateError);
    expect(() => expand("{{ toUpper }}")).toThrow("wrong number of args");
  });
});

describe("notifications", () => {
  const functions = alertmanagerFunctions({ nowMs: () => Date.UTC(2026, 0, 22, 9) });
  const set = createTemplateSet(functions);
  set.add("default", DEFAULT_TEMPLATES);
  const data = exampleNotification("team X/ops", "http://sw.example", Date.UTC(2026, 0, 22, 8));
  const expand = (text: string, html = false) => set.execute("", text, notificationTemplateData(data), { html });

  test("our default templates: subject, link, every name executes", () => {
    expect(expand('{{ template "__subject" . }}')).toBe("[FIRING:1] Example (shop-1:9100 warning acme)");
    expect(expand('{{ template "slack.default.titlelink" . }}')).toBe("http://sw.example/alerts?receiver=team+X%2Fops");
    for (const [, name] of DEFAULT_TEMPLATES.matchAll(/define "([^"]+)"/g)) {
      if (
        !name.startsWith("__text_alert") &&
        name !== "__alert_title" &&
        name !== "__email_alert" &&
        !name.endsWith(".instances")
      ) {
        expect(() => expand(`{{ template "${name}" . }}`)).not.toThrow();
      }
    }
  });

  test("the mail escapes what stands in labels", () => {
    const evil = {
      ...data,
      alerts: [
        {
          ...data.alerts[0],
          annotations: { summary: "<script>alert(1)</script>" },
          generatorUrl: "javascript:alert(1)",
        },
      ],
    };
    const html = set.execute("", '{{ template "email.default.html" . }}', notificationTemplateData(evil), {
      html: true,
    });
    expect(html).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(html).not.toContain("javascript:");
    expect(html).toContain('<a href="#ZgotmplZ">');
  });

  test("times, zones, lists and JSON", () => {
    expect(expand('{{ (index .Alerts 0).StartsAt | tz "Asia/Ho_Chi_Minh" | date "15:04 MST" }}')).toBe("15:00 +07");
    expect(expand("{{ since (index .Alerts 0).StartsAt }}")).toBe("1h0m0s");
    expect(expand("{{ .GroupLabels | toJson }} {{ .CommonLabels.SortedPairs.Values | join `,` }}")).toBe(
      '{"alertname":"Example"} Example,shop-1:9100,warning,acme',
    );
    expect(expand('{{ .CommonLabels.Remove (stringSlice "instance" "tenant_id") }}')).toBe(
      "alertname=Example, severity=warning",
    );
  });

  test("a template file may define a default anew", () => {
    const own = createTemplateSet(functions);
    own.add("default", DEFAULT_TEMPLATES);
    own.add("mine.tmpl", '{{ define "__subject" }}mine{{ end }}');
    expect(own.execute("", '{{ template "email.default.subject" . }}', notificationTemplateData(data))).toBe("mine");
  });

  test("a text is checked without running it", () => {
    expect(() => checkTemplate("t", "{{ toUpper .x }}", new Set(["toUpper"]))).not.toThrow();
    expect(() => checkTemplate("t", "{{ $label.x }}", new Set())).toThrow('undefined variable "$label"');
  });
});
