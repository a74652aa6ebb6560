// Entry of the payment providers' process: "paynow" and "vietpay", each on its own free port.
import { exitWithParent, type ToProviders, tellParent } from "./messages.ts";
import { PaymentProvider } from "./provider.ts";
import { seededRandom } from "./random.ts";

export const PROVIDERS = ["paynow", "vietpay"] as const;

exitWithParent();
const providers = new Map(
  PROVIDERS.map((name, i) => [
    name as string,
    new PaymentProvider({
      name,
      random: seededRandom(1000 + i),
      declineShare: 0.02,
      latencyMs: { min: 15, max: 70 + 30 * i },
    }),
  ]),
);
const wanted = JSON.parse(process.argv[2] ?? "{}") as Readonly<Record<string, number>>;
const ports: Record<string, number> = {};
for (const [name, provider] of providers) ports[name] = await provider.listen(wanted[name]);
process.on("message", (message: ToProviders) => {
  const done =
    message.kind === "all-up"
      ? Promise.all([...providers.values()].map((provider) => provider.setDown(null, false)))
      : providers.get(message.name)?.setDown(message.merchant, message.down);
  done?.catch((error: unknown) => tellParent({ kind: "failed", message: String(error) }));
});
tellParent({ kind: "ready", ports });
