// Units of systemd, by one call of systemctl: its properties are what node_exporter asks for over D-Bus. A call costs some
// milliseconds for each hundred units, in systemd as well: only when asked for, and not at each scrape.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Families } from "../families.ts";
import { NothingToCollect } from "../interface.ts";
import type { HostCollector } from "./host-collector.ts";
import type { NameTest } from "./section.ts";

const run = promisify(execFile);
const CACHE_MS = 15_000;
const STATES = ["active", "activating", "deactivating", "failed", "inactive"] as const;
const PROPERTIES = "Id,LoadState,ActiveState,Type,NRestarts,NAccepted,NConnections,NRefused";
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

export const systemd: HostCollector = {
  name: "systemd",
  byDefault: false,
  cacheMs: CACHE_MS,
  async read({ signal, section }) {
    const argv = ["show", `--property=${PROPERTIES}`, "*"];
    const options = { signal, maxBuffer: OUTPUT_BYTES_MAX, env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } };
    try {
      const { stdout } = await run("systemctl", argv, options);
      return unitFamilies(stdout, section.systemd.unit_exclude);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const { stderr, message } = error as Error & { readonly stderr?: string };
      throw new NothingToCollect(`systemctl: ${(stderr || message).trim()}`);
    }
  },
};

/** Of `systemctl show`: blocks of `Key=value` with an empty line in between. Exported for its test. */
export function unitFamilies(text: string, exclude: NameTest): Families {
  const out = new Families();
  const counts = new Map<string, number>(STATES.map((state) => [state, 0]));
  for (const block of text.split(/\n\n+/)) {
    const fields = new Map(Array.from(block.matchAll(/^(\w+)=(.*)$/gm), ([, key, value]) => [key, value]));
    const name = fields.get("Id");
    const active = fields.get("ActiveState");
    if (!name || active === undefined) continue;
    counts.set(active, (counts.get(active) ?? 0) + 1);
    if (fields.get("LoadState") !== "loaded" || exclude(name)) continue;
    const type = fields.get("Type") ?? "";
    for (const state of STATES) {
      out.gauge("node_systemd_unit_state", "Systemd unit", active === state ? 1 : 0, { name, state, type });
    }
    addCounts(out, name, fields);
  }
  for (const [state, count] of counts) {
    out.gauge("node_systemd_units", "Summary of systemd unit states", count, { state });
  }
  return out;
}

function addCounts(out: Families, name: string, fields: ReadonlyMap<string, string>): void {
  const count = (key: string) => {
    const value = fields.get(key);
    return value === undefined || !/^\d+$/.test(value) ? undefined : Number(value);
  };
  if (name.endsWith(".service")) {
    const restarts = count("NRestarts");
    const help = "Service unit count of Restart triggers";
    if (restarts !== undefined) out.counter("node_systemd_service_restart_total", help, restarts, { name });
  }
  if (!name.endsWith(".socket")) return;
  const accepted = count("NAccepted");
  const current = count("NConnections");
  const refused = count("NRefused");
  const socket = "node_systemd_socket_";
  if (accepted !== undefined) {
    out.counter(`${socket}accepted_connections_total`, "Total number of accepted socket connections", accepted, {
      name,
    });
  }
  if (current !== undefined) {
    out.gauge(`${socket}current_connections`, "Current number of socket connections", current, { name });
  }
  if (refused !== undefined) {
    out.gauge(`${socket}refused_connections_total`, "Total number of refused socket connections", refused, { name });
  }
}
