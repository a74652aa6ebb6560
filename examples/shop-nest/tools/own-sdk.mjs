// A shop installs the SDK beside its own Nest. In this repository the SDK is a link to packages/sdk, where Node would find
// the Nest 11 that the SDK's unit tests use: a second Nest, whose classes are not this application's. So the built package
// is put where npm would put it, as npm would: what `files` names, and package.json.
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const FROM = path.resolve(HERE, "../../../packages/sdk");
const TO = path.resolve(HERE, "../node_modules/@storewatch/sdk");

rmSync(TO, { recursive: true, force: true });
const manifest = JSON.parse(readFileSync(path.join(FROM, "package.json"), "utf8"));
// `!…` in `files` takes something out again: nothing that would matter here.
for (const name of manifest.files.filter((one) => !one.startsWith("!")))
  cpSync(path.join(FROM, name), path.join(TO, name), { recursive: true });
// The sources are not in the package, so nobody is to be led to them.
for (const entry of Object.values(manifest.exports)) if (typeof entry === "object") delete entry["@storewatch/source"];
writeFileSync(path.join(TO, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
