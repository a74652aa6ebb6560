import { Injectable, NotFoundException } from "@nestjs/common";
import { PerformanceService } from "@storewatch/sdk/nest";

export interface Product {
  readonly id: string;
  readonly name: string;
  /** In whole units of the currency. */
  readonly price: number;
  readonly currency: string;
}

const CATALOGUE: readonly Product[] = [
  { id: "tea", name: "Green tea", price: 120_000, currency: "VND" },
  { id: "pot", name: "Tea pot", price: 350_000, currency: "VND" },
  { id: "cup", name: "Cup", price: 45_000, currency: "VND" },
];

@Injectable()
export class ProductsService {
  constructor(private readonly performance: PerformanceService) {}

  /** Where a shop asks its database: `timeQuery` counts what is slow, and notes the text without its values. */
  all(): Promise<readonly Product[]> {
    return this.performance.timeQuery("SELECT id, name, price FROM products", () => CATALOGUE);
  }

  async one(id: string): Promise<Product> {
    const found = (await this.all()).find((product) => product.id === id);
    if (found === undefined) throw new NotFoundException(`there is no product ${id}`);
    return found;
  }
}
