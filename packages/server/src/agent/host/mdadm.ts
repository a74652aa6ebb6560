// Software RAID, from /proc/mdstat.
import { Families } from "../families.ts";
import { readText } from "../files.ts";
import { NothingToCollect } from "../interface.ts";
import type { HostCollector } from "./host-collector.ts";

/** What the kernel is doing to an array → value of the label `state`. */
const ACTIVITIES = { recovery: "recovering", resync: "resync", check: "check", reshape: "reshape" } as const;
const STATES = ["active", "inactive", ...Object.values(ACTIVITIES)] as const;
type State = (typeof STATES)[number];

interface RaidArray {
  readonly device: string;
  readonly state: State;
  readonly required: number;
  readonly active: number;
  readonly failed: number;
  readonly spare: number;
  readonly blocks: number;
  readonly synced: number;
}

export const mdadm: HostCollector = {
  name: "mdadm",
  read({ paths }) {
    const text = readText(`${paths.procfs}/mdstat`);
    if (text === undefined) throw new NothingToCollect("there is no software RAID");
    const out = new Families();
    for (const array of parseMdstat(text)) {
      const { device } = array;
      for (const state of STATES) {
        const help = "Indicates the state of md-device.";
        out.gauge("node_md_state", help, array.state === state ? 1 : 0, { device, state });
      }
      const disks = (state: "active" | "failed" | "spare") =>
        out.gauge("node_md_disks", "Number of active/failed/spare disks of device.", array[state], { device, state });
      disks("active");
      disks("failed");
      disks("spare");
      out.gauge("node_md_disks_required", "Total number of disks of device.", array.required, { device });
      out.gauge("node_md_blocks", "Total number of blocks on device.", array.blocks, { device });
      out.gauge("node_md_blocks_synced", "Number of blocks synced on device.", array.synced, { device });
    }
    return out;
  },
};

/**
 * ```
 * md6 : active raid1 sdb2[2](F) sdc[1](S) sda2[0]
 *       195310144 blocks [2/1] [U_]
 *       [=>...................]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=259783K/sec
 * ```
 */
function parseMdstat(text: string): readonly RaidArray[] {
  const arrays: RaidArray[] = [];
  let block: string[] = [];
  const finish = () => {
    if (block.length > 0) arrays.push(parseArray(block));
    block = [];
  };
  for (const line of text.split("\n")) {
    if (/^\S+ : /.test(line) && !line.startsWith("Personalities")) {
      finish();
      block = [line];
    } else if (line.trim() === "" || line.startsWith("unused")) finish();
    else if (block.length > 0) block.push(line);
  }
  finish();
  return arrays;
}

function parseArray([head, ...rest]: readonly string[]): RaidArray {
  const [device, description] = head.split(" : ", 2);
  const isActive = description.startsWith("active");
  const members = description.match(/\S+\[\d+\]\S*/g) ?? [];
  const marked = (mark: string) => members.filter((member) => member.includes(mark)).length;
  const body = rest.join("\n");
  const blocks = Number(/(\d+) blocks/.exec(body)?.[1] ?? 0);
  const counts = /\[(\d+)\/(\d+)\]/.exec(body);
  const activity = /(recovery|resync|check|reshape)\s*=/.exec(body)?.[1] as keyof typeof ACTIVITIES | undefined;
  const synced = /\((\d+)\/\d+\)/.exec(body)?.[1];
  // A waiting resync (`resync=DELAYED`) has done nothing yet.
  const syncedBlocks = synced === undefined ? (activity ? 0 : blocks) : Number(synced);
  return {
    device,
    state: activity ? ACTIVITIES[activity] : isActive ? "active" : "inactive",
    // Without redundancy the kernel gives no `[required/active]`.
    required: counts ? Number(counts[1]) : members.length,
    active: counts ? Number(counts[2]) : isActive ? members.length : 0,
    failed: marked("(F)"),
    spare: marked("(S)"),
    blocks,
    synced: syncedBlocks,
  };
}
