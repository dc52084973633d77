// An event's sales in the order in which fans need them, and what is on and what comes next.

import { longTime } from "../logic/time";
import type { Event, Sale } from "../wire";

const OVER = ["closed", "sold_out"];

/** What is on or to come by its opening; what is over last. */
export function inOrder(sales: Sale[]): Sale[] {
  const over = (s: Sale): number => (OVER.includes(s.state) ? 1 : 0);
  return [...sales].sort((a, b) => over(a) - over(b) || a.opens_at_ms - b.opens_at_ms);
}

/** Where there are several sales: which is on, and which is next, in the venue's time. */
export function onAndNext(e: Event): string[] {
  if (e.sales.length < 2) return [];
  const sales = inOrder(e.sales).filter((s) => !OVER.includes(s.state));
  const on = sales.filter((s) => ["open", "paused", "closing", "drawing"].includes(s.state));
  const next = sales.find((s) => s.state === "scheduled" || s.state === "lobby");
  const name = (s: Sale): string => s.name + (s.entry === "open" ? "" : s.entry === "account" ? " (accounts)" : s.entry === "code" ? " (with a code)" : " (invited)");
  return [
    on.length > 0 ? `On now: ${on.map(name).join(", ")}.` : "",
    next ? `Next: ${name(next)}, ${next.state === "lobby" ? "the lobby is open, " : next.lobby_opens_at_ms ? `lobby from ${longTime(next.lobby_opens_at_ms, e.time_zone)}, ` : ""}opens ${longTime(next.opens_at_ms, e.time_zone)}.` : "",
    !on.length && !next ? "All sales are over." : "",
  ].filter(Boolean);
}
