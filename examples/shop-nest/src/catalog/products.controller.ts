import { Controller, Get, Headers, Param, UseGuards } from "@nestjs/common";
import { BusinessMetricsService, TenantGuard } from "@storewatch/sdk/nest";
import { ProductsService } from "./products.service.ts";

@Controller("products")
@UseGuards(TenantGuard) // no shop, no catalogue: 400
export class ProductsController {
  constructor(
    private readonly products: ProductsService,
    private readonly business: BusinessMetricsService,
  ) {}

  @Get()
  list(@Headers("x-session-id") sessionId?: string) {
    this.business.trackVisit({ ...(sessionId === undefined ? {} : { sessionId }) });
    return this.products.all();
  }

  @Get(":id")
  one(@Param("id") id: string) {
    return this.products.one(id);
  }
}
