// When certificates end, by the names of ssl_exporter (ssl_*) and blackbox_exporter (probe_ssl_earliest_cert_expiry).
import { parseDurationMs } from "@storewatch/model";
import { z } from "zod";
import { Families } from "../families.ts";
import { type Collector, type CollectorDeps, collectorModule, type MetricFamily } from "../interface.ts";
import { type CertificateFacts, readCertificateFile } from "./certificate.ts";
import { type HostTarget, parseHostTarget, probeHost } from "./host-probe.ts";

const target = z.string().transform((text, context) => {
  const parsed = parseHostTarget(text);
  if (parsed) return parsed;
  context.addIssue({
    code: "custom",
    message: "expected HOST:PORT, or HOST:PORT/NAME for another name in the handshake",
  });
  return z.NEVER;
});
const duration = z.string().transform((text, context) => {
  const milliseconds = parseDurationMs(text);
  if (milliseconds !== undefined) return milliseconds;
  context.addIssue({ code: "custom", message: "expected a duration such as 5m" });
  return z.NEVER;
});

const schema = z
  .strictObject({
    files: z.array(z.string().min(1)).default([]).describe("PEM or DER files; the last part of a path may have `*`."),
    hosts: z
      .array(target)
      .default([])
      .describe("TLS servers, `HOST:PORT`, or `HOST:PORT/NAME` for another server name."),
    interval: duration.prefault("5m").describe("How often they are looked at; scrapes in between get what was found."),
    timeout: duration.prefault("5s").describe("Time limit of one server."),
  })
  .optional();

type Section = NonNullable<z.output<typeof schema>>;

export const certificatesModule = collectorModule({
  name: "certificates",
  schema,
  create: (section, deps): readonly Collector[] => {
    if (!section || section.files.length + section.hosts.length === 0) return [];
    const collect = (signal: AbortSignal) => collectCertificates(section, deps, signal);
    return [{ name: "certificates", cacheMs: section.interval, collect }];
  },
});

async function collectCertificates(
  { files, hosts, timeout }: Section,
  deps: CollectorDeps,
  signal: AbortSignal,
): Promise<readonly MetricFamily[]> {
  const out = new Families();
  for (const file of files) {
    for (const found of readCertificateFile(deps.resolve(file))) {
      addOutcome(out, found.file, found.problem, deps);
      for (const facts of found.certificates) addCertificate(out, "ssl_file_cert", { file: found.file }, facts);
    }
  }
  await Promise.all(hosts.map((host) => addHost(out, host, timeout, deps, signal)));
  return out.list();
}

async function addHost(
  out: Families,
  host: HostTarget,
  timeoutMs: number,
  deps: CollectorDeps,
  signal: AbortSignal,
): Promise<void> {
  const { target } = host;
  try {
    const { chain, isTrusted, version } = await probeHost(host, timeoutMs, deps.clock, signal);
    addOutcome(out, target, undefined, deps);
    out.gauge("ssl_tls_version_info", "The TLS version used; the value is 1.", 1, { target, version });
    const trusted = "If the certificate is for this name and from an authority that the agent's machine trusts.";
    out.gauge("ssl_cert_trusted", trusted, isTrusted ? 1 : 0, { target });
    const earliest = Math.min(...chain.map(({ notAfterSeconds }) => notAfterSeconds));
    out.gauge("probe_ssl_earliest_cert_expiry", "Earliest end of the chain's certificates, unixtime.", earliest, {
      target,
    });
    for (const facts of chain) {
      addCertificate(out, "ssl_cert", { target }, facts);
      if (isTrusted) addCertificate(out, "ssl_verified_cert", { target, chain_no: "0" }, facts);
    }
  } catch (error) {
    addOutcome(out, target, error instanceof Error ? error.message : String(error), deps);
  }
}

function addOutcome(out: Families, target: string, problem: string | undefined, { logger }: CollectorDeps): void {
  out.gauge("ssl_probe_success", "If the certificate could be read.", problem === undefined ? 1 : 0, { target });
  if (problem !== undefined) logger.warn({ target, problem }, "no certificate");
}

function addCertificate(
  out: Families,
  prefix: string,
  where: Readonly<Record<string, string>>,
  { labels, notAfterSeconds, notBeforeSeconds }: CertificateFacts,
): void {
  const all = { ...where, ...labels };
  out.gauge(`${prefix}_not_after`, "NotAfter of the certificate, unixtime.", notAfterSeconds, all);
  out.gauge(`${prefix}_not_before`, "NotBefore of the certificate, unixtime.", notBeforeSeconds, all);
}
