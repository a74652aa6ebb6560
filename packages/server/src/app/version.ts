import { readFileSync } from "node:fs";

/** Of the package, the same from src/ and from dist/. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }
).version;
