// Other seats instead of those held, once: what is asked for, and what came of it.

import { call, Problem } from "../api";
import { button, busy, fill, h, text, trouble } from "../fan/dom";
import type { Booking, ExchangeState, Joined } from "../wire";
import type { Acts, App } from "./app";
import { wishFields } from "./wishes";

const WORDS: Record<ExchangeState, string> = {
  possible: "You can ask for others, as many, and exchange once. These stay yours until the others are. The time to pay stays the same.",
  looking: "Looking for other seats. These stay yours until the others are…",
  nothing: "No others that you asked for are to be had just now. You keep these, and may ask again for something else.",
  done: "These are your other seats. Seats can be exchanged once.",
};

export function exchange(app: App, acts: Acts): [HTMLElement, () => void] {
  const said = h("p", { role: "status", "data-testid": "exchange-said" });
  const form = h("div");
  const out = h("div");
  const ask = button("Ask for other seats", () => void busy(ask, "One moment…", async () => {
    fill(out);
    try {
      const { data } = await call<Joined>("GET", `/v1/sales/${encodeURIComponent(app.saleId)}/places/mine`, { bearer: app.kept!.receipt });
      open(data.place.wishes);
    } catch (e) {
      fill(out, trouble(e as Problem));
    }
  }), { class: "plain", "data-testid": "exchange-button" });
  const row = h("p", { class: "row" }, ask);
  const heading = h("h2");
  const box = h("div", { class: "card", hidden: true, "data-testid": "exchange" }, heading, said, row, form, out);

  const open = (wished: Joined["place"]["wishes"]): void => {
    const seats = app.booking?.seats.length ?? app.view?.hold?.seats ?? 1;
    const w = { party: seats, wishes: { tiers: [], other_tiers: false, apart: false, accessible: false, ...wished, fewer: false } };
    const fields = wishFields(app, w, undefined, true);
    const elsewhere = h("input", { type: "checkbox", "data-testid": "elsewhere" });
    const go = h("button", { type: "submit", class: "main", "data-testid": "exchange-ask" }, "Look for others");
    const close = (): void => fill(form);
    const submit = async (): Promise<void> => {
      fill(out);
      const id = app.view?.hold?.booking_id ?? app.view?.booking_id;
      const body = { wishes: fields.asked().wishes, elsewhere: elsewhere.checked };
      try {
        await call<Booking>("POST", `/v1/bookings/${id}/exchange`, { bearer: app.kept!.receipt, body });
        close();
      } catch (e) {
        const p = e as Problem;
        if (p.code === "already-exchanged") close();
        fill(out, trouble(p));
      }
      // What came of it may be known already.
      acts.reloadBooking();
    };
    fill(form, h("form", { class: "inner", onsubmit: (e: globalThis.Event) => { e.preventDefault(); void busy(go, "Asking…", submit); } },
      h("label", { class: "tick" }, elsewhere, h("span", null, "Somewhere else", h("small", null, "in none of the blocks where these are"))),
      fields.nodes,
      h("p", { class: "row" }, go, button("Keep these", () => { close(); draw(); }, { class: "plain" }))));
    draw();
    elsewhere.focus();
  };

  const draw = (): void => {
    const state = app.booking?.exchange;
    box.hidden = !state;
    if (!state) return;
    box.dataset.exchange = state;
    const may = state === "possible" || state === "nothing";
    if (!may) fill(form);
    row.hidden = !may || form.firstChild !== null;
    text(heading, state === "done" ? "You have exchanged" : "Rather sit elsewhere?");
    text(said, WORDS[state]);
  };
  return [box, draw];
}
