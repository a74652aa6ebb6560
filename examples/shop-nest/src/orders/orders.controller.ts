import { Controller, Get, UseGuards } from "@nestjs/common";
import { TenantGuard } from "@storewatch/sdk/nest";
import { OrdersService } from "./orders.service.ts";

@Controller("orders")
@UseGuards(TenantGuard)
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Get()
  list() {
    return this.orders.ofThisShop();
  }
}
