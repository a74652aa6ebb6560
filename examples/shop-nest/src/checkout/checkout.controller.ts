import { BadRequestException, Body, Controller, Headers, Param, Post, UseGuards } from "@nestjs/common";
import { TenantGuard } from "@storewatch/sdk/nest";
import { CartsService } from "./carts.service.ts";
import { CheckoutService } from "./checkout.service.ts";

@Controller("carts")
@UseGuards(TenantGuard)
export class CheckoutController {
  constructor(
    private readonly carts: CartsService,
    private readonly checkout: CheckoutService,
  ) {}

  @Post()
  open(@Body("product") product: unknown) {
    return this.carts.add(textOf(product, "product"));
  }

  @Post(":cart/products")
  add(@Param("cart") cart: string, @Body("product") product: unknown) {
    return this.carts.add(textOf(product, "product"), cart);
  }

  @Post(":cart/payment")
  pay(@Param("cart") cart: string, @Body("card") card: unknown, @Headers("x-session-id") sessionId?: string) {
    return this.checkout.pay(cart, textOf(card, "card"), sessionId);
  }
}

function textOf(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "") throw new BadRequestException(`${name} is a text`);
  return value;
}
