// Pages of a multi-tenant shop for the benchmarks, served by a process of their own: /0 … /N-1, each with as many series as
// asked for. Values have a fixed width and are changed in place, so that serving a page costs little beside scraping it.
//   node series-target.mjs TARGETS SERIES_PER_TARGET TENANTS     prints its port
import { createServer } from "node:http";

const [targets, series, tenants] = process.argv.slice(2).map(Number);
const ROUTES = ["/", "/products", "/products/:id", "/cart", "/checkout", "/orders/:id"];
const BOUNDS = ["0.1", "0.3", "0.5", "0.7", "1", "3", "5", "7", "10", "+Inf"];
const DIGITS = 12;
const HEAD =
  "# TYPE http_requests_total counter\n# TYPE http_request_duration_seconds histogram\n# TYPE orders_total counter\n";

/** The series of one shop, without values: 18 counters of requests, 72 of a histogram, 3 of orders. */
function* shopSeries(tenant) {
  for (const route of ROUTES) {
    for (const status of ["200", "404", "500"])
      yield `http_requests_total{method="GET",route="${route}",status_code="${status}",tenant_id="${tenant}"}`;
    const labels = `method="GET",route="${route}",tenant_id="${tenant}"`;
    for (const le of BOUNDS) yield `http_request_duration_seconds_bucket{${labels},le="${le}"}`;
    yield `http_request_duration_seconds_sum{${labels}}`;
    yield `http_request_duration_seconds_count{${labels}}`;
  }
  for (const status of ["created", "paid", "declined"]) yield `orders_total{status="${status}",tenant_id="${tenant}"}`;
}

class Page {
  constructor(number) {
    const lines = [];
    const places = [];
    let at = Buffer.byteLength(HEAD);
    let shop = number;
    while (lines.length < series) {
      // When there are more places than shops, a shop has more than one release on a target.
      const release = Math.floor(shop / tenants);
      for (const line of shopSeries(`shop-${shop % tenants}`)) {
        if (lines.length === series) break;
        const full = release === 0 ? line : line.replace("{", `{release="r${release}",`);
        lines.push(`${full} ${"0".repeat(DIGITS)}\n`);
        places.push(at + Buffer.byteLength(full) + DIGITS);
        at += Buffer.byteLength(full) + DIGITS + 2;
      }
      shop += targets;
    }
    this.bytes = Buffer.from(HEAD + lines.join(""));
    this.places = places;
    this.turn = number;
  }

  /** Two of three series go on by 1 to 9, the others are idle. */
  next() {
    this.turn += 1;
    for (let i = 0; i < this.places.length; i++) {
      if ((i + this.turn) % 3 !== 0) this.add(this.places[i], 1 + ((i * 7 + this.turn) % 9));
    }
    return this.bytes;
  }

  add(place, more) {
    let carry = more;
    for (let at = place; carry > 0; at--) {
      const digit = this.bytes[at] - 48 + carry;
      this.bytes[at] = 48 + (digit % 10);
      carry = digit >= 10 ? 1 : 0;
    }
  }
}

const pages = Array.from({ length: targets }, (_, number) => new Page(number));
const server = createServer((request, response) => {
  const page = pages[Number(request.url.slice(1))];
  if (!page) return response.writeHead(404).end();
  const bytes = page.next();
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4", "content-length": bytes.length });
  response.end(bytes);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
