// Findings as text for people, JSON for scripts, SARIF for code hosts.
import { type Finding, formatFinding } from "@storewatch/model";

export const FORMATS = ["text", "json", "sarif"] as const;
export type Format = (typeof FORMATS)[number];

export function formatFindings(findings: readonly Finding[], format: Format): string {
  switch (format) {
    case "text":
      return findings.map((finding) => `${formatFinding(finding)}\n`).join("");
    case "json":
      return `${JSON.stringify({ findings }, null, 2)}\n`;
    case "sarif":
      return `${JSON.stringify(sarif(findings), null, 2)}\n`;
  }
}

const LEVELS = { error: "error", warning: "warning", info: "note" } as const satisfies Record<
  Finding["severity"],
  string
>;

/** SARIF 2.1.0: one run, a rule for each code that was found. */
function sarif(findings: readonly Finding[]): unknown {
  const codes = [...new Set(findings.map(({ code }) => code))].sort();
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: { name: "storewatch", informationUri: "https://storewatch.dev", rules: codes.map((id) => ({ id })) },
        },
        results: findings.map(({ code, severity, file, line, column, message, why, fix }) => ({
          ruleId: code,
          ruleIndex: codes.indexOf(code),
          level: LEVELS[severity],
          message: { text: [message, why, fix && `Fix: ${fix}`].filter(Boolean).join("\n") },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: file.replaceAll("\\", "/") },
                region: { startLine: line, startColumn: column },
              },
            },
          ],
        })),
      },
    ],
  };
}
