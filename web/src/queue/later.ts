// Everything after joining, fetched behind the first screen, so that the first, which all load at once, is light.

import { call } from "../api";
import { button, h, text } from "../fan/dom";
import { ended, type Screen } from "../logic/screen";
import { longTime } from "../logic/time";
import type { Joined, View } from "../wire";
import type { Acts, App, Drawn } from "./app";
import { booked, holding, paying } from "./hold";
import { lobby, skipped, waiting } from "./line";
import { picking } from "./picking";
import { placeDetails, removedReason } from "./place-details";
import { standing } from "./standing";

export { signIn } from "../fan/sign-in";
export { announce, say } from "./aloud";
export { followBooking } from "./booking";
export { showAnnounced } from "./announcement";
export { Live } from "./live";
export { onMap } from "./picking";
export { takeOver } from "./transfer";

/** The screens of somebody who has or had a place. */
export function screen(app: App, acts: Acts, s: Exclude<Screen, "loading" | "not_open" | "join" | "unknown" | "lost" | "problem">): Drawn {
  switch (s) {
    case "waiting": return waiting(app, acts, false);
    case "paused": return waiting(app, acts, true);
    case "lobby":
    case "drawing": return lobby(app, acts, s === "drawing");
    case "skipped": return skipped(app, acts);
    case "standing":
    case "asked": return standing(app, acts);
    case "picking": return picking(app, acts);
    case "holding": return holding(app, acts, false);
    case "declined": return holding(app, acts, true);
    case "paying": return paying(app, acts);
    case "booked": return booked(app, acts);
    case "expired": return expired(app, acts);
    default: return end(app, acts, s);
  }
}

/** The place's news are over, and none came before the end: the place itself is asked how it ended. Nothing where its proof is refused. */
export async function howItEnded(app: App): Promise<View | null> {
  try {
    const { place } = (await call<Joined>("GET", `/v1/sales/${encodeURIComponent(app.saleId)}/places/mine`, { bearer: app.kept!.receipt })).data;
    return { state: place.state, ahead: 0, waiting: 0, sale: app.sale?.state ?? "open", booking_id: place.booking_id, server_now_ms: app.clock.now() };
  } catch {
    return null;
  }
}

/** An operator may have put a place back that had ended; nobody tells the page, so it asks when it is looked at. */
export function lookAgain(app: App, acts: Acts): void {
  const kept = app.kept;
  if (!kept || app.again) return;
  void call<Joined>("GET", `/v1/sales/${encodeURIComponent(app.saleId)}/places/mine`, { bearer: kept.receipt }).then(({ data }) => {
    if (app.kept === kept && !app.again && !ended(data.place.state)) acts.take(data);
  }, () => {});
}

/** The place's proof is refused: it was taken over, or is no longer known. */
function expired(app: App, acts: Acts): Drawn {
  const anew = h("p", { class: "row" }, button("Start anew", () => acts.forget(), { class: "plain", "data-testid": "start-anew" }));
  if (app.moved) return {
    heading: "Your place is somewhere else now",
    nodes: [h("div", { class: "card", "data-testid": "moved" },
      h("p", null, "It was taken over with the transfer code that was made here. It goes on there, with its number and all that belongs to it; this page can do nothing for it any more."), anew)],
  };
  return {
    heading: "We cannot prove your place from here",
    nodes: [h("div", { class: "card" },
      h("p", null, "What this browser kept of your place is no longer accepted. If you joined with an account, sign in and your place is shown again."), anew)],
  };
}

/** The ends: what happened, and the way on. */
function end(app: App, acts: Acts, kind: "lapsed" | "released" | "failed" | "left" | "removed" | "sold_out" | "idle" | "closed" | "refunded"): Drawn {
  const sale = app.sale;
  const place = app.view !== undefined && !app.again;
  const saleGone = sale?.state === "sold_out" || sale?.state === "closed";
  const words: Record<typeof kind, [string, string]> = {
    lapsed: ["Your time ran out", "The seats were not paid in time and went to the next in line. No money was taken."],
    idle: ["Your time to choose ran out", "You held no places when it was over, so your turn went to the next in line. No money was taken."],
    released: ["Seats given back", "You gave the seats back; they went to the next in line. No money was taken."],
    failed: ["The payment could not be completed", "No money was kept, and the seats went to the next in line."],
    left: ["You left the line", "Your place was given up as you asked."],
    removed: ["Your place was taken out of the line", "The organiser took it out."],
    sold_out: place && !saleGone
      ? ["Sold out for your wishes", "Nothing that fits what you asked for can still come free. With other wishes there may be something: fewer tickets, apart, or another price."]
      : ["Sold out", "Every ticket of this sale is sold and paid. No more can come free here."],
    closed: ["This sale has ended", sale ? `It was open until ${longTime(sale.closes_at_ms, app.event?.time_zone)}.` : "Nobody is let in any more."],
    refunded: ["Your money went back", "The payment was returned to the card it came from; your bank may take some days to show it. The tickets are no longer valid."],
  };
  const [heading, why] = words[kind];
  const reason = h("p", { class: "note", hidden: true, "data-testid": "removed-reason" });
  if (kind === "removed") void removedReason(app).then((why) => {
    text(reason, why ? `The organiser says: ${why}` : "");
    reason.hidden = !why;
  });
  const may = place && kind !== "closed" && !saleGone && sale?.rejoin !== false;
  return {
    heading,
    nodes: [
      h("div", { class: "card" }, h("p", null, why), kind === "removed" && reason,
        may && h("p", null, button(kind === "sold_out" ? "Join again with other wishes" : "Join again at the back", () => acts.joinAgain(), { class: "main", "data-testid": "join-again-button" })),
        kind === "removed" && h("p", { class: "small" }, "If that is a mistake, give the organiser the support code below."),
        place && !may && kind !== "closed" && !saleGone && h("p", null, "This sale allows one place per person.")),
      place && placeDetails(app, acts),
      app.event && h("p", null, h("a", { href: "/e/" + app.event.event_id }, "Back to the event"), " · ", h("a", { href: "/find" }, "Find a booking")),
    ],
  };
}
