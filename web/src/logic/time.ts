// Times are milliseconds since 1970; people read them in a zone that is named.

import { locale } from "./words";

export function format(ms: number, zone: string | undefined, o: Intl.DateTimeFormatOptions): string {
  try {
    return new Intl.DateTimeFormat(locale(), { ...o, timeZone: zone }).format(ms);
  } catch {
    return new Intl.DateTimeFormat(locale(), { ...o, timeZone: "UTC", timeZoneName: "short" }).format(ms);
  }
}

/** `Friday, 21 November 2025 at 20:00 CET`, in the venue's zone. */
export function longTime(ms: number, zone?: string): string {
  return format(ms, zone, {
    weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });
}
export function shortTime(ms: number, zone?: string): string {
  return format(ms, zone, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
}
/** The time of day with seconds; in the reader's zone, or in one that the page names. */
export function clockTime(ms: number, zone?: string): string {
  return format(ms, zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
export function dayMonth(ms: number, zone?: string): { day: string; month: string } {
  return { day: format(ms, zone, { day: "numeric" }), month: format(ms, zone, { month: "short" }) };
}

function parts(ms: number, zone: string): number {
  const p: Record<string, number> = {};
  const f = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  for (const { type, value } of f.formatToParts(ms)) p[type] = Number(value);
  return Date.UTC(p.year!, p.month! - 1, p.day!, p.hour!, p.minute!, p.second!);
}

export function zoneExists(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone !== "";
  } catch {
    return false;
  }
}

/** What a `datetime-local` field says, meant in a zone. In the hour that a clock change repeats, the first is meant; a time
 * that a change leaves out moves forward with it. */
export function fromZoned(local: string, zone: string): number | null {
  const m = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?$/.exec(local);
  if (!m || !zoneExists(zone)) return null;
  const [y, mo, d, h, mi, s] = m.slice(1).map((x) => Number(x ?? 0)) as [number, number, number, number, number, number];
  const wall = Date.UTC(y, mo - 1, d, h, mi, s);
  const before = wall - (parts(wall - 86_400_000, zone) - (wall - 86_400_000));
  const after = wall - (parts(wall + 86_400_000, zone) - (wall + 86_400_000));
  return parts(before, zone) === wall ? before : parts(after, zone) === wall ? after : before;
}

/** For a `datetime-local` field. */
export function toZoned(ms: number, zone: string): string {
  const wall = new Date(parts(ms, zoneExists(zone) ? zone : "UTC")).toISOString();
  return wall.slice(0, wall.slice(17, 19) === "00" ? 16 : 19);
}
