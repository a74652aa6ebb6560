import { Inject, Injectable, type OnModuleDestroy } from "@nestjs/common";
import type { SafeCounter, Storewatch } from "@storewatch/sdk";
import { AppMetrics, STOREWATCH } from "@storewatch/sdk/nest";
import type { Order } from "./orders.service.ts";

const WAITING_MAX = 1000;

/**
 * A queue in this process, worked off by a timer: work that no request starts. `sw.context.run` gives each message the
 * context that a request would have, so that the counter below carries the right shop, like everything it calls.
 */
@Injectable()
export class OrderMails implements OnModuleDestroy {
  private readonly waiting: Order[] = [];
  private readonly sent: SafeCounter;
  private readonly timer: NodeJS.Timeout;

  constructor(
    @Inject(STOREWATCH) private readonly sw: Storewatch,
    metrics: AppMetrics,
  ) {
    // `tenant_id` fills itself from the context.
    this.sent = metrics.counter({
      name: "order_mails_sent_total",
      help: "Confirmations that were sent to customers",
      labelNames: ["tenant_id"],
    });
    metrics.observedGauge(
      { name: "order_mails_waiting", help: "Confirmations in the queue" },
      () => this.waiting.length,
    );
    this.timer = setInterval(() => this.work(), 50);
  }

  confirm(order: Order): void {
    if (this.waiting.length < WAITING_MAX) this.waiting.push(order);
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
    this.work();
  }

  private work(): void {
    for (const order of this.waiting.splice(0)) {
      this.sw.context.run({ tenantId: order.tenantId }, () => this.send(order));
    }
  }

  private send(_order: Order): void {
    this.sent.inc();
  }
}
