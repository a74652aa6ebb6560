// Disks: what they did, and which they are.
import { Families } from "../families.ts";
import { mustReadText, readText } from "../files.ts";
import type { FamilyType } from "../interface.ts";
import type { HostCollector } from "./host-collector.ts";

const SECTOR_BYTES = 512;

/** Columns of /proc/diskstats behind the name: type, name behind `node_disk_`, help, factor. Older kernels end earlier. */
const COLUMNS: ReadonlyArray<readonly [FamilyType, string, string, number]> = [
  ["counter", "reads_completed_total", "The total number of reads completed successfully.", 1],
  ["counter", "reads_merged_total", "The total number of reads merged.", 1],
  ["counter", "read_bytes_total", "The total number of bytes read successfully.", SECTOR_BYTES],
  ["counter", "read_time_seconds_total", "The total number of seconds spent by all reads.", 1e-3],
  ["counter", "writes_completed_total", "The total number of writes completed successfully.", 1],
  ["counter", "writes_merged_total", "The number of writes merged.", 1],
  ["counter", "written_bytes_total", "The total number of bytes written successfully.", SECTOR_BYTES],
  ["counter", "write_time_seconds_total", "The total number of seconds spent by all writes.", 1e-3],
  ["gauge", "io_now", "The number of I/Os currently in progress.", 1],
  ["counter", "io_time_seconds_total", "Total seconds spent doing I/Os.", 1e-3],
  ["counter", "io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.", 1e-3],
  ["counter", "discards_completed_total", "The total number of discards completed successfully.", 1],
  ["counter", "discards_merged_total", "The total number of discards merged.", 1],
  ["counter", "discarded_sectors_total", "The total number of sectors discarded successfully.", 1],
  ["counter", "discard_time_seconds_total", "The total number of seconds spent by all discards.", 1e-3],
  ["counter", "flush_requests_total", "The total number of flush requests completed successfully.", 1],
  ["counter", "flush_requests_time_seconds_total", "The total number of seconds spent by all flush requests.", 1e-3],
];

export const diskstats: HostCollector = {
  name: "diskstats",
  read({ paths, section }) {
    const out = new Families();
    for (const line of mustReadText(`${paths.procfs}/diskstats`).split("\n")) {
      const [major, minor, device, ...values] = line.trim().split(/\s+/);
      if (device === undefined || section.diskstats.device_exclude(device)) continue;
      COLUMNS.forEach(([type, name, help, factor], i) => {
        if (values[i] === undefined) return;
        // Milliseconds are divided, because a product with 0.001 has digits that nobody measured.
        const value = factor === 1e-3 ? Number(values[i]) / 1000 : Number(values[i]) * factor;
        out.add(`node_disk_${name}`, help, type, { labels: { device }, value });
      });
      addIdentity(out, device, major, minor, readText(`${paths.udevData}/b${major}:${minor}`) ?? "");
    }
    return out;
  },
};

/** What udev knows of the disk, `E:KEY=value` lines; without udev the labels are empty. */
function addIdentity(out: Families, device: string, major: string, minor: string, udev: string): void {
  const known = new Map<string, string>();
  for (const line of udev.split("\n")) {
    const equals = line.indexOf("=");
    if (line.startsWith("E:") && equals > 0) known.set(line.slice(2, equals), line.slice(equals + 1));
  }
  const of = (key: string) => known.get(key) ?? "";
  out.gauge("node_disk_info", "Info of /sys/block/<block_device>; the value is 1.", 1, {
    device,
    major,
    minor,
    path: of("ID_PATH"),
    wwn: of("ID_WWN"),
    model: of("ID_MODEL"),
    serial: known.get("SCSI_IDENT_SERIAL") ?? of("ID_SERIAL_SHORT"),
    revision: of("ID_REVISION"),
  });
  if (of("ID_FS_TYPE") !== "" || of("ID_FS_USAGE") !== "") {
    out.gauge("node_disk_filesystem_info", "Info about disk filesystem; the value is 1.", 1, {
      device,
      type: of("ID_FS_TYPE"),
      usage: of("ID_FS_USAGE"),
      uuid: of("ID_FS_UUID"),
      version: of("ID_FS_VERSION"),
    });
  }
  if (of("DM_NAME") !== "") {
    out.gauge("node_disk_device_mapper_info", "Info about disk device mapper; the value is 1.", 1, {
      device,
      name: of("DM_NAME"),
      uuid: of("DM_UUID"),
      vg_name: of("DM_VG_NAME"),
      lv_name: of("DM_LV_NAME"),
      lv_layer: of("DM_LV_LAYER"),
    });
  }
  if (of("ID_ATA") !== "1") return;
  const ata = (key: string, name: string, help: string) => {
    const value = known.get(key);
    if (value !== undefined && value !== "") out.gauge(`node_disk_ata_${name}`, help, Number(value), { device });
  };
  ata("ID_ATA_ROTATION_RATE_RPM", "rotation_rate_rpm", "ATA disk rotation rate in RPMs (0 for SSDs).");
  ata("ID_ATA_WRITE_CACHE", "write_cache", "ATA disk has a write cache.");
  ata("ID_ATA_WRITE_CACHE_ENABLED", "write_cache_enabled", "ATA disk has its write cache enabled.");
}
