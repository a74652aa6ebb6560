import { Injectable } from "@nestjs/common";
import { currentContext } from "@storewatch/sdk";

export interface Order {
  readonly id: number;
  readonly tenantId: string;
  readonly cart: string;
  readonly status: "paid" | "declined";
  readonly total: number;
  readonly currency: string;
}

const ORDERS_MAX = 10_000;

@Injectable()
export class OrdersService {
  private readonly orders: Order[] = [];
  private nextId = 1;

  /** Books an order for the shop whose request runs. */
  add(order: Omit<Order, "id" | "tenantId">): Order {
    const booked = { id: this.nextId++, tenantId: currentContext()?.tenantId ?? "", ...order };
    this.orders.push(booked);
    if (this.orders.length > ORDERS_MAX) this.orders.shift();
    return booked;
  }

  ofThisShop(): readonly Order[] {
    const tenantId = currentContext()?.tenantId;
    return this.orders.filter((order) => order.tenantId === tenantId);
  }
}
