import { Agent, type AgentFlags, loadAgentConfig, startAgent } from "../agent/index.ts";
import { runUntilStopped } from "../app/lifecycle.ts";
import { VERSION } from "../app/version.ts";
import { systemEnvironment } from "../config/environment.ts";
import { systemClock } from "../kernel/clock.ts";
import { createLogger } from "../kernel/logger.ts";
import type { CommandContext } from "./output.ts";

export interface AgentCommandFlags {
  readonly config?: string;
  readonly once?: boolean;
  readonly listen?: string;
  readonly collectors?: string;
  readonly "path.procfs"?: string;
  readonly "path.sysfs"?: string;
  readonly "path.rootfs"?: string;
  readonly "path.udev.data"?: string;
}

/** Serves the metrics of this machine until a signal ends it; with `once` prints them and is done. */
export async function runAgent(flags: AgentCommandFlags, context: CommandContext): Promise<void> {
  const given: AgentFlags = {
    listen: flags.listen,
    collectors: flags.collectors,
    procfs: flags["path.procfs"],
    sysfs: flags["path.sysfs"],
    rootfs: flags["path.rootfs"],
    udevData: flags["path.udev.data"],
  };
  const readConfig = () =>
    loadAgentConfig({
      file: flags.config,
      flags: given,
      workingDir: context.workingDir,
      environment: systemEnvironment(),
    });
  const config = readConfig();
  const logger = createLogger(config.logLevel);
  const options = { config, version: VERSION, clock: systemClock, logger };
  if (flags.once) {
    const agent = new Agent(options);
    context.out((await agent.page()) ?? "");
    await agent.close();
    return;
  }
  await runUntilStopped(async () => {
    const running = await startAgent(options, readConfig);
    context.out(`Storewatch agent is ready: ${running.url}/metrics\n`);
    return running;
  }, logger);
}
