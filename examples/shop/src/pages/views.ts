// The bodies of the storefront's pages.
import { formatMoney, type Product } from "../catalogue.ts";
import type { CartLine } from "../orders.ts";
import type { OrderRow } from "../store/shop-session.ts";
import { type ShopTenant, TENANTS } from "../tenants.ts";
import { type Html, html } from "./html.ts";
import { documentOf } from "./layout.ts";
import { picture } from "./pictures.ts";
import { textsOf } from "./texts.ts";

/** Where visitors come in who name no shop. */
export function platformPage(): string {
  const cards = TENANTS.map(
    (tenant, i) => html`<a class="card" href="/t/${tenant.id}/">${picture(tenant.trade, i)}
<span class="name">${tenant.name}</span><span class="quiet">${tenant.city} · ${tenant.currency}</span></a>`,
  );
  const body = html`<header class="top"><div class="wide"><span class="brand"><span class="mark" aria-hidden="true">S</span><span>Storewatch example shops<small>20 shops on one platform</small></span></span><a class="basket" href="/admin">Administration</a></div></header>
<main class="wide"><h1>Shops</h1><div class="grid">${cards}</div></main>`;
  return documentOf({ language: "en", title: "Example shops", body });
}

export function homeView(tenant: ShopTenant, products: readonly Product[], query: string): Html {
  const texts = textsOf(tenant);
  const title = query === "" ? texts.allProducts : `${texts.search}: ${query}`;
  return html`<h1>${title}</h1>${
    products.length > 0 ? productGrid(tenant, products) : html`<p class="quiet">${texts.nothingFound}</p>`
  }`;
}

export function itemView(tenant: ShopTenant, product: Product, related: readonly Product[]): Html {
  const texts = textsOf(tenant);
  return html`<article class="item">${picture(tenant.trade, toneOf(product))}<div>
<h1>${product.name}</h1><p class="price">${formatMoney(product.price, tenant.currency)}</p><p class="stock">${texts.inStock}</p>
<form method="post" action="/t/${tenant.id}/cart" class="buy"><input type="hidden" name="productId" value="${product.id}">
<input type="hidden" name="how" value="add">
<label>${texts.quantity} <input type="number" name="quantity" value="1" min="1" max="99" required></label>
<button class="button">${texts.addToCart}</button></form></div></article>
<h2>${texts.related}</h2>${productGrid(tenant, related)}`;
}

export function cartView(tenant: ShopTenant, lines: readonly CartLine[]): Html {
  const texts = textsOf(tenant);
  const base = `/t/${tenant.id}`;
  if (lines.length === 0)
    return html`<div class="notice"><h1>${texts.cart}</h1><p>${texts.emptyCart}</p><a class="button" href="${base}/">${texts.continueShopping}</a></div>`;
  const rows = lines.map(
    ({ product, quantity }) => html`<li>${picture(tenant.trade, toneOf(product))}
<div><a href="${base}/item/${product.id}">${product.name}</a><span class="quiet">${formatMoney(product.price, tenant.currency)} ${texts.each}</span></div>
<form method="post" action="${base}/cart"><input type="hidden" name="productId" value="${product.id}"><input type="hidden" name="how" value="set">
<input type="number" name="quantity" value="${quantity}" min="0" max="99" aria-label="${texts.quantity}"><button class="plain">${texts.update}</button></form>
<form method="post" action="${base}/cart"><input type="hidden" name="productId" value="${product.id}"><input type="hidden" name="how" value="set">
<input type="hidden" name="quantity" value="0"><button class="plain" aria-label="${texts.remove}: ${product.name}">✕</button></form>
<b class="sum">${formatMoney(product.price * quantity, tenant.currency)}</b></li>`,
  );
  return html`<h1>${texts.cart}</h1><ul class="lines">${rows}</ul>
<div class="finish"><span>${texts.total} <b>${formatMoney(totalOf(lines), tenant.currency)}</b></span>
<a class="plain" href="${base}/">${texts.continueShopping}</a><a class="button" href="${base}/order">${texts.toCheckout}</a></div>`;
}

export function checkoutView(
  tenant: ShopTenant,
  lines: readonly CartLine[],
  choices: { cities: readonly string[]; providers: readonly string[] },
): Html {
  const texts = textsOf(tenant);
  const total = formatMoney(totalOf(lines), tenant.currency);
  if (choices.cities.length === 0)
    return html`<div class="notice"><h1>${texts.checkout}</h1><p>${texts.noDelivery}</p></div>`;
  return html`<h1>${texts.checkout}</h1><form method="post" action="/t/${tenant.id}/order" class="checkout">
<label>${texts.deliverTo}<select name="city">${choices.cities.map((city) => html`<option>${city}</option>`)}</select></label>
${payChoices(texts.payWith, choices.providers)}
<p class="finish"><span>${texts.total} <b>${total}</b></span><button class="button">${texts.placeOrder}</button></p></form>`;
}

export interface ShownOrder {
  readonly order: OrderRow;
  readonly items: ReadonlyArray<{ name: string; quantity: number; price: number }>;
  readonly providers: readonly string[];
}

export function orderView(tenant: ShopTenant, { order, items, providers }: ShownOrder): Html {
  const texts = textsOf(tenant);
  const isPaid = order.status === "paid";
  const rows = items.map(
    ({ name, quantity, price }) =>
      html`<li><div>${quantity} × ${name}</div><b class="sum">${formatMoney(price * quantity, tenant.currency)}</b></li>`,
  );
  return html`<div class="notice ${isPaid ? "good" : "bad"}"><h1>${isPaid ? texts.thanks : texts.notPaid}</h1>
<p>${texts.order} <code>${order.id.slice(0, 8)}</code> · ${texts.status}: ${texts[order.status]}</p></div>
<ul class="lines">${rows}</ul><p class="finish"><span>${texts.total} <b>${formatMoney(order.total, tenant.currency)}</b></span></p>
${
  !isPaid &&
  html`<form method="post" action="/t/${tenant.id}/thanks/${order.id}" class="checkout">${payChoices(texts.payWith, providers)}<p class="finish"><button class="button">${texts.tryAgain}</button></p></form>`
}<p><a class="plain" href="/t/${tenant.id}/">${texts.continueShopping}</a></p>`;
}

function payChoices(legend: string, providers: readonly string[]): Html {
  const choices = providers.map(
    (name, i) =>
      html`<label class="choice"><input type="radio" name="provider" value="${name}" required${i === 0 && html` checked`}> ${name}</label>`,
  );
  return html`<fieldset><legend>${legend}</legend>${choices}</fieldset>`;
}

function productGrid(tenant: ShopTenant, products: readonly Product[]): Html {
  const cards = products.map(
    (
      product,
    ) => html`<a class="card" href="/t/${tenant.id}/item/${product.id}">${picture(tenant.trade, toneOf(product))}
<span class="name">${product.name}</span><span class="price">${formatMoney(product.price, tenant.currency)}</span></a>`,
  );
  return html`<div class="grid">${cards}</div>`;
}

function totalOf(lines: readonly CartLine[]): number {
  return lines.reduce((sum, { product, quantity }) => sum + product.price * quantity, 0);
}

/** Variants of a product have its colour. */
function toneOf({ id }: Product): number {
  return Math.floor((Number(id.slice(1)) - 1) / 3);
}
