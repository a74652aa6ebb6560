// `npm start` and `storewatch demo`: Storewatch with the example shop, a local mailbox and a webhook inbox.

import { systemEnvironment } from "../config/environment.ts";
import { type LoadConfigOptions, loadConfig } from "../config/storewatch-config.ts";
import { type Demo, startDemo } from "../demo/index.ts";
import { systemClock } from "../kernel/clock.ts";
import { createLogger } from "../kernel/logger.ts";
import { runUntilStopped } from "./lifecycle.ts";
import { ownUrl, startStorewatch } from "./storewatch.ts";

export interface DemoRunOptions {
  readonly data?: string;
  readonly listen?: string;
  /** Undefined: without the example shop. */
  readonly shopPort: number | undefined;
}

/** Runs until a signal ends it. Throws ConfigError and StorewatchError when it cannot start. */
export async function runDemo({ data, listen, shopPort }: DemoRunOptions): Promise<void> {
  const environment = systemEnvironment();
  const load: LoadConfigOptions = {
    flags: { ...(data === undefined ? {} : { data }), ...(listen === undefined ? {} : { listen }) },
    workingDir: process.cwd(),
    environment,
  };
  const config = loadConfig(load);
  const logger = createLogger("warn");
  await runUntilStopped(async () => {
    let demo: Demo | undefined;
    const running = await startStorewatch({
      config,
      readConfig: () => loadConfig(load),
      environment,
      clock: systemClock,
      logger,
      async demo({ hub }) {
        demo = await startDemo({
          dataDir: config.dataDir,
          shopPort,
          clock: systemClock,
          logger,
          rumEndpoint: ownUrl(config),
          environment,
          onInboxChange: () => hub.publish("inbox"),
        });
        return {
          tenants: demo.tenants,
          routes: [demo.routes],
          prometheusFile: demo.configFiles.prometheus,
          alertmanagerFile: demo.configFiles.alertmanager,
          rumKeys: demo.rumKeys,
          stop: () => demo!.stop(),
        };
      },
    });
    printWelcome(running.url, config.dataDir, demo!, await running.signInLink());
    return running;
  }, logger);
}

function printWelcome(url: string, dataDir: string, demo: Demo, link: string): void {
  const rows: Array<readonly [string, string]> = [
    ["Storewatch", url],
    ...(demo.shopUrl ? [["Example shop", demo.shopUrl] as const] : []),
    ...Object.entries(demo.providerUrls).map(([name, address]) => [`  payment: ${name}`, address] as const),
    ["Mailbox (SMTP)", `127.0.0.1:${demo.smtpPort}`],
    ["Webhook inbox", demo.inboxUrl],
    ["Data", dataDir],
  ];
  console.log();
  for (const [name, value] of rows) console.log(`  ${name.padEnd(22)}${value}`);
  if (demo.shopUrl) {
    console.log("\n  Break something:      npm run fault -- error-burst --tenant acme");
    console.log("  Stop:                 Ctrl-C");
  }
  console.log(`\n  Sign in (once, within 10 minutes):\n  ${link}`);
}
