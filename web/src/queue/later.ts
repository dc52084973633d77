// Everything after joining, fetched behind the first screen, so that the first, which all load at once, is light.

import { button, h } from "../fan/dom";
import { longTime } from "../logic/time";
import type { Acts, App, Drawn } from "./app";

export { signIn } from "../fan/sign-in";
export { booked, holding, paying } from "./hold";
export { lobby, skipped, standing, waiting } from "./line";
export { showAnnounced } from "./announcement";
export { Live } from "./live";

/** The ends: what happened, and the way on. */
export function end(app: App, acts: Acts, kind: "lapsed" | "released" | "failed" | "left" | "sold_out" | "closed" | "refunded"): Drawn {
  const sale = app.sale;
  const place = app.view !== undefined && !app.again;
  const saleGone = sale?.state === "sold_out" || sale?.state === "closed";
  const words: Record<typeof kind, [string, string]> = {
    lapsed: ["Your time ran out", "The seats were not paid in time and went to the next in line. No money was taken."],
    released: ["Seats given back", "You gave the seats back; they went to the next in line. No money was taken."],
    failed: ["The payment could not be completed", "No money was kept, and the seats went to the next in line."],
    left: ["You left the line", "Your place was given up as you asked."],
    sold_out: place && !saleGone
      ? ["Sold out for your wishes", "Nothing that fits what you asked for can still come free. With other wishes there may be something: fewer tickets, apart, or another price."]
      : ["Sold out", "Every ticket of this sale is sold and paid. No more can come free here."],
    closed: ["This sale has ended", sale ? `It was open until ${longTime(sale.closes_at_ms, app.event?.time_zone)}.` : "Nobody is let in any more."],
    refunded: ["Your money went back", "The payment was returned to the card it came from; your bank may take some days to show it. The tickets are no longer valid."],
  };
  const [heading, why] = words[kind];
  const may = place && kind !== "closed" && !saleGone && sale?.rejoin !== false;
  return {
    heading,
    nodes: [
      h("div", { class: "card" }, h("p", null, why),
        may && h("p", null, button(kind === "sold_out" ? "Join again with other wishes" : "Join again at the back", () => acts.joinAgain(), { class: "main", "data-testid": "join-again-button" })),
        place && !may && kind !== "closed" && !saleGone && h("p", null, "This sale allows one place per person.")),
      app.event && h("p", null, h("a", { href: "/e/" + app.event.event_id }, "Back to the event"), " · ", h("a", { href: "/find" }, "Find a booking")),
    ],
  };
}
