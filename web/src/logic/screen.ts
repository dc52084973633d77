// Which screen the queue page shows. Pure, so that every combination can be tested.

import type { Booking, Heard, Ordering, PlaceState, Sale, SaleState, View } from "../wire";

export type Screen =
  | "loading" | "lost" | "unknown" | "problem" | "expired"
  | "not_open" | "join" | "closed"
  | "lobby" | "drawing" | "paused" | "asked" | "picking" | "paying" | "declined"
  | Exclude<PlaceState, "transferred">;

export interface Situation {
  /** A fault that keeps the page from knowing anything: no answer, no such sale, a fault of ours. */
  fault?: { status: number };
  sale?: { state: SaleState; ordering?: Ordering };
  /** The place's newest view, or nothing where there is no place. */
  view?: View;
  /** A place is known, its first view has not come yet. */
  hasPlace: boolean;
  /** The place's proof is refused. */
  badReceipt: boolean;
  booking?: Booking;
  /** The fan asked for the form again, after a place ended. */
  again: boolean;
  /** The fan just came back from the provider's page, which took the card: what is known here may be older. */
  justPaid: boolean;
  /** The opening was passed by this page's clock, jitter included. */
  openingPassed: boolean;
}

const ENDED: ReadonlySet<PlaceState> = new Set(["booked", "lapsed", "released", "failed", "left", "removed", "sold_out", "idle", "refunded"]);

export function ended(state: PlaceState): boolean {
  return ENDED.has(state);
}

function holding(view: View, booking: Booking | undefined, justPaid: boolean): Screen {
  const hold = view.hold;
  const payment = booking?.booking_id === hold?.booking_id ? booking?.payment?.state : undefined;
  if (booking?.state === "capturing" || payment === "authorised" || payment === "captured" || justPaid) return "paying";
  if (hold?.declined) return "declined";
  return hold?.paying ? "paying" : "holding";
}

function withoutPlace(s: Situation): Screen {
  const sale = s.sale;
  if (!sale) return "loading";
  switch (sale.state) {
    case "draft": return "unknown";
    case "closed":
    case "closing": return "closed";
    case "drawing": return sale.ordering === "draw_only" ? "closed" : "join";
    case "sold_out": return "sold_out";
    case "scheduled": return s.openingPassed ? "join" : "not_open";
    default: return "join";
  }
}

export function screenOf(s: Situation): Screen {
  const view = s.view;
  if (!view && s.fault) return s.fault.status === 0 ? "lost" : s.fault.status === 404 ? "unknown" : "problem";
  if (s.badReceipt) return "expired";
  if (s.again) return withoutPlace(s);
  if (!view) return s.hasPlace ? "loading" : withoutPlace(s);
  switch (view.state) {
    case "waiting":
      if (view.sale === "lobby" || view.sale === "drawing" || view.sale === "paused") return view.sale;
      if (view.sale === "closed") return "closed";
      if (view.sale === "sold_out") return "sold_out";
      return "waiting";
    case "standing":
      return view.question ? "asked" : "standing";
    case "holding":
      return holding(view, s.booking, s.justPaid);
    case "transferred":
      return "expired";
    default:
      return view.state;
  }
}

/** When joining begins: with the lobby, if there is one. */
export function joinsFrom(sale: Sale): number {
  return sale.lobby_opens_at_ms ?? sale.opens_at_ms;
}

/** Whether `next` says no less than `last`: a poll's answer may be overtaken by a push. */
export function notOlder(last: Heard | undefined, next: Heard): boolean {
  if (!last || next.epoch > last.epoch) return true;
  if (next.epoch < last.epoch) return false;
  const lanes = ["joins", "pace", "seats"] as const;
  const less = lanes.some((l) => next.seq[l] < last.seq[l]);
  const more = lanes.some((l) => next.seq[l] > last.seq[l]);
  return !less || more;
}

/** The document's title: the screen's heading, or for those who wait in another tab the number. */
export function titleOf(screen: Screen, heading: string, ahead: number, count: (n: number) => string): string {
  return (screen === "waiting" ? (ahead ? `${count(ahead)} ahead` : "You are next") : heading) + " – Usher";
}
