// Who is at the other end of an integration.

/** Read by programs: they are told everything, unless the configuration says otherwise. */
const MACHINES: ReadonlySet<string> = new Set(["webhook", "http"]);

/** Services that keep an incident for each group open until they are told of its end. */
const INCIDENTS: ReadonlySet<string> = new Set(["pagerduty", "opsgenie", "victorops"]);

export function isMachine(kind: string): boolean {
  return MACHINES.has(kind);
}

export function keepsIncidents(kind: string): boolean {
  return INCIDENTS.has(kind);
}
