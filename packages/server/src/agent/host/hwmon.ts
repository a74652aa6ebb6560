// Sensors of /sys/class/hwmon: files `<type><number>_<element>`, in thousandths or millionths of the unit.
import { existsSync, realpathSync } from "node:fs";
import path from "node:path";
import { Families } from "../families.ts";
import { listFolder, readWord } from "../files.ts";
import { NothingToCollect } from "../interface.ts";
import type { HostCollector } from "./host-collector.ts";

const SENSOR_FILE = /^([a-z_]+?)(\d*)(?:_(.+))?$/;
const TYPES = new Set([
  ...["in", "cpu", "fan", "pwm", "temp", "curr", "power", "energy", "humidity", "intrusion", "freq"],
]);
/** Files of the chip as a whole, with an underscore in their names. */
const CHIP_FILES: Readonly<Record<string, readonly [name: string, help: string, factor: number]>> = {
  beep_enable: ["beep_enabled", "Hardware beep enabled", 1],
  vrm: ["voltage_regulator_version", "Hardware voltage regulator", 1],
  update_interval: ["update_interval_seconds", "Hardware monitor update interval", 1e-3],
};

export const hwmon: HostCollector = {
  name: "hwmon",
  read({ paths }) {
    const dir = `${paths.sysfs}/class/hwmon`;
    const chips = listFolder(dir);
    if (chips === undefined) throw new NothingToCollect("there are no sensors");
    const out = new Families();
    for (const chip of chips) addChip(out, `${dir}/${chip}`, chip);
    return out;
  },
};

function addChip(out: Families, at: string, folder: string): void {
  const name = cleanName(readWord(`${at}/name`) ?? "");
  const chip = deviceName(at) ?? (name || cleanName(folder));
  if (name !== "") {
    const help = "Annotation metric for human-readable chip names";
    out.gauge("node_hwmon_chip_names", help, 1, { chip, chip_name: name });
  }
  // Old drivers have their files in the device's folder.
  const files = new Map<string, string>();
  for (const place of [`${at}/device`, at]) {
    for (const file of listFolder(place) ?? []) files.set(file, `${place}/${file}`);
  }
  const names = [...files.keys()].sort();
  for (const file of names) addFile(out, chip, file, files);
}

/** Bus and device, such as `platform_coretemp_0`: the number in `hwmon3` changes from boot to boot. */
function deviceName(at: string): string | undefined {
  if (!existsSync(`${at}/device`)) return undefined;
  const device = realpathSync(`${at}/device`);
  const name = cleanName(path.basename(device));
  const type = cleanName(path.basename(path.dirname(device)));
  if (name === "") return undefined;
  return type === "" ? name : `${type}_${name}`;
}

function cleanName(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9:_]/g, "_")
    .replace(/^_+|_+$/g, "");
}

function addFile(out: Families, chip: string, file: string, files: ReadonlyMap<string, string>): void {
  const place = files.get(file) ?? "";
  if (Object.hasOwn(CHIP_FILES, file)) {
    const [name, help, factor] = CHIP_FILES[file];
    const value = numberIn(place);
    // A sensor by the file's name and number 0, as the exporter has it.
    const labels = { chip, sensor: `${file}0` };
    if (value !== undefined) out.gauge(`node_hwmon_${name}`, help, value * factor, labels);
    return;
  }
  const match = SENSOR_FILE.exec(file);
  if (!match || !TYPES.has(match[1])) return;
  const [, type, number, element = ""] = match;
  const sensor = `${type}${number === "" ? "0" : number}`;
  if (element === "label") {
    const label = readWord(place);
    const help = "Label for given chip and sensor";
    if (label) out.gauge("node_hwmon_sensor_label", help, 1, { chip, sensor, label });
    return;
  }
  const raw = numberIn(place);
  if (raw === undefined) return;
  const { name, factor, isCounter } = namingOf(type, element, files.has(sensor));
  const labels = { chip, sensor };
  const help = `Hardware monitor ${type}${element === "" ? "" : ` (${element})`}`;
  // Divided, because a product with 0.001 has digits that nobody measured.
  if (isCounter) out.counter(`node_hwmon_${name}`, help, raw / factor, labels);
  else out.gauge(`node_hwmon_${name}`, help, raw / factor, labels);
}

function numberIn(file: string): number | undefined {
  const text = readWord(file);
  return text !== undefined && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

interface Naming {
  readonly name: string;
  /** What the file's number is divided by. */
  readonly factor: number;
  readonly isCounter?: boolean;
}

/** `hasPlain`: the sensor has a file without an element too, which then takes the plain name. */
function namingOf(type: string, element: string, hasPlain: boolean): Naming {
  const suffix = element === "" || (element === "input" && !hasPlain) ? "" : `_${cleanName(element)}`;
  const name = type + suffix;
  if (element === "fault" || element === "alarm") return { name, factor: 1 };
  if (element === "beep") return { name: `${name}_enabled`, factor: 1 };
  switch (type) {
    case "in":
    case "cpu":
      return { name: `${name}_volts`, factor: 1000 };
    case "temp":
      return element === "type" ? { name, factor: 1 } : { name: `${name}_celsius`, factor: 1000 };
    case "curr":
      return { name: `${name}_amps`, factor: 1000 };
    case "energy":
      return { name: `${name}_joule_total`, factor: 1e6, isCounter: true };
    case "power":
      if (element === "accuracy") return { name, factor: 1e6 };
      if (element.startsWith("average_interval")) return { name: `${name}_seconds`, factor: 1000 };
      return { name: `${name}_watt`, factor: 1e6 };
    case "humidity":
      return { name, factor: 1e6 };
    case "freq":
      return { name: `${name}_freq_mhz`, factor: 1e6 };
    case "fan":
      return { name: ["input", "min", "max", "target"].includes(element) ? `${name}_rpm` : name, factor: 1 };
    default:
      return { name, factor: 1 };
  }
}
