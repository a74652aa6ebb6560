import { Inject, Injectable, type OnModuleInit } from "@nestjs/common";
import { diskCheck, memoryCheck, type Storewatch } from "@storewatch/sdk";
import { BusinessMetricsService, HealthService, STOREWATCH } from "@storewatch/sdk/nest";
import { ProductsService } from "../catalog/products.service.ts";
import { PAYMENT_PROVIDER, type PaymentProvider } from "../checkout/payments.ts";
import { ShopConfig } from "../config.ts";

/** What is said once, at the start: health checks, counters that begin at 0, and where the metrics can be read. */
@Injectable()
export class ShopMonitoring implements OnModuleInit {
  constructor(
    @Inject(STOREWATCH) private readonly sw: Storewatch,
    @Inject(PAYMENT_PROVIDER) private readonly payments: PaymentProvider,
    private readonly business: BusinessMetricsService,
    private readonly health: HealthService,
    private readonly products: ProductsService,
    private readonly config: ShopConfig,
  ) {}

  async onModuleInit(): Promise<void> {
    this.health
      .check("catalogue", () => this.products.all())
      // Without payments the shop still shows its products: degraded, and still ready.
      .check("payments", () => this.payments.ping(), { critical: false, cacheMs: 200 })
      .check("memory", memoryCheck(), { critical: false })
      .check("disk", diskCheck("."), { critical: false });
    const provider = this.payments.name;
    for (const tenantId of this.config.tenants) {
      this.business.startTenant({
        tenantId,
        currencies: ["VND"],
        statuses: ["paid", "declined"],
        payments: ["approved", "declined", "error"].map((outcome) => ({ provider, outcome })),
      });
    }
    const { metricsPort, metricsToken } = this.config;
    const auth = metricsToken === "" ? {} : { auth: { bearer: metricsToken } };
    await this.sw.metrics.listen({ port: metricsPort, ...auth });
  }
}
