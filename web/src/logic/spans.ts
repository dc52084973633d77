// Lengths, shares and moments, where more is told than on the first screen of a fan's page.

import type { SaleState } from "../wire";
import { format } from "./time";
import { count, locale, saleWords } from "./words";

/** A moment to the second, with its day: `21 Nov, 20:00:05`. */
export function stamp(ms: number, zone?: string): string {
  return format(ms, zone, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
/** A time of day, with its day where that is not today. */
export function soonTime(ms: number, zone: string | undefined, nowMs: number): string {
  const day: Intl.DateTimeFormatOptions = { day: "numeric", month: "short", year: "numeric" };
  return format(ms, zone, { ...(format(ms, zone, day) !== format(nowMs, zone, day) && { day: "numeric", month: "short" }), hour: "2-digit", minute: "2-digit" });
}
/** A length of time with its parts: `3 h 5 min`, `4 min 10 s`, `12 s`. */
export function lasted(ms: number): string {
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return s % 60 ? `${min} min ${s % 60} s` : `${min} min`;
  return min % 60 ? `${count(Math.floor(min / 60))} h ${min % 60} min` : `${count(Math.floor(min / 60))} h`;
}

export function percent(share: number): string {
  return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: share > 0 && share < 0.095 ? 1 : 0 }).format(share);
}

/** What a sale is doing; an emergency stop is more than a pause. */
export function stateWords(s: { state: SaleState; stopped?: boolean }): string {
  return s.stopped ? "Stopped" : saleWords[s.state];
}
