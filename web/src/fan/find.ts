// `/find`: a booking by its e-mail address and reference, and the bookings this browser or account made.

import { call, Problem } from "../api";
import { afterSeconds } from "../logic/backoff";
import { longTime } from "../logic/time";
import type { Booking, Bookings, Event, Gift } from "../wire";
import { $, busy, fill, h, trouble } from "./dom";
import { bookingCard, ticketCards } from "./tickets";
import { asFan, corner, dialogFrom, known, remembered } from "./who";

const main = $("main");
const found = h("div", { "data-testid": "found" });
const own = h("section");

const email = h("input", { id: "email", name: "email", type: "email", required: true, autocomplete: "email", value: remembered.email(), "data-testid": "find-email" });
const reference = h("input", { id: "reference", name: "reference", required: true, maxlength: 40, autocomplete: "off", autocapitalize: "characters", spellcheck: "false", "data-testid": "find-reference" });
const go = h("button", { type: "submit", class: "main", "data-testid": "find-button" }, "Show my tickets");

async function withEvent(b: Booking): Promise<HTMLElement> {
  return bookingCard(b, await eventOf(b.event_id));
}

function eventOf(id: string): Promise<Event | undefined> {
  return call<Event>("GET", "/v1/events/" + id).then((a) => a.data, () => undefined);
}

/** Tickets that the organiser gave. */
async function given(g: Gift): Promise<HTMLElement> {
  const event = await eventOf(g.event_id);
  return h("section", { class: "card", "data-testid": "gift" },
    h("h2", null, event?.name ?? "Your tickets"),
    event && h("p", { class: "muted" }, `${event.venue}, ${longTime(event.starts_at_ms, event.time_zone)}`),
    g.revoked_at_ms === undefined ? h("p", { class: "safe" }, `Complimentary tickets for ${g.name}. Show each code at the entrance, on the phone or on paper.`)
      : h("p", { class: "note bad" }, "The organiser took these tickets back. They are not valid any more."),
    ticketCards(g));
}

async function find(): Promise<void> {
  fill(found);
  main.dataset.state = "searching";
  try {
    const body = { email: email.value.trim(), reference: reference.value.trim().toUpperCase() };
    fill(found, await call<Booking>("POST", "/v1/bookings/find", { body }).then((a) => withEvent(a.data), (e: Problem) => {
      if (e.status === 404) return call<Gift>("POST", "/v1/gifts/find", { body }).then((a) => given(a.data));
      throw e;
    }));
    main.dataset.state = "found";
    const title = found.querySelector("h2");
    title?.setAttribute("tabindex", "-1");
    title?.focus();
  } catch (e) {
    const p = e as Problem;
    main.dataset.state = p.status === 404 ? "none" : "problem";
    if (p.status === 404) {
      fill(found, trouble(new Problem(404, p.code, "No booking has this address and this reference", "Check both: the address is the one given when paying, the reference is on the page that showed the tickets")));
    } else {
      fill(found, trouble(p, p.status === 429 ? undefined : () => void find()));
      if (p.status === 429) await new Promise((done) => setTimeout(done, afterSeconds(p.retryAfterS ?? 5)));
    }
  }
}

async function mine(): Promise<void> {
  if (!known()) return;
  try {
    const { bookings } = (await asFan<Bookings>("GET", "/v1/bookings")).data;
    fill(own, h("h2", null, "Your bookings"), bookings.length
      ? await Promise.all(bookings.map(withEvent))
      : h("p", { class: "muted" }, "Bookings made in this browser, or with your account, appear here."));
  } catch (e) {
    const p = e as Problem;
    if (p.status !== 401) fill(own, h("h2", null, "Your bookings"), trouble(p, () => void mine()));
  }
}

dialogFrom(() => import("./sign-in"));
corner();
main.dataset.state = "form";
fill(main,
  h("h1", null, "Find a booking"),
  h("form", { class: "card", onsubmit: (e: Event_) => { e.preventDefault(); void busy(go, "Looking…", find); } },
    h("label", { for: "email" }, "E-mail address given when paying"), email,
    h("label", { for: "reference" }, "Booking reference"), reference,
    go),
  found, own);
void mine();

type Event_ = globalThis.Event;
