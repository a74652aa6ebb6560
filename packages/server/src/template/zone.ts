// Time zones through Intl: offset and abbreviation of an instant in an IANA zone.

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
      era: "short",
    });
    formats.set(zone, format);
  }
  return format;
}

export function isZone(zone: string): boolean {
  if (zone === "" || zone === "UTC" || zone === "Local") return true;
  // Intl also takes "+07:00", which Go's database does not hold.
  if (!/^[A-Za-z]/.test(zone)) return false;
  try {
    formatOf(zone);
    return true;
  } catch {
    return false;
  }
}

export function offsetSecondsAt(zone: string, ms: number): number {
  if (zone === "" || zone === "UTC" || zone === "Local") return 0;
  const parts = Object.fromEntries(
    formatOf(zone)
      .formatToParts(ms)
      .map((part) => [part.type, part.value]),
  );
  const year = parts.era === "BC" ? 1 - Number(parts.year) : Number(parts.year);
  const wall = new Date(0);
  wall.setUTCFullYear(year, Number(parts.month) - 1, Number(parts.day));
  wall.setUTCHours(Number(parts.hour), Number(parts.minute), Number(parts.second));
  return Math.round((wall.getTime() - Math.floor(ms / 1000) * 1000) / 1000);
}

/** Abbreviations of zones for which English locales only know GMT+N. */
const FIXED: Readonly<Record<string, string>> = {
  "Asia/Tokyo": "JST",
  "Asia/Seoul": "KST",
  "Asia/Shanghai": "CST",
  "Asia/Taipei": "CST",
  "Asia/Hong_Kong": "HKT",
  "Asia/Manila": "PST",
  "Asia/Jakarta": "WIB",
  "Asia/Kolkata": "IST",
  "Asia/Calcutta": "IST",
  "Asia/Karachi": "PKT",
  "Africa/Lagos": "WAT",
  "Africa/Nairobi": "EAT",
  "Africa/Johannesburg": "SAST",
  "Africa/Cairo": "EET",
  "Europe/Moscow": "MSK",
};
/** Locales that know the abbreviations of their own part of the world. */
const LOCALES = ["en-US", "en-GB", "en-AU", "en-NZ", "en-CA"];

export function abbreviationAt(zone: string, ms: number, offsetSeconds: number): string {
  if (zone === "" || zone === "UTC" || zone === "Local") return "UTC";
  const fixed = FIXED[zone];
  if (fixed) return fixed;
  for (const locale of LOCALES) {
    const parts = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: "short" }).formatToParts(ms);
    const name = parts.find((part) => part.type === "timeZoneName")?.value ?? "";
    if (/^[A-Z]{2,5}$/.test(name)) return name;
  }
  const size = Math.abs(offsetSeconds);
  const minutes = Math.floor(size / 60) % 60;
  const hours = String(Math.floor(size / 3600)).padStart(2, "0");
  return `${offsetSeconds < 0 ? "-" : "+"}${hours}${minutes ? String(minutes).padStart(2, "0") : ""}`;
}
