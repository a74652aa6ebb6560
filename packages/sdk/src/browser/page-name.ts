// A page's name: a template such as /products/:id, never the address of one product or one customer.

const LENGTH_MAX = 100;
/**
 * A part of a path that stands for one thing out of many: a number, three digits in a row, a hexadecimal id, anything
 * escaped or with an @ (names and mail addresses), anything long.
 */
const ID = /^\d+$|\d{3}|[%@]|.{33}|^(?=.*\d)[\da-f-]{8,}$/i;

/** `/orders/4711/items?x=1` → `/orders/:id/items`. The server does the same with what it gets. */
export function pageTemplate(path: string): string {
  const parts = path.split(/[?#;]/, 1)[0].split("/");
  return parts
    .map((part) => (ID.test(part) ? ":id" : part))
    .join("/")
    .slice(0, LENGTH_MAX);
}
