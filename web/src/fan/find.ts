// `/find`: a booking by its e-mail address and reference, and the bookings this browser or account made.

import { call, Problem } from "../api";
import { afterSeconds } from "../logic/backoff";
import type { Booking, Bookings, Event } from "../wire";
import { $, busy, fill, h, trouble } from "./dom";
import { bookingCard } from "./tickets";
import { asFan, corner, dialogFrom, known, remembered } from "./who";

const main = $("main");
const found = h("div", { "data-testid": "found" });
const own = h("section");

const email = h("input", { id: "email", name: "email", type: "email", required: true, autocomplete: "email", value: remembered.email(), "data-testid": "find-email" });
const reference = h("input", { id: "reference", name: "reference", required: true, maxlength: 40, autocomplete: "off", autocapitalize: "characters", spellcheck: "false", "data-testid": "find-reference" });
const go = h("button", { type: "submit", class: "main", "data-testid": "find-button" }, "Show my tickets");

async function withEvent(b: Booking): Promise<HTMLElement> {
  const event = await call<Event>("GET", "/v1/events/" + b.event_id).then((a) => a.data, () => undefined);
  return bookingCard(b, event);
}

async function find(): Promise<void> {
  fill(found);
  main.dataset.state = "searching";
  try {
    const b = (await call<Booking>("POST", "/v1/bookings/find", { body: { email: email.value.trim(), reference: reference.value.trim().toUpperCase() } })).data;
    fill(found, await withEvent(b));
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
