// The demo's configuration: built-in files whose @NAMES@ are replaced by this run's ports and paths.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The folder with the built-in rules, routes and dashboards: the same from src/ and from dist/. */
export const CONTENT_DIR = fileURLToPath(new URL("../../content/", import.meta.url));

export interface DemoPlaces {
  readonly SMTP_PORT: string;
  readonly INBOX_URL: string;
  /** Of the shop's metrics. undefined: no shop runs, and none is scraped. */
  readonly SHOP_ADDRESS: string | undefined;
  /** Holds the token that the shop's metrics ask for. */
  readonly SHOP_TOKEN_FILE: string;
}

export interface DemoConfigFiles {
  readonly prometheus: string;
  readonly alertmanager: string;
  readonly rules: readonly string[];
}

/** Writes the files to `directory`; those of an earlier run are replaced, because ports change. Absolute paths. */
export function renderDemoConfig(directory: string, places: DemoPlaces): DemoConfigFiles {
  const rulesDir = path.join(directory, "rules");
  mkdirSync(rulesDir, { recursive: true });
  const rules = readdirSync(path.join(CONTENT_DIR, "rules"))
    .filter((name) => name.endsWith(".rules.yml"))
    .map((name) => {
      const target = path.join(rulesDir, name);
      copyFileSync(path.join(CONTENT_DIR, "rules", name), target);
      return target;
    });
  const render = (name: string) => {
    const target = path.join(directory, name);
    const text = readFileSync(path.join(CONTENT_DIR, "demo", name), "utf8");
    writeFileSync(
      target,
      `# Written by \`npm start\` at every start: changes here are lost.\n${fillPlaces(text, places)}`,
    );
    return target;
  };
  const prometheus = render(places.SHOP_ADDRESS === undefined ? "prometheus-without-shop.yml" : "prometheus.yml");
  return { prometheus, alertmanager: render("alertmanager.yml"), rules };
}

/** Replaces `@NAME@`; comments may speak of @NAMES@, anything else unknown is our bug. */
export function fillPlaces(text: string, places: DemoPlaces): string {
  const known: Readonly<Record<string, string | undefined>> = { ...places };
  return text.replace(/@([A-Z_]+)@/g, (whole, name: string) => {
    if (name === "NAMES") return "Names";
    const value = known[name];
    if (value === undefined) throw new Error(`BUG: no value for ${whole}`);
    return value;
  });
}
