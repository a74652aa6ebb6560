/** Text for HTML. */
export function text(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

export function page(title: string, body: string): string {
  return `<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>${text(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #14181f }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: 6px 10px; border-bottom: 1px solid #e4e8ed }
td.n { text-align: right; font-variant-numeric: tabular-nums } .on { color: #c2313a; font-weight: 600 }
</style></head><body>${body}</body></html>`;
}
