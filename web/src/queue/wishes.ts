// How many tickets, which, and what would do instead: fields for joining, and for changing it while waiting.

import { h } from "../fan/dom";
import { availabilityWords, fullPrice } from "../fan/offer";
import type { Event, Join, Sale, Wishes } from "../wire";
import type { App } from "./app";

export type Wish = { party: number; wishes: Wishes };

/** Fields that change `w` as they are filled in, and what is asked then; without how many, if they stay as many. */
export function wishFields(app: App, w: Wish, changed: () => void = () => {}, same = false): { nodes: (HTMLElement | false)[]; asked: () => Join } {
  const sale: Sale = app.sale!;
  const event: Event = app.event!;
  const pick = sale.seating === "pick";
  w.party = Math.min(w.party, sale.party_max);
  w.wishes.tiers = w.wishes.tiers.filter((id) => !pick && event.tiers.some((t) => t.id === id));
  const party = h("select", { id: "party", "data-testid": "party", onchange: () => { w.party = Number(party.value); refresh(); } },
    Array.from({ length: sale.party_max }, (_, i) => h("option", { value: i + 1, selected: i + 1 === w.party }, i + 1)));
  const tick = (label: string, on: boolean, set: (on: boolean) => void, more?: Node | string): HTMLElement => {
    const box = h("input", { type: "checkbox", checked: on, onchange: () => { set(box.checked); refresh(); } });
    return h("label", { class: "tick" }, box, h("span", null, label, more));
  };
  const tiers = h("fieldset", null, h("legend", null, "Which tickets? ", h("small", null, "Choose none for the best of all.")),
    event.tiers.map((t) => tick(t.name, w.wishes.tiers.includes(t.id), (on) => {
      w.wishes.tiers = event.tiers.map((x) => x.id).filter((id) => (id === t.id ? on : w.wishes.tiers.includes(id)));
    }, h("small", null, [fullPrice(t, event.currency), availabilityWords(app.left?.tiers.find((a) => a.tier === t.id))].filter(Boolean).join(" · ")))));
  const other = tick("Other prices are fine too", w.wishes.other_tiers, (on) => (w.wishes.other_tiers = on), h("small", null, "if what you chose is gone"));
  const apart = tick("We would sit apart", w.wishes.apart, (on) => (w.wishes.apart = on), h("small", null, "if there is nothing together"));
  const fewer = tick("We would take fewer tickets", w.wishes.fewer, (on) => (w.wishes.fewer = on), h("small", null, "if not enough are left"));
  const accessible = tick("We need a wheelchair place", w.wishes.accessible, (on) => (w.wishes.accessible = on));
  const refresh = (): void => {
    other.hidden = w.wishes.tiers.length === 0 || w.wishes.tiers.length === event.tiers.length;
    apart.hidden = w.party < 2;
    fewer.hidden = same || apart.hidden;
    changed();
  };
  refresh();
  return {
    nodes: [!same && h("label", { for: "party" }, "How many tickets?"), !same && party, !pick && event.tiers.length > 0 && tiers,
      pick ? accessible : h("fieldset", null, h("legend", null, "If it gets tight"), other, apart, fewer, accessible)],
    // What is hidden because it does not apply is not asked for.
    asked: () => ({ party: w.party, wishes: {
      ...w.wishes, other_tiers: !other.hidden && w.wishes.other_tiers, apart: apart.hidden || w.wishes.apart, fewer: !fewer.hidden && w.wishes.fewer,
    } }),
  };
}
