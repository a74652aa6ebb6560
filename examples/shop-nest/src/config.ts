import { Injectable, Module } from "@nestjs/common";

/** What the environment says, read once. */
@Injectable()
export class ShopConfig {
  readonly port = Number(process.env.PORT ?? 9790);
  readonly metricsPort = Number(process.env.METRICS_PORT ?? 9791);
  /** Whoever reads the metrics shows this. Without it they are on loopback alone, and the controller's are closed. */
  readonly metricsToken = process.env.METRICS_TOKEN ?? "";
  readonly version = process.env.SHOP_VERSION ?? "1.0.0";
  /** The shops on this platform. */
  readonly tenants = (process.env.SHOPS ?? "acme,bep-nha").split(",");
  /** Milliseconds between "not ready" and closing the door: more than a period of the readiness probe. */
  readonly noticeMs = Number(process.env.NOTICE_MS ?? 5000);
}

@Module({ providers: [ShopConfig], exports: [ShopConfig] })
export class ConfigModule {}
