// Section `host` of agent.yml.
import { compileRe2 } from "@storewatch/model";
import { z } from "zod";

/** True for a name that the pattern finds a match in; the answers for names seen are kept. */
export type NameTest = (name: string) => boolean;

/** Container hosts make and drop device names all day. */
const KNOWN_NAMES_MAX = 10_000;

function nameTest(pattern: string): NameTest {
  if (pattern === "") return () => false;
  const compiled = compileRe2(pattern);
  const known = new Map<string, boolean>();
  return (name) => {
    let found = known.get(name);
    if (found === undefined) {
      if (known.size >= KNOWN_NAMES_MAX) known.clear();
      found = compiled.matcher(name).find();
      known.set(name, found);
    }
    return found;
  };
}

const names = z.array(z.string().min(1)).default([]);
const pattern = (fallback: string) =>
  z
    .string()
    .prefault(fallback)
    .transform((text, context) => {
      try {
        return nameTest(text);
      } catch (error) {
        context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
        return z.NEVER;
      }
    });

// The defaults are those of node_exporter, so that the same series come out.
const MOUNT_POINTS = "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)";
const FS_TYPES =
  "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|" +
  "proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$";
const DISKS = "^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+$";
const NETSTAT =
  "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|" +
  "TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|" +
  "Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab|MaxConn)|" +
  "Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$";
const UNITS = ".+\\.(automount|device|mount|scope|slice)";
const VMSTAT = "^(oom_kill|pgpg|pswp|pg.*fault).*";

export const hostSchema = z
  .strictObject({
    enable: names.describe("Collectors of the host to run beside those that are on by default."),
    disable: names.describe("Collectors of the host to leave out."),
    filesystem: z
      .strictObject({
        mount_points_exclude: pattern(MOUNT_POINTS).describe(
          "Mount points that are left out, a regular expression (RE2).",
        ),
        fs_types_exclude: pattern(FS_TYPES).describe(
          "Types of file systems that are left out, a regular expression (RE2).",
        ),
      })
      .prefault({}),
    diskstats: z
      .strictObject({
        device_exclude: pattern(DISKS).describe("Disks that are left out, a regular expression (RE2)."),
      })
      .prefault({}),
    network: z
      .strictObject({
        device_exclude: pattern("").describe("Network devices that are left out, a regular expression (RE2)."),
      })
      .prefault({}),
    netstat: z
      .strictObject({
        fields: pattern(NETSTAT).describe("Fields of the protocol counters, a regular expression (RE2)."),
      })
      .prefault({}),
    vmstat: z
      .strictObject({ fields: pattern(VMSTAT).describe("Fields of /proc/vmstat, a regular expression (RE2).") })
      .prefault({}),
    systemd: z
      .strictObject({
        unit_exclude: pattern(UNITS).describe(
          "Units that have no state of their own on the page, a regular expression (RE2).",
        ),
      })
      .prefault({}),
    textfile: z
      .strictObject({
        directories: z
          .array(z.string().min(1))
          .default([])
          .describe("Folders whose `*.prom` files are put on the page."),
      })
      .prefault({}),
  })
  .prefault({});

export type HostSection = z.output<typeof hostSchema>;
