// The words of the storefront: Vietnamese for shops that sell in đồng, English for the others.
import type { ShopTenant } from "../tenants.ts";

const EN = {
  tagline: "Delivered from {city}",
  home: "Home",
  cart: "Cart",
  search: "Search",
  allProducts: "All products",
  addToCart: "Add to cart",
  quantity: "Quantity",
  each: "each",
  emptyCart: "Your cart is empty.",
  continueShopping: "Continue shopping",
  update: "Update",
  remove: "Remove",
  total: "Total",
  toCheckout: "Checkout",
  checkout: "Checkout",
  deliverTo: "Deliver to",
  payWith: "Pay with",
  placeOrder: "Place order and pay",
  noDelivery: "This shop does not deliver anywhere at the moment.",
  thanks: "Thank you for your order!",
  notPaid: "The payment did not go through.",
  tryAgain: "Try the payment again",
  order: "Order",
  status: "Status",
  inStock: "In stock",
  related: "You may also like",
  nothingFound: "Nothing found.",
  paid: "paid",
  pending: "waiting for payment",
  declined: "payment declined",
  payment_failed: "payment failed",
};

const VI: typeof EN = {
  tagline: "Giao hàng từ {city}",
  home: "Trang chủ",
  cart: "Giỏ hàng",
  search: "Tìm kiếm",
  allProducts: "Tất cả sản phẩm",
  addToCart: "Thêm vào giỏ",
  quantity: "Số lượng",
  each: "mỗi sản phẩm",
  emptyCart: "Giỏ hàng của bạn đang trống.",
  continueShopping: "Tiếp tục mua sắm",
  update: "Cập nhật",
  remove: "Xóa",
  total: "Tổng cộng",
  toCheckout: "Thanh toán",
  checkout: "Thanh toán",
  deliverTo: "Giao đến",
  payWith: "Thanh toán bằng",
  placeOrder: "Đặt hàng và thanh toán",
  noDelivery: "Hiện cửa hàng không giao hàng đến nơi nào.",
  thanks: "Cảm ơn bạn đã đặt hàng!",
  notPaid: "Thanh toán không thành công.",
  tryAgain: "Thanh toán lại",
  order: "Đơn hàng",
  status: "Trạng thái",
  inStock: "Còn hàng",
  related: "Có thể bạn cũng thích",
  nothingFound: "Không tìm thấy sản phẩm.",
  paid: "đã thanh toán",
  pending: "chờ thanh toán",
  declined: "thanh toán bị từ chối",
  payment_failed: "thanh toán thất bại",
};

export type Texts = typeof EN;

export function textsOf(tenant: ShopTenant): Texts {
  return tenant.currency === "VND" ? VI : EN;
}

export function languageOf(tenant: ShopTenant): "vi" | "en" {
  return tenant.currency === "VND" ? "vi" : "en";
}
