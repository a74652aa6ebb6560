// What a certificate says, as labels and times.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { listFolder } from "../files.ts";

export interface CertificateFacts {
  readonly labels: {
    readonly serial_no: string;
    readonly issuer_cn: string;
    readonly cn: string;
    /** Lists stand between commas, `,a,b,`, so that a pattern finds a whole name. */
    readonly dnsnames: string;
    readonly ips: string;
    readonly emails: string;
    readonly ou: string;
  };
  readonly notAfterSeconds: number;
  readonly notBeforeSeconds: number;
}

export function factsOf(certificate: X509Certificate): CertificateFacts {
  const names = (kind: string) => listed(alternativeNames(certificate.subjectAltName ?? "", kind));
  return {
    labels: {
      serial_no: BigInt(`0x${certificate.serialNumber}`).toString(),
      issuer_cn: fieldsOf(certificate.issuer, "CN")[0] ?? "",
      cn: fieldsOf(certificate.subject, "CN")[0] ?? "",
      dnsnames: names("DNS"),
      ips: names("IP Address"),
      emails: names("email"),
      ou: listed(fieldsOf(certificate.subject, "OU")),
    },
    notAfterSeconds: Date.parse(certificate.validTo) / 1000,
    notBeforeSeconds: Date.parse(certificate.validFrom) / 1000,
  };
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? "" : `,${names.join(",")},`;
}

/** Of `CN=shop\nO=Acme`. */
function fieldsOf(name: string, key: string): readonly string[] {
  return name.split("\n").flatMap((line) => (line.startsWith(`${key}=`) ? line.slice(key.length + 1) : []));
}

/** Of `DNS:a.example, IP Address:192.0.2.1`; a name with odd letters stands in quotes. */
function alternativeNames(text: string, kind: string): readonly string[] {
  return (text.match(/[^,:\s][^,:]*:("(?:[^"\\]|\\.)*"|[^,]*)/g) ?? []).flatMap((entry) =>
    entry.startsWith(`${kind}:`) ? entry.slice(kind.length + 1).replace(/^"(.*)"$/, "$1") : [],
  );
}

export interface CertificateFile {
  readonly file: string;
  readonly certificates: readonly CertificateFacts[];
  readonly problem: string | undefined;
}

/** The certificates of a file, or of all that a name with `*` means. */
export function readCertificateFile(name: string): readonly CertificateFile[] {
  const pattern = path.basename(name);
  if (!pattern.includes("*")) return [readOne(name)];
  const dir = path.dirname(name);
  const parts = pattern.split("*");
  const files = (listFolder(dir) ?? []).filter((file) => fits(file, parts)).map((file) => path.join(dir, file));
  if (files.length === 0) return [{ file: name, certificates: [], problem: "there is no such file" }];
  return files.map(readOne);
}

function fits(file: string, parts: readonly string[]): boolean {
  const last = parts[parts.length - 1];
  if (!file.startsWith(parts[0])) return false;
  let at = parts[0].length;
  for (const part of parts.slice(1, -1)) {
    const found = file.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return file.length - last.length >= at && file.endsWith(last);
}

const PEM = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]+?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

function readOne(file: string): CertificateFile {
  try {
    const bytes = readFileSync(file);
    const blocks = bytes.toString("latin1").match(PEM);
    const certificates = (blocks ?? [bytes]).map((block) => factsOf(new X509Certificate(block)));
    return { file, certificates, problem: undefined };
  } catch (error) {
    return { file, certificates: [], problem: error instanceof Error ? error.message : String(error) };
  }
}
