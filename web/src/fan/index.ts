// `/`: the published events.

import { call, type Problem } from "../api";
import { dayMonth, longTime } from "../logic/time";
import { saleWords } from "../logic/words";
import type { Event } from "../wire";
import { $, fill, h, trouble } from "./dom";
import { saleLine } from "./offer";
import { corner, dialogFrom } from "./who";

const main = $("main");

async function load(): Promise<void> {
  main.setAttribute("aria-busy", "true");
  try {
    const events = (await call<Event[]>("GET", "/v1/events")).data;
    main.dataset.state = events.length ? "events" : "empty";
    fill(main, h("h1", null, "Events"), events.length ? h("ul", { class: "events" }, events.map(card)) : h("div", { class: "card" },
      h("p", null, "No event is announced at the moment."),
      h("p", null, "Tickets you already have are under ", h("a", { href: "/find" }, "Find a booking"), ".")));
  } catch (e) {
    main.dataset.state = "problem";
    fill(main, h("h1", null, "Events"), trouble(e as Problem, () => void load()));
  }
  main.removeAttribute("aria-busy");
}

function card(e: Event): HTMLElement {
  const { day, month } = dayMonth(e.starts_at_ms, e.time_zone);
  return h("li", { class: "card event", "data-testid": "event" },
    h("div", { class: "date", "aria-hidden": "true" }, h("b", null, day), h("span", null, month)),
    h("div", null,
      h("h2", null, h("a", { href: "/e/" + e.event_id }, e.name)),
      h("p", { class: "muted" }, e.venue),
      h("p", { class: "muted" }, longTime(e.starts_at_ms, e.time_zone)),
      e.sales.length === 0 ? h("p", null, "The sale is not announced yet.") : h("ul", { class: "sales" }, e.sales.map((s) =>
        h("li", null, h("span", { class: "chip " + s.state }, saleWords[s.state]), " ", h("a", { href: "/q/" + s.sale_id }, s.name), h("small", null, saleLine(s, e)))))));
}

dialogFrom(() => import("./sign-in"));
corner();
void load();
