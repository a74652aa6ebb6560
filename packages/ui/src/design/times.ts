// Times for people: absolute and relative, in the viewer's own zone.
import { type Language, THIN } from "./numbers.ts";

const pad = (value: number): string => String(value).padStart(2, "0");

/** "14:02" */
export function clockTime(ms: number, withSeconds = false): string {
  const date = new Date(ms);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}${withSeconds ? `:${pad(date.getSeconds())}` : ""}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** "22 Nov", in Vietnamese "22/11". */
export function day(ms: number, language: Language): string {
  const date = new Date(ms);
  return language === "vi"
    ? `${date.getDate()}/${date.getMonth() + 1}`
    : `${date.getDate()} ${MONTHS[date.getMonth()]}`;
}

const sameDay = (a: number, b: number): boolean => new Date(a).toDateString() === new Date(b).toDateString();

/** "14:02" today, "22 Nov 14:02" before. */
export function moment(ms: number, nowMs: number, language: Language, withSeconds = false): string {
  const time = clockTime(ms, withSeconds);
  return sameDay(ms, nowMs) ? time : `${day(ms, language)} ${time}`;
}

/** "12 min" between two times: one unit, rounded down. */
export function span(ms: number, language: Language): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const words = language === "vi" ? ["giây", "phút", "giờ", "ngày"] : ["s", "min", "h", "d"];
  if (seconds < 60) return `${seconds}${THIN}${words[0]}`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${THIN}${words[1]}`;
  if (seconds < 172_800) {
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
    return `${hours}${THIN}${words[2]}${hours < 10 && minutes > 0 ? ` ${minutes}${THIN}${words[1]}` : ""}`;
  }
  return `${Math.floor(seconds / 86_400)}${THIN}${words[3]}`;
}

/** "Asia/Ho_Chi_Minh (UTC+7)" */
export function zoneName(nowMs: number): string {
  const minutes = -new Date(nowMs).getTimezoneOffset();
  const sign = minutes < 0 ? "−" : "+";
  const hours = Math.floor(Math.abs(minutes) / 60);
  const rest = Math.abs(minutes) % 60;
  const offset = minutes === 0 ? "UTC" : `UTC${sign}${hours}${rest > 0 ? `:${pad(rest)}` : ""}`;
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return name === "UTC" ? "UTC" : `${name} (${offset})`;
}
