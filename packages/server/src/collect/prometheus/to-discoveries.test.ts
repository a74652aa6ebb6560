// What a job asks for in the way of discovery, formats and clients, as the collector gets it.
import { describe, expect, test } from "vitest";
import { parsePrometheusConfig } from "../prometheus-config.ts";

const ENVIRONMENT = {
  KUBERNETES_SERVICE_HOST: "10.96.0.1",
  KUBERNETES_SERVICE_PORT: "6443",
  https_proxy: "http://proxy:3128",
  NO_PROXY: "Localhost, .cluster.local",
};

function parse(job: string, global = "") {
  const text = `global: { ${global} }\nscrape_configs:\n  - job_name: j\n${job.replace(/^/gm, "    ")}\n`;
  const sources = { readFile: () => text, glob: () => [], environment: ENVIRONMENT };
  const config = parsePrometheusConfig("/etc/storewatch/prometheus.yml", sources);
  return { job: config.scrapeConfigs[0], unsupported: config.unsupported.map(({ message }) => message) };
}

describe("discovery", () => {
  test("each kind that is asked is no longer reported, with its defaults", () => {
    const { job, unsupported } = parse(
      "http_sd_configs: [{ url: 'http://lists/t' }]\ndns_sd_configs: [{ names: [a] }, { names: [b], type: a, port: 80 }]\n" +
        "kubernetes_sd_configs: [{ role: pod }]\nfile_sd_configs: [{ files: [t.json] }]",
    );
    expect(unsupported).toEqual([]);
    expect(job.discoveries).toMatchObject([
      { kind: "static", groups: [] },
      { kind: "file", files: ["/etc/storewatch/t.json"], refreshIntervalMs: 300_000 },
      { kind: "http", url: "http://lists/t", refreshIntervalMs: 60_000 },
      { kind: "dns", names: ["a"], type: "SRV", refreshIntervalMs: 30_000 },
      { kind: "dns", names: ["b"], type: "A", port: 80 },
      { kind: "kubernetes", role: "pod", access: { kind: "in-cluster", server: "https://10.96.0.1:6443" } },
    ]);
  });

  test("other kinds are read, checked and refused with a way out", () => {
    expect(parse("consul_sd_configs: [{ server: 'c:8500' }]").unsupported).toEqual([
      "consul_sd_configs: not in this version of Storewatch",
    ]);
  });

  test("Kubernetes: kubeconfig, server, namespaces, selectors", () => {
    const of = (text: string) => parse(`kubernetes_sd_configs: [{ role: endpoints, ${text} }]`).job.discoveries[1];
    expect(of("kubeconfig_file: kube/config")).toMatchObject({
      access: { kind: "kubeconfig", file: "/etc/storewatch/kube/config" },
    });
    expect(of("api_server: 'https://api:6443', authorization: { credentials_file: token }")).toMatchObject({
      access: {
        kind: "server",
        server: "https://api:6443",
        http: { authorization: { credentialsFile: "/etc/storewatch/token" } },
      },
    });
    const more = "namespaces: { own_namespace: true, names: [shop] }, attach_metadata: { node: true }";
    expect(of(`${more}, selectors: [{ role: service, label: a=b }]`)).toMatchObject({
      namespaces: ["shop"],
      ownNamespace: true,
      attachNode: true,
      attachNamespace: false,
      selectors: [{ role: "service", label: "a=b", field: "" }],
    });
  });
});

describe("client", () => {
  test("OAuth and proxies, one for the scrape and one for the token server", () => {
    const { job, unsupported } = parse(
      "proxy_url: http://p:1\nno_proxy: '10.0.0.0/8, Example.org'\nproxy_connect_header: { X: [y] }\n" +
        "oauth2: { client_id: c, client_secret: s, token_url: 'https://t/', proxy_from_environment: true }",
    );
    expect(unsupported).toEqual([]);
    expect(job.http.proxy).toMatchObject({ noProxy: ["10.0.0.0/8", "example.org"] });
    expect(job.http.proxy?.https?.reveal()).toBe("http://p:1");
    expect(job.http.oauth2?.proxy?.https?.reveal()).toBe("http://proxy:3128");
    expect(job.http.oauth2?.proxy?.http).toBeUndefined();
    expect(job.http.oauth2?.proxy?.noProxy).toEqual(["localhost", ".cluster.local"]);
    // A secret is none when it is printed.
    expect(JSON.stringify(job.http)).not.toContain("http://p:1");
  });

  test("a signed grant is refused: without it the token server would be asked in another way than meant", () => {
    const grant = "grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer'";
    expect(parse(`oauth2: { client_id: c, token_url: 'https://t/', ${grant} }`).unsupported).toHaveLength(1);
  });
});

describe("formats", () => {
  test("protobuf first where native histograms are wanted; names as the validation scheme says", () => {
    expect(parse("scrape_native_histograms: true").job).toMatchObject({
      negotiation: { escaping: "allow-utf-8", fallback: undefined },
      histograms: { native: true, keepClassic: false, convertClassic: false },
    });
    expect(parse("scrape_native_histograms: true").job.negotiation.protocols[0]).toBe("PrometheusProto");
    expect(parse("", "scrape_native_histograms: true").job.histograms.native).toBe(true);
    expect(parse("").job.negotiation.protocols[0]).toBe("OpenMetricsText1.0.0");
    expect(parse("metric_name_validation_scheme: legacy").job.negotiation.escaping).toBe("underscores");
    expect(parse("", "metric_name_escaping_scheme: dots").job.negotiation.escaping).toBe("dots");
    expect(
      parse("scrape_protocols: [PrometheusText0.0.4]\nfallback_scrape_protocol: PrometheusProto").job.negotiation,
    ).toMatchObject({ protocols: ["PrometheusText0.0.4"], fallback: "PrometheusProto" });
  });

  test("limits of native histograms", () => {
    const { job } = parse("native_histogram_bucket_limit: 160\nnative_histogram_min_bucket_factor: 1.1");
    expect(job.histogramLimits).toEqual({ buckets: 160, schemaMax: 2 });
    expect(parse("").job.histogramLimits).toEqual({ buckets: 0, schemaMax: 8 });
  });
});
