// The words around prices, what is left, and sales.

import { money } from "../logic/money";
import { shortTime } from "../logic/time";
import { plural } from "../logic/words";
import type { Event, Sale, Tier, TierAvailability } from "../wire";

export function saleLine(s: Sale, e: Event): string {
  switch (s.state) {
    case "scheduled": return (s.lobby_opens_at_ms ? `lobby from ${shortTime(s.lobby_opens_at_ms, e.time_zone)}, ` : "") + `opens ${shortTime(s.opens_at_ms, e.time_zone)}`;
    case "lobby": return `opens ${shortTime(s.opens_at_ms, e.time_zone)}`;
    case "drawing": return "opens in a moment";
    case "closing": return "nobody can join any more";
    case "open": return `until ${shortTime(s.closes_at_ms, e.time_zone)}`;
    case "paused": return s.pause_reason || "for a moment; places are kept";
    case "closed": return `on ${shortTime(s.closes_at_ms, e.time_zone)}`;
    default: return "";
  }
}

export function availabilityWords(a?: TierAvailability): string {
  if (!a) return "";
  if (a.free > 0) return a.free <= 20 ? `only ${a.free} left` : plural(a.free, "ticket") + " left";
  return a.held > 0 ? "none free now; held ones may come back" : "sold out";
}

export function fullPrice(t: Tier, currency: string): string {
  return money(t.price_minor + t.fee_minor, currency);
}
