import { HttpException, Inject, Injectable } from "@nestjs/common";
import { BusinessMetricsService } from "@storewatch/sdk/nest";
import { OrderMails } from "../orders/order-mails.ts";
import { type Order, OrdersService } from "../orders/orders.service.ts";
import { type Cart, CartsService } from "./carts.service.ts";
import { type Charge, PAYMENT_PROVIDER, type PaymentProvider } from "./payments.ts";

const PAYMENT_REQUIRED = 402;

@Injectable()
export class CheckoutService {
  constructor(
    private readonly carts: CartsService,
    private readonly orders: OrdersService,
    private readonly mails: OrderMails,
    private readonly business: BusinessMetricsService,
    @Inject(PAYMENT_PROVIDER) private readonly payments: PaymentProvider,
  ) {}

  async pay(cartId: string, card: string, sessionId?: string): Promise<Order> {
    const cart = this.carts.get(cartId);
    this.business.trackCheckoutStep({ step: "payment", cartId });
    const total = cart.products.reduce((sum, product) => sum + product.price, 0);
    const currency = cart.products[0]?.currency ?? "VND";
    const outcome = await this.charge({ amount: total, currency, card });
    const status = outcome === "approved" ? "paid" : "declined";
    const order = this.orders.add({ cart: cart.id, status, total, currency });
    this.track(order, cart, sessionId);
    // An HttpException below 500 is an answer; it is no error to anybody who watches.
    if (status === "declined") throw new HttpException("the card was declined", PAYMENT_REQUIRED);
    this.carts.close(cartId);
    this.mails.confirm(order);
    return order;
  }

  /** The tenant is the request's: nobody has to pass it on. */
  private track(order: Order, cart: Cart, sessionId: string | undefined): void {
    const { status, total, currency } = order;
    const session = sessionId === undefined ? {} : { sessionId };
    this.business.trackOrderCreated({ status, total, currency, cartId: cart.id, ...session });
  }

  private async charge(charge: Charge): Promise<"approved" | "declined"> {
    const provider = this.payments.name;
    try {
      const outcome = await this.payments.charge(charge);
      this.business.trackPaymentAttempt({ provider, outcome });
      return outcome;
    } catch (error) {
      this.business.trackPaymentAttempt({ provider, outcome: "error" });
      throw error;
    }
  }
}
