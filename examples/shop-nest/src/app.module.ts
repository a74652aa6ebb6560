import { Module } from "@nestjs/common";
import { StorewatchModule } from "@storewatch/sdk/nest";
import { ProductsController } from "./catalog/products.controller.ts";
import { ProductsService } from "./catalog/products.service.ts";
import { CartsService } from "./checkout/carts.service.ts";
import { CheckoutController } from "./checkout/checkout.controller.ts";
import { CheckoutService } from "./checkout/checkout.service.ts";
import { LocalPayments, PAYMENT_PROVIDER } from "./checkout/payments.ts";
import { ConfigModule, ShopConfig } from "./config.ts";
import { MetricsController, ShopMetricsGuard } from "./monitoring/metrics.controller.ts";
import { ShopMonitoring } from "./monitoring/shop-monitoring.ts";
import { OrderMails } from "./orders/order-mails.ts";
import { OrdersController } from "./orders/orders.controller.ts";
import { OrdersService } from "./orders/orders.service.ts";

/** One import sets the monitoring up: every request is watched, and the services below can be injected anywhere. */
const monitoring = StorewatchModule.forRootAsync({
  imports: [ConfigModule],
  inject: [ShopConfig],
  useFactory: (config: ShopConfig) => ({
    service: "shop-nest",
    version: config.version,
    tenant: { from: [{ header: "x-tenant-id" }], known: config.tenants },
    shutdown: { noticeMs: config.noticeMs },
  }),
});

@Module({
  imports: [monitoring, ConfigModule],
  controllers: [ProductsController, CheckoutController, OrdersController, MetricsController],
  providers: [
    ProductsService,
    CartsService,
    CheckoutService,
    OrdersService,
    OrderMails,
    ShopMonitoring,
    ShopMetricsGuard,
    { provide: PAYMENT_PROVIDER, useClass: LocalPayments },
  ],
})
export class AppModule {}
