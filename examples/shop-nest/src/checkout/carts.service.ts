import { randomUUID } from "node:crypto";
import { Injectable, NotFoundException } from "@nestjs/common";
import { currentContext } from "@storewatch/sdk";
import { BusinessMetricsService } from "@storewatch/sdk/nest";
import { type Product, ProductsService } from "../catalog/products.service.ts";

export interface Cart {
  readonly id: string;
  readonly tenantId: string | undefined;
  readonly products: Product[];
}

const CARTS_MAX = 10_000;

@Injectable()
export class CartsService {
  private readonly carts = new Map<string, Cart>();

  constructor(
    private readonly products: ProductsService,
    private readonly business: BusinessMetricsService,
  ) {}

  /** Puts a product into a cart; without an id into a new one. */
  async add(productId: string, cartId?: string): Promise<Cart> {
    const product = await this.products.one(productId);
    const cart = cartId === undefined ? this.open() : this.get(cartId);
    cart.products.push(product);
    this.business.trackCart({ cartId: cart.id });
    return cart;
  }

  /** A shop's carts are its own: another shop's id is not found. */
  get(cartId: string): Cart {
    const cart = this.carts.get(cartId);
    if (cart === undefined || cart.tenantId !== currentContext()?.tenantId)
      throw new NotFoundException(`there is no cart ${cartId}`);
    return cart;
  }

  close(cartId: string): void {
    this.carts.delete(cartId);
  }

  private open(): Cart {
    const oldest = this.carts.keys().next().value;
    if (this.carts.size >= CARTS_MAX && oldest !== undefined) this.carts.delete(oldest);
    const cart = { id: randomUUID(), tenantId: currentContext()?.tenantId, products: [] };
    this.carts.set(cart.id, cart);
    return cart;
  }
}
