// Checks of single values.

/** Slack's API for bots; the webhook-free way in. */
export const SLACK_API = "https://slack.com/api/chat.postMessage";

/** `host:port`, `:port` or `[v6]:port`; the host may be empty. */
export function splitHostPort(address: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(address);
  if (!match) return undefined;
  const port = Number(match[3]);
  return port > 65_535 ? undefined : { host: match[1] ?? match[2], port };
}

export function isTemplate(value: string): boolean {
  return value.includes("{{");
}

/** Every `{{` has its `}}`: what can be said without running the template. */
export function templateProblem(value: string): string | undefined {
  let rest = value;
  for (;;) {
    const open = rest.indexOf("{{");
    if (open < 0) return undefined;
    const close = rest.indexOf("}}", open);
    if (close < 0) return "invalid template syntax: unclosed action";
    rest = rest.slice(close + 2);
  }
}
