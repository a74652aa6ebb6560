// Metrics that scripts leave in *.prom files. A file with a fault is left out; the others still count.
import { statSync } from "node:fs";
import { Families } from "../families.ts";
import { listFolder, mustReadText } from "../files.ts";
import type { MetricFamily } from "../interface.ts";
import type { HostCollector } from "./host-collector.ts";
import { parsePromText } from "./prom-text.ts";

export function createTextfile(): HostCollector {
  let told = "";
  return {
    name: "textfile",
    read({ section, resolve, logger }) {
      const out = new Families();
      const faults: string[] = [];
      for (const directory of section.textfile.directories) {
        const dir = resolve(directory);
        const names = listFolder(dir);
        if (names === undefined) faults.push(`${dir}: there is no such folder`);
        for (const name of names ?? []) {
          if (name.endsWith(".prom")) addFile(out, `${dir}/${name}`, faults);
        }
      }
      const help = "1 if there was an error opening or reading a file, 0 otherwise";
      out.gauge("node_textfile_scrape_error", help, faults.length > 0 ? 1 : 0);
      const line = faults.join("; ");
      if (line !== "" && line !== told) logger.warn({ faults }, "text files were left out");
      told = line;
      return out;
    },
  };
}

function addFile(out: Families, file: string, faults: string[]): void {
  let families: readonly MetricFamily[];
  try {
    families = parsePromText(mustReadText(file));
    const help = "Unixtime mtime of textfiles successfully read.";
    out.gauge("node_textfile_mtime_seconds", help, statSync(file).mtimeMs / 1000, { file });
  } catch (error) {
    faults.push(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    return;
  }
  for (const { name, help, type, samples } of families) {
    for (const sample of samples) out.add(name, help === "" ? `Metric read from ${file}` : help, type, sample);
  }
}
