// Thermal zones, power supplies, memory errors, NVMe disks.
import { Families } from "../families.ts";
import { listFolder, readNumber, readWord } from "../files.ts";
import { NothingToCollect } from "../interface.ts";
import type { HostCollector } from "./host-collector.ts";

export const thermalZone: HostCollector = {
  name: "thermal_zone",
  read({ paths }) {
    const dir = `${paths.sysfs}/class/thermal`;
    const out = new Families();
    for (const folder of listFolder(dir) ?? []) {
      const at = `${dir}/${folder}`;
      const type = readWord(`${at}/type`) ?? "";
      const number = /\d+$/.exec(folder)?.[0] ?? "";
      if (folder.startsWith("thermal_zone")) {
        const temperature = readNumber(`${at}/temp`);
        if (temperature === undefined) continue;
        out.gauge("node_thermal_zone_temp", "Zone temperature in Celsius", temperature / 1000, { zone: number, type });
      } else if (folder.startsWith("cooling_device")) {
        const help = (which: string) => `${which} throttle state of the cooling device`;
        const current = readNumber(`${at}/cur_state`);
        const max = readNumber(`${at}/max_state`);
        const labels = { name: number, type };
        if (current !== undefined) out.gauge("node_cooling_device_cur_state", help("Current"), current, labels);
        if (max !== undefined) out.gauge("node_cooling_device_max_state", help("Maximum"), max, labels);
      }
    }
    return out;
  },
};

/** File in /sys/class/power_supply/NAME → name behind `node_power_supply_`, what the number is divided by. */
const SUPPLY: ReadonlyArray<readonly [file: string, name: string, divisor: number]> = [
  ["authentic", "authentic", 1],
  ["calibrate", "calibrate", 1],
  ["capacity", "capacity", 1],
  ["capacity_alert_max", "capacity_alert_max", 1],
  ["capacity_alert_min", "capacity_alert_min", 1],
  ["cycle_count", "cyclecount", 1],
  ["online", "online", 1],
  ["present", "present", 1],
  ["time_to_empty_now", "time_to_empty_seconds", 1],
  ["time_to_full_now", "time_to_full_seconds", 1],
  ["current_boot", "current_boot", 1e6],
  ["current_max", "current_max", 1e6],
  ["current_now", "current_ampere", 1e6],
  ["energy_empty", "energy_empty", 1e6],
  ["energy_full", "energy_full", 1e6],
  ["energy_full_design", "energy_full_design", 1e6],
  ["energy_now", "energy_watthour", 1e6],
  ["voltage_boot", "voltage_boot", 1e6],
  ["voltage_max", "voltage_max", 1e6],
  ["voltage_max_design", "voltage_max_design", 1e6],
  ["voltage_min", "voltage_min", 1e6],
  ["voltage_min_design", "voltage_min_design", 1e6],
  ["voltage_now", "voltage_volt", 1e6],
  ["voltage_ocv", "voltage_ocv", 1e6],
  ["charge_control_limit", "charge_control_limit", 1e6],
  ["charge_counter", "charge_counter", 1e6],
  ["charge_empty", "charge_empty", 1e6],
  ["charge_full", "charge_full", 1e6],
  ["charge_full_design", "charge_full_design", 1e6],
  ["charge_now", "charge_ampere", 1e6],
  ["charge_term_current", "charge_term_current", 1e6],
  ["constant_charge_current", "constant_charge_current", 1e6],
  ["constant_charge_voltage", "constant_charge_voltage", 1e6],
  ["precharge_current", "precharge_current", 1e6],
  ["input_current_limit", "input_current_limit", 1e6],
  ["power_now", "power_watt", 1e6],
  ["temp", "temp_celsius", 10],
  ["temp_alert_max", "temp_alert_max_celsius", 10],
  ["temp_alert_min", "temp_alert_min_celsius", 10],
  ["temp_ambient", "temp_ambient_celsius", 10],
  ["temp_max", "temp_max_celsius", 10],
  ["temp_min", "temp_min_celsius", 10],
];
const SUPPLY_WORDS = [
  "capacity_level",
  "charge_type",
  "health",
  "manufacturer",
  "model_name",
  "scope",
  "serial_number",
  "status",
  "technology",
  "type",
  "usb_type",
];

export const powerSupply: HostCollector = {
  name: "powersupplyclass",
  read({ paths }) {
    const dir = `${paths.sysfs}/class/power_supply`;
    const out = new Families();
    for (const power_supply of listFolder(dir) ?? []) {
      for (const [file, name, divisor] of SUPPLY) {
        const value = readNumber(`${dir}/${power_supply}/${file}`);
        if (value === undefined) continue;
        const help = `${file} value of /sys/class/power_supply/<power_supply>.`;
        out.gauge(`node_power_supply_${name}`, help, value / divisor, { power_supply });
      }
      const words = SUPPLY_WORDS.map((word) => [word, readWord(`${dir}/${power_supply}/${word}`) ?? ""] as const);
      const labels = { power_supply, ...Object.fromEntries(words.filter(([, text]) => text !== "")) };
      out.gauge("node_power_supply_info", "Info of /sys/class/power_supply/<power_supply>; the value is 1.", 1, labels);
    }
    return out;
  },
};

export const edac: HostCollector = {
  name: "edac",
  read({ paths }) {
    const dir = `${paths.sysfs}/devices/system/edac/mc`;
    const out = new Families();
    for (const folder of listFolder(dir) ?? []) {
      const controller = /^mc(\d+)$/.exec(folder)?.[1];
      if (controller === undefined) continue;
      const count = (file: string, name: string, help: string, labels: Readonly<Record<string, string>>) => {
        const value = readNumber(`${dir}/${folder}/${file}`);
        if (value !== undefined) out.counter(`node_edac_${name}`, help, value, labels);
      };
      for (const [file, kind] of [
        ["ce", "correctable"],
        ["ue", "uncorrectable"],
      ]) {
        count(`${file}_count`, `${kind}_errors_total`, `Total ${kind} memory errors.`, { controller });
        const help = `Total ${kind} memory errors for this csrow.`;
        const name = `csrow_${kind}_errors_total`;
        count(`${file}_noinfo_count`, name, help, { controller, csrow: "unknown" });
        for (const row of listFolder(`${dir}/${folder}`) ?? []) {
          const csrow = /^csrow(\d+)$/.exec(row)?.[1];
          if (csrow !== undefined) count(`${row}/${file}_count`, name, help, { controller, csrow });
        }
      }
    }
    return out;
  },
};

export const nvme: HostCollector = {
  name: "nvme",
  read({ paths }) {
    const dir = `${paths.sysfs}/class/nvme`;
    const devices = listFolder(dir);
    if (devices === undefined) throw new NothingToCollect("there are no NVMe disks");
    const out = new Families();
    for (const device of devices) {
      const word = (file: string) => readWord(`${dir}/${device}/${file}`) ?? "";
      out.gauge("node_nvme_info", "Info of /sys/class/nvme; the value is 1.", 1, {
        device,
        firmware_revision: word("firmware_rev"),
        model: word("model"),
        serial: word("serial"),
        state: word("state"),
        cntlid: word("cntlid"),
      });
    }
    return out;
  },
};
