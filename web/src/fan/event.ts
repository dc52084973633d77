// `/e/{event}`: one event, its prices, what is left, its sales.

import { call, type Problem } from "../api";
import { longTime } from "../logic/time";
import { plural, saleWords } from "../logic/words";
import type { Availability, Event, Sale } from "../wire";
import { $, fill, h, trouble } from "./dom";
import { availabilityWords, fullPrice, saleLine } from "./offer";
import { inOrder, onAndNext } from "./schedule";
import { corner, dialogFrom } from "./who";
import { money } from "../logic/money";

const main = $("main");
const id = decodeURIComponent(location.pathname.split("/").filter(Boolean).pop() ?? "");

async function load(): Promise<void> {
  const path = "/v1/events/" + encodeURIComponent(id);
  main.setAttribute("aria-busy", "true");
  try {
    const [event, left] = await Promise.all([
      call<Event>("GET", path).then((a) => a.data),
      call<Availability>("GET", path + "/availability").then((a) => a.data, () => null),
    ]);
    main.dataset.state = "event";
    document.title = event.name + " – Usher";
    fill(main, draw(event, left));
  } catch (e) {
    const p = e as Problem;
    main.dataset.state = p.status === 404 ? "unknown" : "problem";
    fill(main, p.status === 404
      ? [h("h1", null, "This event is not here"), h("p", null, "The address may be mistyped, or the event is not public yet.")]
      : [h("h1", null, "The event could not be loaded"), trouble(p, () => void load())],
      h("p", null, h("a", { href: "/" }, "All events")));
  }
  main.removeAttribute("aria-busy");
}

function draw(e: Event, left: Availability | null): (Node | false)[] {
  return [
    h("p", { class: "where" }, h("a", { href: "/" }, "All events")),
    h("h1", null, e.name),
    h("p", { class: "lead" }, e.venue),
    h("p", { class: "lead muted" }, longTime(e.starts_at_ms, e.time_zone), h("small", null, `time at the venue (${e.time_zone})`)),
    h("h2", null, "Tickets"),
    ...onAndNext(e).map((line) => h("p", { class: "lead", "data-testid": "schedule" }, line)),
    e.tickets_per_person !== undefined && h("p", null, `At most ${plural(e.tickets_per_person, "ticket")} for one person, over all sales.`),
    e.sales.length === 0 ? h("p", { class: "card" }, "The sale is not announced yet. Come back later.") : h("ul", { class: "plainlist" }, inOrder(e.sales).map((s) => sale(s, e))),
    h("h2", null, "Prices"),
    e.tiers.length === 0 ? h("p", { class: "card" }, "Prices are not announced yet.") : h("ul", { class: "card seats" }, e.tiers.map((t) =>
      h("li", null,
        h("span", null, h("strong", null, t.name), h("small", null, availabilityWords(left?.tiers.find((a) => a.tier === t.id)))),
        h("span", { class: "num" }, fullPrice(t, e.currency), t.fee_minor > 0 && h("small", null, `of it ${money(t.fee_minor, e.currency)} fee`))))),
    !left && e.tiers.length > 0 && h("p", { class: "small" }, "What is left could not be loaded just now."),
  ];
}

function sale(s: Sale, e: Event): HTMLElement {
  const words = { open: "Get tickets", paused: "Get tickets", scheduled: "To the waiting room", lobby: "To the lobby", drawing: "To the waiting room", closing: "See the sale", closed: "See the sale", sold_out: "See the sale", draft: "See the sale" }[s.state];
  const live = !["closing", "closed", "sold_out"].includes(s.state);
  return h("li", { class: "card between" },
    h("div", null, h("h3", null, s.name), h("p", null, h("span", { class: "chip " + s.state }, saleWords[s.state]), " ", saleLine(s, e)),
      live && h("p", { class: "small", "data-testid": "seating" }, s.seating === "pick" ? "When it is your turn, you choose your seats yourself on a live map." : "When it is your turn, the best seats that fit your wishes are held for you."),
      s.entry === "account" && h("p", { class: "small" }, "For this sale you need an account.")),
    h("a", { class: live ? "button main" : "button plain", href: "/q/" + s.sale_id, "data-testid": "to-sale" }, words, h("span", { class: "vh" }, `: ${s.name}`)));
}

dialogFrom(() => import("./sign-in"));
corner();
void load();
