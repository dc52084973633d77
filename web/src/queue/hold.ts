// Seats are held: the countdown, paying, giving back; then the tickets.

import { call, newKey, Problem } from "../api";
import { confirmed } from "../fan/confirm";
import { button, busy, fill, h, text, trouble } from "../fan/dom";
import { referenceBox, seatList, ticketCards } from "../fan/tickets";
import { remembered } from "../fan/who";
import { countdown } from "../logic/clock";
import { clockTime } from "../logic/time";
import { declineWords } from "../logic/booking-words";
import { span } from "../logic/words";
import type { Booking } from "../wire";
import { exchange } from "./exchange";
import { payAddress } from "./pay-address";
import { backToMap } from "./picking";
import { left as timeLeft, type Acts, type App, type Drawn } from "./app";

function act(app: App, what: string, body?: unknown, key?: string): Promise<Booking> {
  const id = app.view!.hold?.booking_id ?? app.view!.booking_id!;
  return call<Booking>("POST", `/v1/bookings/${id}/${what}`, { bearer: app.kept!.receipt, body, key }).then((a) => a.data);
}

async function toPayment(app: App, acts: Acts, email: string | null, key: string): Promise<void> {
  const b = await act(app, "pay", { email }, key);
  acts.setBooking(b);
  const p = b.payment;
  if (p?.pay_page && p.client_secret) location.assign(payAddress(p.pay_page, p.client_secret, location.origin + location.pathname, location.href));
  else if (b.state !== "capturing" && b.state !== "paid") throw new Problem(0, "unreadable", "There is no payment page to go to", "Try again in a moment");
}

function clockBox(app: App): [HTMLElement, () => void] {
  const left = h("p", { class: "big", role: "timer", "data-testid": "countdown" });
  const until = h("p", { class: "under" });
  return [h("div", { class: "card centre" }, left, until), () => {
    const ms = timeLeft(app);
    const frozen = app.view?.hold?.frozen;
    text(left, countdown(ms));
    left.classList.toggle("soon", ms <= 30_000 && !frozen);
    text(until, frozen ? `left to pay. The clock stands still: “${frozen}” You lose no time.` : ms > 0 ? `left to pay, until ${clockTime(Date.now() + ms)}` : "The time is over. Asking what became of the seats…");
  }];
}

function seatsBox(app: App, acts: Acts): [HTMLElement, () => void] {
  const box = h("div");
  let shown: unknown;
  return [box, () => {
    const now = app.bookingFault ?? app.booking;
    if (now === shown && shown !== undefined) return;
    shown = now;
    if (app.booking) fill(box, seatList(app.booking, app.event?.tiers));
    else if (app.bookingFault) fill(box, trouble(app.bookingFault, () => acts.reloadBooking()));
    else fill(box, h("p", { class: "muted" }, "Loading your seats…"));
  }];
}

interface Asked { label: string; question: string; body: string; yes: string; no: string; working: string }

function ends(app: App, acts: Acts, out: HTMLElement, words: Asked, testid: string): HTMLButtonElement {
  const b = button(words.label, () => void (async () => {
    if (!(await confirmed(words.question, words.body, words.yes, words.no))) return;
    await busy(b, words.working, async () => {
      try {
        acts.setBooking(await act(app, "give-back"));
      } catch (e) {
        fill(out, trouble(e as Problem));
      }
    });
  })(), { class: "plain", "data-testid": testid });
  return b;
}

function giveBack(app: App, acts: Acts, out: HTMLElement): HTMLButtonElement {
  return ends(app, acts, out, {
    label: "Give the seats back", question: "Give the seats back?", body: "They go to the next in line at once, and your place ends. No money is taken.",
    yes: "Give them back", no: "Keep them", working: "Giving back…",
  }, "give-back-button");
}

/** The way out of a hold without seats: where fans pick and gave all back. */
export function endTurn(app: App, acts: Acts): HTMLElement {
  const out = h("div");
  return h("div", { class: "end" }, out, ends(app, acts, out, {
    label: "End my turn", question: "End your turn?", body: "You hold no places. Your turn goes to the next in line; you could only join again at the back. No money is taken.",
    yes: "End it", no: "Look on", working: "Ending…",
  }, "end-turn"));
}

/** What the fan reads when paying or extending was refused. Codes of the API that mean something here. */
function refusal(p: Problem, acts: Acts): HTMLElement {
  if (p.code === "hold-over") return trouble(new Problem(p.status, p.code, "The time was over", "The seats are on their way to the next in line"));
  if (p.code === "already-extended") return trouble(new Problem(p.status, p.code, "The time was extended already", "It can be extended once"));
  if (p.code === "payment-under-way") {
    acts.reloadBooking();
    return trouble(new Problem(p.status, p.code, "A payment is on its way", "Nothing can be changed until it is decided; this page shows the outcome"));
  }
  return trouble(p);
}

export function holding(app: App, acts: Acts, declined: boolean): Drawn {
  const [clock, tick] = clockBox(app);
  const [seats, drawSeats] = seatsBox(app, acts);
  const [others, drawOthers] = exchange(app, acts);
  const out = h("div");
  const reason = h("p");
  const email = h("input", { id: "email", type: "email", autocomplete: "email", required: true, value: app.booking?.email ?? remembered.email(), "data-testid": "email", "aria-describedby": "email-why" });
  const pay = h("button", { type: "submit", class: "main", "data-testid": "pay-button" }, declined ? "Try another card" : "Pay now");
  let key = newKey();
  let filled = email.value !== "";
  const extend = button("", () => void busy(extend, "One moment…", async () => {
    try {
      acts.setBooking(await act(app, "extend"));
      fill(out);
    } catch (e) {
      fill(out, refusal(e as Problem, acts));
    }
  }), { class: "plain", "data-testid": "extend-button" });
  const back = giveBack(app, acts, out);
  const submit = (): Promise<void> => busy(pay, "To the payment page…", async () => {
    fill(out);
    const address = email.value.trim();
    try {
      remembered.setEmail(address);
      await toPayment(app, acts, address, key);
    } catch (e) {
      const p = e as Problem;
      if (!p.passing) key = newKey();
      fill(out, refusal(p, acts));
      if (p.code === "email-needed") email.focus();
    }
  });
  const extension = app.sale?.extension_ms ?? 0;
  return {
    heading: declined ? "The card was declined" : "Your turn! Seats are held for you",
    nodes: [
      declined && h("div", { class: "note bad", "data-testid": "declined" }, reason, h("p", null, "No money was taken, and the seats are still yours until the time is up. Try again or use another card.")),
      clock,
      h("form", { class: "card", onsubmit: (e: globalThis.Event) => { e.preventDefault(); void submit(); } },
        h("h2", null, "Your seats"), seats,
        h("label", { for: "email" }, "E-mail for the tickets"), email,
        h("p", { class: "small", id: "email-why" }, "With it and your reference you find the booking again."),
        out,
        h("div", { class: "row" }, pay, extend, backToMap(app, acts), back),
        extension > 0 && h("p", { class: "small" }, `The time can be extended once, by ${span(extension)}: by the button, or by itself when you start to pay.`)),
      others,
    ],
    update: () => {
      tick();
      drawSeats();
      drawOthers();
      const b = app.booking;
      if (b?.email && !filled) {
        filled = true;
        email.value ||= b.email;
      }
      extend.hidden = !app.view?.hold?.can_extend;
      if (extend.getAttribute("aria-disabled") !== "true") text(extend, extension > 0 ? `I need ${span(extension)} more` : "I need more time");
      if (declined) text(reason, "Your bank did not accept this card. " + declineWords(b?.payment?.decline_reason));
    },
  };
}

export function paying(app: App, acts: Acts): Drawn {
  const [seats, drawSeats] = seatsBox(app, acts);
  const until = h("p", { class: "muted" });
  const out = h("div");
  const again = button("Back to the payment page", () => void busy(again, "One moment…", () =>
    toPayment(app, acts, app.booking?.email ?? (remembered.email() || null), newKey()).catch((e: Problem) => fill(out, refusal(e, acts)))),
    { class: "main", "data-testid": "pay-link" });
  const back = giveBack(app, acts, out);
  const buttons = h("div", { class: "row" }, again, back);
  const words = h("p", { class: "lead" });
  return {
    heading: "Payment under way",
    nodes: [
      h("div", { class: "card centre" }, h("div", { class: "spin", "aria-hidden": "true" }), words,
        h("p", { class: "muted" }, "This page goes on by itself. If you have not finished on the payment page, go back to it."),
        until, out, buttons),
      h("div", { class: "card" }, h("h2", null, "Your seats"), seats),
    ],
    update: () => {
      drawSeats();
      const b = app.booking;
      const decided = b?.state === "capturing" || b?.payment?.state === "authorised" || b?.payment?.state === "captured";
      buttons.hidden = decided;
      text(words, decided ? "The card is accepted. Your tickets are being made…" : "Waiting for the payment provider…");
      const ms = timeLeft(app);
      const frozen = app.view?.hold?.frozen;
      text(until, decided ? "" : frozen ? `Time left to pay: ${countdown(ms)}. The clock stands still: “${frozen}”` : ms > 0 ? `Time left to pay: ${countdown(ms)}` : "The time is over; the seats are kept until the provider has answered.");
    },
  };
}

export function booked(app: App, acts: Acts): Drawn {
  const box = h("div");
  let shown: unknown = null;
  return {
    heading: "You have your tickets",
    nodes: [box],
    update: () => {
      const b = app.booking;
      const now = b ?? app.bookingFault;
      if (now === shown) return;
      shown = now;
      if (b) {
        if (b.email) remembered.setEmail(b.email);
        fill(box,
          h("p", { class: "safe" }, "Paid. Show each code at the entrance, on the phone or on paper."),
          b.tickets?.length ? ticketCards(b) : h("p", { class: "note" }, "Your tickets are being made. They appear here in a moment."),
          referenceBox(b),
          h("div", { class: "card" }, h("h2", null, "What you bought"), seatList(b, app.event?.tiers)));
      } else if (app.bookingFault) fill(box, trouble(app.bookingFault, () => acts.reloadBooking()));
      else fill(box, h("p", { class: "muted" }, "Loading your tickets…"));
    },
  };
}
