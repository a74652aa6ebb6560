import { seededRandom } from "./random.ts";
import type { Currency, ShopTenant, Trade } from "./tenants.ts";

export interface Product {
  readonly id: string;
  readonly name: string;
  /** In whole units of the shop's currency (VND) or with cents (USD, THB). */
  readonly price: number;
}

/** Products and their prices in VND. */
const GOODS: Readonly<Record<Trade, ReadonlyArray<readonly [string, number]>>> = {
  electronics: [
    ["Tai nghe không dây", 1_290_000],
    ["Bàn phím cơ", 1_850_000],
    ["Sạc nhanh 65 W", 590_000],
    ["Loa Bluetooth", 990_000],
    ["Chuột không dây", 450_000],
    ["Ổ cứng SSD 1 TB", 2_190_000],
    ["Camera an ninh", 790_000],
    ["Đồng hồ thông minh", 2_790_000],
  ],
  fashion: [
    ["Áo dài lụa", 1_450_000],
    ["Áo sơ mi linen", 420_000],
    ["Quần jeans", 560_000],
    ["Váy hoa", 650_000],
    ["Khăn lụa", 380_000],
    ["Túi da", 1_250_000],
    ["Giày thể thao", 980_000],
    ["Mũ lá", 120_000],
  ],
  food: [
    ["Cà phê rang 500 g", 165_000],
    ["Nước mắm 40 độ", 98_000],
    ["Trà ô long", 220_000],
    ["Hạt điều rang muối", 185_000],
    ["Gạo ST25 5 kg", 210_000],
    ["Mật ong rừng", 260_000],
    ["Sầu riêng Ri6", 320_000],
    ["Xoài cát Hòa Lộc", 140_000],
  ],
  home: [
    ["Bộ chén gốm", 450_000],
    ["Nồi gang", 890_000],
    ["Đèn mây tre", 370_000],
    ["Bình hoa men lam", 520_000],
    ["Thớt gỗ", 160_000],
    ["Chăn cotton", 640_000],
    ["Bó hoa hồng", 280_000],
    ["Chổi lau nhà", 230_000],
  ],
  books: [
    ["Số đỏ", 85_000],
    ["Dế Mèn phiêu lưu ký", 62_000],
    ["Nhà giả kim", 79_000],
    ["Đất rừng phương Nam", 95_000],
    ["Sapiens", 189_000],
    ["Truyện Kiều", 110_000],
    ["Atomic Habits", 168_000],
    ["The Pragmatic Programmer", 450_000],
  ],
  beauty: [
    ["Son dưỡng", 145_000],
    ["Kem chống nắng", 320_000],
    ["Sữa rửa mặt", 185_000],
    ["Tã em bé", 265_000],
    ["Dầu gội bưởi", 135_000],
    ["Nước hoa hồng", 210_000],
    ["Sữa bột", 495_000],
    ["Mặt nạ nghệ", 90_000],
  ],
};

const VND_PER: Readonly<Record<Currency, number>> = { VND: 1, THB: 720, USD: 25_000 };

/** The catalogue of one shop: the same at every start. */
export function catalogueOf(tenant: ShopTenant): readonly Product[] {
  const random = seededRandom([...tenant.id].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) >>> 0, 7));
  return GOODS[tenant.trade].flatMap(([name, vnd], index) =>
    ["", " (combo 2)", " (cao cấp)"].map((suffix, variant) => ({
      id: `p${index * 3 + variant + 1}`,
      name: `${name}${suffix}`,
      price: roundPrice((vnd * [1, 1.85, 2.4][variant] * (0.85 + random() * 0.3)) / VND_PER[tenant.currency], tenant),
    })),
  );
}

function roundPrice(price: number, tenant: ShopTenant): number {
  return tenant.currency === "VND" ? Math.round(price / 1000) * 1000 : Math.round(price * 100) / 100;
}

/** Money for people: `1.290.000 ₫`, `$51.20`. */
export function formatMoney(amount: number, currency: Currency): string {
  const locale = currency === "VND" ? "vi-VN" : currency === "THB" ? "th-TH" : "en-US";
  return new Intl.NumberFormat(locale, { style: "currency", currency }).format(amount);
}
