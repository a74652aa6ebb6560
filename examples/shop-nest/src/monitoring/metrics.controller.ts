import { Controller, Get, Header, Inject, Injectable, UseGuards } from "@nestjs/common";
import type { Storewatch } from "@storewatch/sdk";
import { AppMetrics, MetricsAuthGuard, STOREWATCH } from "@storewatch/sdk/nest";
import { ShopConfig } from "../config.ts";

/** The SDK's guard with this shop's token. An empty token lets nobody in. */
@Injectable()
export class ShopMetricsGuard extends MetricsAuthGuard {
  constructor(config: ShopConfig) {
    super({ bearer: config.metricsToken });
  }
}

/** For those who cannot have a second port. The listener in shop-monitoring.ts is better: it is not on the public router. */
@Controller("internal")
@UseGuards(ShopMetricsGuard)
export class MetricsController {
  constructor(
    private readonly metrics: AppMetrics,
    @Inject(STOREWATCH) private readonly sw: Storewatch,
  ) {}

  @Get("metrics")
  @Header("content-type", "text/plain; version=0.0.4; charset=utf-8")
  read() {
    return this.metrics.text();
  }

  @Get("version")
  version() {
    return { service: this.sw.service, version: this.sw.version };
  }
}
