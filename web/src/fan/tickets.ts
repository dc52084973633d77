// A booking with its seats and tickets.

import { longTime } from "../logic/time";
import { money } from "../logic/money";
import { bookingWords } from "../logic/booking-words";
import { plural } from "../logic/words";
import type { Booking, Event, Tier } from "../wire";
import { button, h } from "./dom";

/** The picture is shown as an image, where nothing in it can run. */
export function qr(svg: string, label: string): HTMLImageElement {
  return h("img", { class: "qr", alt: `QR code of the ticket for ${label}`, width: 220, height: 220, src: "data:image/svg+xml," + encodeURIComponent(svg) });
}

export function ticketCards(b: Pick<Booking, "tickets">): HTMLElement {
  return h("ul", { class: "tickets" }, (b.tickets ?? []).map((t) =>
    h("li", { class: "ticket", "data-testid": "ticket" },
      qr(t.qr_svg, t.label),
      h("div", null,
        h("strong", null, t.label),
        !t.valid && h("p", { class: "bad-text" }, "This ticket is not valid any more."),
        h("details", null, h("summary", null, "The code as text"), h("code", { class: "wrap" }, t.code))))));
}

export function seatList(b: Booking, tiers: Tier[] = []): HTMLElement {
  const name = (id: string): string => tiers.find((t) => t.id === id)?.name ?? id;
  return h("div", null,
    h("ul", { class: "seats", "data-testid": "seats" }, b.seats.map((s) =>
      h("li", null,
        h("span", null, h("strong", null, s.label), h("small", null, name(s.tier))),
        h("span", { class: "num" }, money(s.price_minor + s.fee_minor, b.currency))))),
    h("p", { class: "total" }, h("span", null, `Total for ${plural(b.seats.length, "ticket")}, fees included`), h("strong", null, money(b.amount_minor, b.currency))));
}

/** How to come back to it. */
export function referenceBox(b: Booking): HTMLElement {
  return h("div", { class: "reference" },
    h("p", null, "Booking reference"),
    h("p", { class: "code", "data-testid": "reference" }, b.reference),
    h("p", { class: "small" }, "You find these tickets again at ", h("a", { href: "/find" }, "Find a booking"),
      b.email ? ` with ${b.email} and this reference.` : " with your e-mail address and this reference.",
      " They can also be printed: ", button("Print", () => print(), { class: "link" })));
}

export function bookingCard(b: Booking, e?: Event): HTMLElement {
  return h("article", { class: "card" },
    h("h2", null, e?.name ?? "Booking " + b.reference),
    e && h("p", { class: "muted" }, `${e.venue}, ${longTime(e.starts_at_ms, e.time_zone)}`),
    h("p", null, "State: ", h("strong", null, bookingWords[b.state])),
    ["held", "paying", "capturing"].includes(b.state) && h("p", null, h("a", { href: "/q/" + b.sale_id }, "Back to the seats held for you")),
    b.tickets?.length ? ticketCards(b) : seatList(b, e?.tiers),
    referenceBox(b));
}
