// What became of a place, in words: for its fan and for the operator who helps.

import type { PlaceState, PlaceStep } from "../wire";
import { lasted, stamp } from "./spans";

export const placeWords: Record<PlaceState, string> = {
  waiting: "waiting", skipped: "skipped", standing: "let in", holding: "holding seats", booked: "booked", lapsed: "hold ran out", released: "seats given back",
  failed: "payment failed", left: "left", removed: "taken out", sold_out: "sold out", idle: "picked nothing", refunded: "refunded", transferred: "taken over",
};

export function classWords(c: number): string {
  return c === 0 ? "head of the line" : c === 10 ? "everybody" : `invited, class ${c}`;
}

const ENDS: Record<string, string> = {
  booked: "ended with tickets", lapsed: "ended: the hold ran out unpaid", released: "ended: the seats were given back", failed: "ended: the payment could not be completed",
  left: "left the line", removed: "was taken out of the line", sold_out: "ended: nothing that fits could still come free", idle: "ended: nothing was picked in time", refunded: "ended: the money went back",
};
const BOOKINGS: Record<string, string> = {
  paid: "The seats were paid", lapsed: "The hold ran out unpaid", released: "The seats were given back", failed: "The payment could not be completed", refunded: "The money went back",
};

/** One step in words, and why. `you`: to the fan, else to an operator. */
export function stepWords(s: PlaceStep, zone: string | undefined, you: boolean): { what: string; why?: string } {
  const whose = you ? "Your place" : "The place";
  const by = s.reason ? `${you ? "The organiser says" : "Reason"}: ${s.reason}` : undefined;
  switch (s.step) {
    case "joined": return { what: you ? "You joined the line" : "Joined the line" };
    case "drawn": return { what: "The draw gave it its number" };
    case "transferred": return { what: `${whose} went to another device or person, by a transfer code` };
    case "skipped": return { what: you ? "Your turn came, and others went first" : "Skipped: absent when the turn came", why: skipWords(s, zone, you) };
    case "admitted": return { what: you ? "You were let in" : "Let in" };
    case "held": return { what: "Seats were held", why: s.deadline_ms === undefined ? undefined : `Until ${stamp(s.deadline_ms, zone)}.` };
    case "booking_ended": return { what: BOOKINGS[s.how ?? ""] ?? "The booking ended" };
    case "removed": return { what: you ? "The organiser took your place out of the line" : "Taken out of the line", why: by };
    case "put_back": if (s.how === "none") return { what: you ? `The organiser gave you this place${s.front ? " at the head of the line" : ""}` : `Inserted ${s.front ? "at the head of the line" : "at the back"}`, why: by };
      return { what: you ? `The organiser put your place ${s.front ? "to the head of the line" : "back into the line"}` : `Put ${s.front ? "to the head of the line" : "back where it was"}`, why: by };
    case "ended": return { what: `${whose} ${ENDS[s.how ?? ""] ?? "ended"}` };
  }
}

/** Why a place was skipped: when its fan was last seen. */
export function skipWords(s: PlaceStep, zone: string | undefined, you: boolean): string {
  const who = you ? "your page" : "the fan’s page";
  if (s.seen_at_ms === undefined) return `Nothing was heard of ${who} for longer than this sale waits.`;
  if (s.seen_at_ms === 0) return `Nothing was ever heard of ${who} after joining.`;
  return `The last sign of ${who} was ${lasted(Math.max(0, s.at_ms - s.seen_at_ms))} before, at ${stamp(s.seen_at_ms, zone)}.`;
}
