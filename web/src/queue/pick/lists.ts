// Choosing without the drawing: so many together, places of an area by number, and section, row and seat from lists.

import { button, fill, h, text } from "../../fan/dom";
import { ACCESSIBLE, COMPANION, priceOf, RESTRICTED, type HallArea } from "../../logic/hall";
import { money } from "../../logic/money";
import { count } from "../../logic/words";
import { priceWords, type Counts, type Panel } from "./panels";
import type { PickPage } from "./page";

/** "Find me so many together". */
export function finder(page: PickPage): Panel {
  const { hall, picks } = page;
  const many = h("select", { id: "find-many", "data-testid": "find-many" });
  const tier = h("select", { id: "find-tier", "data-testid": "find-tier" }, h("option", { value: "" }, "any price"),
    hall.tiers.map((t, i) => h("option", { value: i }, `${t.name}, ${money(t.price_minor + (t.fee_minor ?? 0), page.app.event!.currency)}`)));
  const wheelchair = h("input", { type: "checkbox", checked: true, "data-testid": "find-wheelchair" });
  const tick = h("label", { class: "tick" }, wheelchair, h("span", null, "with a wheelchair place"));
  const go = h("button", { type: "submit", "data-testid": "find-go" }, "Find and hold them");
  let party = 0;
  const update = (): void => {
    tick.hidden = !page.needsWheelchair;
    if (party === picks.party) return;
    party = picks.party;
    fill(many, Array.from({ length: party }, (_, i) => h("option", { value: i + 1, selected: i + 1 === party }, i === 0 ? "1 seat" : `${i + 1} together`)));
  };
  update();
  const form = h("form", { class: "card find", onsubmit: (e: globalThis.Event) => {
    e.preventDefault();
    page.find(Number(many.value), tier.value === "" ? undefined : Number(tier.value), page.needsWheelchair && wheelchair.checked);
  } },
    h("h2", null, "Let us look"),
    h("div", { class: "two" }, h("div", null, h("label", { for: "find-many" }, "How many"), many), h("div", null, h("label", { for: "find-tier" }, "Where"), tier)),
    tick, h("p", { class: "small" }, "The best that are free. Places that you hold beyond your number of tickets are given back once the new ones are yours."),
    h("p", { class: "row" }, go));
  form.hidden = hall.seats === 0;
  return { node: form, update };
}

/** A number with − and + for each standing area. */
export function areas(page: PickPage, counts: Counts): Panel {
  const { hall, picks } = page;
  const one = (a: HallArea, nth: number): Panel => {
    const n = h("output", { class: "num", "data-testid": "area-count" });
    const left = h("small");
    const fewer = button("−", () => page.step(a.first, a.end, false), { "aria-label": `One place fewer in ${a.name}`, "data-testid": "area-fewer" });
    const more = button("+", () => page.step(a.first, a.end, true), { "aria-label": `One place more in ${a.name}`, "data-testid": "area-more" });
    return {
      node: h("li", { "data-testid": "area" }, h("span", null, h("strong", null, a.name), h("small", null, `${hall.tiers[a.tier]!.name}, ${money(priceOf(hall, a.first), page.app.event!.currency)}`), left),
        h("span", { class: "step" }, fewer, n, more)),
      update: () => {
        const mine = picks.wish.filter((p) => p >= a.first && p < a.end).length;
        text(n, String(mine));
        fewer.setAttribute("aria-disabled", String(mine === 0));
        if (counts.nth > 0) text(left, counts.areas[nth]! > 0 ? `${count(counts.areas[nth]!)} free` : "none free just now");
      },
    };
  };
  const all = hall.areas.map(one);
  const node = h("section", { class: "card" }, h("h2", null, "Standing places"), h("p", { class: "small" }, "Nobody has a place of their own there: only how many counts."), h("ul", { class: "seats" }, all.map((a) => a.node)));
  node.hidden = all.length === 0;
  return { node, update: () => all.forEach((a) => a.update()) };
}

/** Section, row and seat, each with what is free; for keyboards and those who listen to the page. */
export function chooser(page: PickPage, counts: Counts, show: (seat: number) => void): Panel {
  const { hall, picks } = page;
  const section = h("select", { id: "pick-section", "data-testid": "pick-section", onchange: () => (rowOptions(), update()) }, hall.sections.map((s, i) => h("option", { value: i }, s.name)));
  const row = h("select", { id: "pick-row", "data-testid": "pick-row", onchange: () => (seatButtons(), update()) });
  const seats = h("div", { class: "seat-list", role: "group", "aria-label": "Seats of the row", "data-testid": "seat-list" });
  /** The pieces of each row of the section, since a row may be parted. */
  let rows: { label: string; table: boolean; pieces: [number, number][] }[] = [];
  let buttons: [number, HTMLButtonElement][] = [];
  let was = "";

  const rowOptions = (): void => {
    const s = hall.sections[Number(section.value)]!;
    rows = [];
    for (let r = s.firstRow; r < s.endRow; r++) {
      const { label, table, first, end } = hall.rows[r]!;
      const known = rows.find((x) => x.label === label && x.table === table);
      if (known) known.pieces.push([first, end]);
      else rows.push({ label, table, pieces: [[first, end]] });
    }
    fill(row, rows.map((_, i) => h("option", { value: i })));
    const free = rows.findIndex((x) => freeIn(x.pieces) > 0);
    row.value = String(Math.max(free, 0));
    seatButtons();
  };
  const freeIn = (pieces: [number, number][]): number => {
    let n = 0;
    for (const [first, end] of pieces) for (let i = first; i < end; i++) if (!page.taken(i) && !page.kept(i)) n++;
    return n;
  };
  const seatButtons = (): void => {
    was = "";
    buttons = (rows[Number(row.value)]?.pieces ?? []).flatMap(([first, end]) => Array.from({ length: end - first }, (_, i): [number, HTMLButtonElement] => {
      const seat = first + i;
      return [seat, button(hall.labels[seat]!, () => {
        page.tap(seat);
        show(seat);
      }, { class: "seat", "data-testid": "seat" })];
    }));
    fill(seats, buttons.map(([, b]) => b));
  };
  const update = (): void => {
    const now = `${page.turn} ${page.moves} ${section.value} ${row.value}`;
    if (now === was) return;
    was = now;
    for (const [i, o] of [...section.options].entries()) text(o, hall.sections[i]!.name + (counts.nth > 0 ? ` (${count(counts.sections[i]!)} free)` : ""));
    for (const [i, o] of [...row.options].entries()) text(o, `${rows[i]!.table ? "Table" : "Row"} ${rows[i]!.label}${page.loaded ? ` (${count(freeIn(rows[i]!.pieces))} free)` : ""}`);
    for (const [seat, b] of buttons) {
      const mine = picks.held.includes(seat), wanted = picks.wish.includes(seat);
      const state = mine && wanted ? "yours" : wanted ? "asking" : page.taken(seat) && !mine ? "taken" : page.kept(seat) ? "kept" : "free";
      const flags = hall.flags[seat]!;
      b.dataset.state = state;
      b.setAttribute("aria-pressed", String(wanted));
      b.setAttribute("aria-disabled", String(state === "taken" || state === "kept"));
      b.setAttribute("aria-label", [`Seat ${hall.labels[seat]}`, { yours: "yours, press to give it back", asking: "being asked for", taken: page.loaded ? "taken" : "not known yet whether it is free", kept: "kept for parties that need a wheelchair place", free: "free" }[state],
        hall.tiers[hall.tierOf[seat]!]!.name, priceWords(page, seat), flags & ACCESSIBLE && "wheelchair place", flags & COMPANION && "companion’s seat", flags & RESTRICTED && `restricted view: ${hall.restricted.get(seat)}`].filter(Boolean).join(", "));
      b.title = b.getAttribute("aria-label")!;
    }
  };
  const details = h("details", { class: "card", "data-testid": "chooser" }, h("summary", null, h("strong", null, "Choose from lists"), h("span", { class: "small" }, " section, row and seat, without the drawing")),
    h("div", { class: "stack" }, h("div", null, h("label", { for: "pick-section" }, "Section"), section), h("div", null, h("label", { for: "pick-row" }, "Row"), row)), seats);
  details.hidden = hall.seats === 0;
  details.addEventListener("toggle", () => details.open && update());
  if (hall.seats > 0) rowOptions();
  return { node: details, update: () => details.open && update() };
}
