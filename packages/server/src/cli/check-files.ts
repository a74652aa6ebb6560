// `check`: every file by its kind, and the files that it names.
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { Finding, LabelRecord } from "@storewatch/model";
import { checkAgentConfig, loadAgentConfig } from "../agent/index.ts";
import { checkAlertmanagerConfig } from "../alerts/index.ts";
import { fileSources, findRuleFiles, parsePrometheusConfig } from "../collect/prometheus-config.ts";
import { type ConfigDocument, ConfigError, parseConfigDocument } from "../config/document.ts";
import type { Environment } from "../config/environment.ts";
import { loadConfig } from "../config/storewatch-config.ts";
import { readDashboardText } from "../dashboards/index.ts";
import { checkRules, readRuleDocument } from "../rules/index.ts";
import { type FileKind, fileKindOf } from "./file-kind.ts";
import { UsageError } from "./output.ts";

export interface CheckReport {
  readonly findings: readonly Finding[];
  /** Files that were checked, as shown. */
  readonly files: readonly string[];
}

const EXTENSIONS = /\.(ya?ml|json)$/i;
const SKIPPED_FOLDERS = new Set(["node_modules", ".git"]);

/** Throws UsageError for a path that does not exist. */
export function checkFiles(paths: readonly string[], workingDir: string, environment: Environment): CheckReport {
  const check = new Check(workingDir, environment);
  for (const given of paths) for (const file of filesAt(given, workingDir)) check.add(file);
  return check.run();
}

function filesAt(given: string, workingDir: string): string[] {
  const place = path.resolve(workingDir, given);
  let isDirectory: boolean;
  try {
    isDirectory = statSync(place).isDirectory();
  } catch {
    throw new UsageError(`${given}: there is no such file or folder`);
  }
  if (!isDirectory) return [given];
  return readdirSync(place, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const name = path.join(given, entry.name);
      if (entry.isDirectory()) return SKIPPED_FOLDERS.has(entry.name) ? [] : filesAt(name, workingDir);
      return entry.isFile() && EXTENSIONS.test(entry.name) ? [name] : [];
    });
}

interface Entry {
  readonly file: string;
  readonly document: ConfigDocument;
  readonly kind: FileKind | undefined;
}

class Check {
  private readonly findings: Finding[] = [];
  private readonly entries: Entry[] = [];
  /** Absolute names. */
  private readonly seen = new Set<string>();
  /** A storewatch.yml among the files switches experimental PromQL on. */
  private experimental = false;

  constructor(
    private readonly workingDir: string,
    private readonly environment: Environment,
  ) {}

  /** Reads a file, and those that it names; `as` when the file that names it says what it is. */
  add(file: string, as?: FileKind): void {
    const place = path.resolve(this.workingDir, file);
    if (this.seen.has(place)) return;
    this.seen.add(place);
    try {
      const document = parseConfigDocument(file, readFileSync(place, "utf8"));
      const kind = as ?? fileKindOf(document.data);
      this.entries.push({ file, document, kind });
      for (const [name, nameKind] of this.namedBy(file, kind)) this.add(name, nameKind);
    } catch (error) {
      this.takeError(file, error);
    }
  }

  private takeError(file: string, error: unknown): void {
    if (error instanceof ConfigError) this.findings.push(...error.findings);
    else {
      const message = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
      this.findings.push({ code: "CONFIG_FILE", severity: "error", file, line: 1, column: 1, message });
    }
  }

  private namedBy(file: string, kind: FileKind | undefined): Array<[string, FileKind]> {
    if (kind === "prometheus") {
      const sources = this.sources();
      return findRuleFiles(parsePrometheusConfig(file, sources), sources).map((name) => [this.shown(name), "rules"]);
    }
    if (kind !== "storewatch") return [];
    const config = loadConfig({ file, workingDir: this.workingDir, environment: this.environment });
    this.experimental ||= config.features.promqlExperimental;
    const named: Array<[string, FileKind]> = [];
    if (config.metrics.prometheusFile) named.push([this.shown(config.metrics.prometheusFile), "prometheus"]);
    if (config.alerts.alertmanagerFile) named.push([this.shown(config.alerts.alertmanagerFile), "alertmanager"]);
    for (const place of config.dashboards) {
      for (const name of filesAt(this.shown(place), this.workingDir)) named.push([name, "dashboard"]);
    }
    return named;
  }

  private sources() {
    const sources = fileSources(this.environment);
    return { ...sources, readFile: (file: string) => readFileSync(path.resolve(this.workingDir, file), "utf8") };
  }

  /** Below the working directory a relative name, as people typed the others. */
  private shown(file: string): string {
    const relative = path.relative(this.workingDir, path.resolve(this.workingDir, file));
    return relative.startsWith("..") ? path.resolve(this.workingDir, file) : relative;
  }

  run(): CheckReport {
    const knownAlerts = this.entries
      .filter(({ kind }) => kind === "rules")
      .flatMap(({ document }) => alertsOf(document, this.experimental));
    for (const entry of this.entries) {
      try {
        this.findings.push(...this.checkOne(entry, knownAlerts));
      } catch (error) {
        this.takeError(entry.file, error);
      }
    }
    return { findings: this.findings, files: this.entries.map(({ file }) => file) };
  }

  private checkOne({ file, document, kind }: Entry, knownAlerts: readonly LabelRecord[]): readonly Finding[] {
    switch (kind) {
      // Read, and with that checked, when it was added; its errors are findings already.
      case "storewatch":
        return [];
      case "agent":
        checkAgentConfig(loadAgentConfig({ file, workingDir: this.workingDir, environment: this.environment }));
        return [];
      case "prometheus":
        return this.prometheusRemarks(file);
      case "rules":
        return checkRules(document, { experimental: this.experimental });
      case "alertmanager":
        return checkAlertmanagerConfig(document, {
          environment: this.environment,
          ...(knownAlerts.length > 0 && { knownAlerts }),
        });
      case "dashboard":
        return readDashboardText(file, document.text).findings;
      case "rule-tests":
        return [ignored(document, "rule unit tests are run by `storewatch test rules`")];
      case undefined:
        return [ignored(document, "ignored: not a format that Storewatch knows")];
    }
  }

  private prometheusRemarks(file: string): readonly Finding[] {
    try {
      return parsePrometheusConfig(file, this.sources()).unsupported;
    } catch (error) {
      // Told when the file was added.
      if (error instanceof ConfigError) return [];
      throw error;
    }
  }
}

function ignored(document: ConfigDocument, message: string): Finding {
  return document.finding([], message, {
    code: "FILE_IGNORED",
    severity: "info",
    line: 1,
    column: 1,
  } as Partial<Finding>);
}

/** Label sets that the file's alerts are sure to have; labels made by templates are left out. */
function alertsOf(document: ConfigDocument, experimental: boolean): LabelRecord[] {
  return readRuleDocument(document, { experimental }).groups.flatMap(({ rules }) =>
    rules.flatMap((rule) => {
      if (rule.type !== "alerting") return [];
      const fixed = Object.entries(rule.labels).filter(([, value]) => !value.includes("{{"));
      return [{ ...Object.fromEntries(fixed), alertname: rule.alert }];
    }),
  );
}
