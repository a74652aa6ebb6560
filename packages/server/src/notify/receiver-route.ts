// /api/storewatch/v1/receivers: how each way of telling people fares, and the test button.
import type { Clock } from "@storewatch/model";
import { receiverListSchema, receiverTestResultSchema, receiverTestSchema } from "@storewatch/model/api";
import type { FastifyPluginAsync } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { StorewatchError } from "../kernel/errors.ts";
import { KeyedBuckets } from "../kernel/limits.ts";
import type { Principal } from "../tenant/principal.ts";
import type { Notifier } from "./notifier.ts";
import { sampleNotification } from "./test-delivery.ts";

export interface ReceiverRouteOptions {
  readonly notifier: Pick<Notifier, "receivers" | "test">;
  readonly clock: Clock;
  readonly externalUrl: string;
}

/** For each receiver: three at once, then one every 10 s. People read what they test. */
const TESTS = { burst: 3, perSecond: 0.1 };
/** For all together: a script that goes through a hundred receivers should not mail a hundred teams at once. */
const ALL_TESTS = { burst: 12, perSecond: 0.5 };

const URL = "/api/storewatch/v1/receivers";
const tags = ["receivers"];

export function receiverRoutes({ notifier, clock, externalUrl }: ReceiverRouteOptions): FastifyPluginAsync {
  const perReceiver = new KeyedBuckets(clock, TESTS, 1000);
  const together = new KeyedBuckets(clock, ALL_TESTS, 1);
  const limit = (receiver: string) => {
    const seconds = together.take("all") || perReceiver.take(receiver);
    if (seconds === 0) return;
    const reason = "too many test notifications";
    throw new StorewatchError("LIMIT", { reason, seconds: Math.max(1, Math.ceil(seconds)) });
  };
  return async (instance) => {
    const app = instance.withTypeProvider<ZodTypeProvider>();
    app.get(
      URL,
      {
        config: { access: "viewer" },
        schema: {
          summary: "Receivers, and how each of their integrations fares",
          tags,
          response: { 200: receiverListSchema },
        },
      },
      async (request) => {
        mustSeeAll(request.principal);
        return { receivers: await notifier.receivers() };
      },
    );
    app.post(
      `${URL}/:name/test`,
      {
        config: { access: "editor" },
        schema: {
          summary: "Send a made-up notification to a receiver",
          tags,
          params: z.object({ name: z.string().min(1).max(500) }),
          body: receiverTestSchema.nullish(),
          response: { 200: receiverTestResultSchema },
        },
      },
      async (request) => {
        mustSeeAll(request.principal);
        const { name } = request.params;
        const { integration, status } = receiverTestSchema.parse(request.body ?? {});
        if (!(await notifier.receivers()).some((receiver) => receiver.name === name)) throw unknownReceiver(name);
        limit(name);
        const data = sampleNotification({ receiver: name, status, externalUrl, nowMs: clock.nowMs() });
        const results = await notifier.test(data, integration);
        if (!results) throw unknownReceiver(`${name}, ${integration}`);
        return { results };
      },
    );
  };
}

function unknownReceiver(name: string): StorewatchError {
  return new StorewatchError("NOT_FOUND", { what: `receiver ${name}` });
}

/** Where notifications go is the platform's matter, not one shop's. */
function mustSeeAll({ role, scope }: Principal): void {
  if (scope.kind !== "all") throw new StorewatchError("FORBIDDEN", { role, needed: "a credential for all shops" });
}
