// The shops on the platform. Their order is their size: the first is the largest (Zipf).

export type Currency = "VND" | "USD" | "THB";

export interface ShopTenant {
  readonly id: string;
  readonly name: string;
  readonly tier: "gold" | "silver" | "bronze";
  readonly city: string;
  /** IANA name. */
  readonly timezone: string;
  readonly currency: Currency;
  /** What it sells: decides the catalogue. */
  readonly trade: Trade;
}

export type Trade = "electronics" | "fashion" | "food" | "home" | "books" | "beauty";

const HCMC = "Asia/Ho_Chi_Minh";

export const TENANTS: readonly ShopTenant[] = [
  shop("thegioiso", "Thế Giới Số", "gold", "Ho Chi Minh City", HCMC, "VND", "electronics"),
  shop("sen-mart", "Sen Mart", "gold", "Hà Nội", HCMC, "VND", "food"),
  shop("aodai-store", "Áo Dài Store", "gold", "Huế", HCMC, "VND", "fashion"),
  shop("siam-style", "Siam Style", "gold", "Bangkok", "Asia/Bangkok", "THB", "fashion"),
  shop("bepnha", "Bếp Nhà", "silver", "Hà Nội", HCMC, "VND", "home"),
  shop("nhasach-phuongnam", "Nhà Sách Phương Nam", "silver", "Ho Chi Minh City", HCMC, "VND", "books"),
  shop("acme", "Acme Outfitters", "silver", "Portland", "America/Los_Angeles", "USD", "fashion"),
  shop("caphe-buonme", "Cà Phê Buôn Mê", "silver", "Buôn Ma Thuột", HCMC, "VND", "food"),
  shop("mypham-xanh", "Mỹ Phẩm Xanh", "silver", "Đà Nẵng", HCMC, "VND", "beauty"),
  shop("dienmay-hoangha", "Điện Máy Hoàng Hà", "silver", "Hải Phòng", HCMC, "VND", "electronics"),
  shop("chiangmai-craft", "Chiang Mai Craft", "silver", "Chiang Mai", "Asia/Bangkok", "THB", "home"),
  shop("traicay-miennam", "Trái Cây Miền Nam", "bronze", "Cần Thơ", HCMC, "VND", "food"),
  shop("gom-battrang", "Gốm Bát Tràng", "bronze", "Hà Nội", HCMC, "VND", "home"),
  shop("lua-baoloc", "Lụa Bảo Lộc", "bronze", "Bảo Lộc", HCMC, "VND", "fashion"),
  shop("brooklyn-books", "Brooklyn Books", "bronze", "New York", "America/New_York", "USD", "books"),
  shop("hoatuoi-dalat", "Hoa Tươi Đà Lạt", "bronze", "Đà Lạt", HCMC, "VND", "home"),
  shop("tra-thainguyen", "Trà Thái Nguyên", "bronze", "Thái Nguyên", HCMC, "VND", "food"),
  shop("mebe-vn", "Mẹ & Bé", "bronze", "Biên Hòa", HCMC, "VND", "beauty"),
  shop("berlin-audio", "Berlin Audio", "bronze", "Berlin", "Europe/Berlin", "USD", "electronics"),
  shop("namngu-phuquoc", "Nước Mắm Phú Quốc", "bronze", "Phú Quốc", HCMC, "VND", "food"),
];

const BY_ID = new Map(TENANTS.map((tenant) => [tenant.id, tenant]));

export function tenantById(id: string): ShopTenant | undefined {
  return BY_ID.get(id);
}

/** Exponent of the size law: with 20 shops the largest has 16 % of the visits, the smallest 2.6 %. */
const ZIPF_EXPONENT = 0.6;

/** Share of all visits of each shop, in the order of TENANTS; the sum is 1. */
export function tenantShares(): readonly number[] {
  const weights = TENANTS.map((_, rank) => (rank + 1) ** -ZIPF_EXPONENT);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

function shop(
  id: string,
  name: string,
  tier: ShopTenant["tier"],
  city: string,
  timezone: string,
  currency: Currency,
  trade: Trade,
): ShopTenant {
  return { id, name, tier, city, timezone, currency, trade };
}
