// What stands around the map: what happened, the tiers, what the signs mean, what the fan holds, what is pointed at.

import { button, busy, fill, h, text, trouble } from "../../fan/dom";
import { countdown } from "../../logic/clock";
import { ACCESSIBLE, COMPANION, namesOf, priceOf, RESTRICTED } from "../../logic/hall";
import { money } from "../../logic/money";
import { count, plural } from "../../logic/words";
import { schemeOf, sign, tierColour } from "./paint";
import type { PickPage, Told } from "./page";

export interface Panel { node: HTMLElement; update(): void }

const SOON_MS = 30_000;
/** What is read within so long moves nothing on the page. */
const SHORT_MS = 400;
/** A map that is behind for so long says so. */
const BEHIND_MS = 1_500;

export const priceWords = (page: PickPage, place: number): string => money(page.price(place, priceOf(page.hall, place)), page.app.event!.currency);

/** Draws again only where what it shows is another. */
function when(changed: () => string, draw: () => void): () => void {
  let was: string | undefined;
  return () => {
    const now = changed();
    if (now === was) return;
    was = now;
    draw();
  };
}

/** The time left, and everything that hinders. */
export function timeBar(page: PickPage): Panel {
  const left = h("strong", { role: "timer", "data-testid": "pick-left" });
  const what = h("span");
  const slow = h("p", { class: "note", role: "status", "data-testid": "cool-down", hidden: true });
  const behind = h("p", { class: "note", role: "status", "data-testid": "behind", hidden: true });
  const none = h("p", { class: "note", role: "status", "data-testid": "none-free", hidden: true });
  const line = h("p", { class: "left" }, left, what);
  let unknownAt = Infinity;
  const unread = h("p", { role: "status" });
  const again = button("Try again now", () => void page.sync(), { "data-testid": "read-again" });
  const reading = h("div", { class: "note", "data-testid": "reading", hidden: true }, unread, again);
  return {
    node: h("div", null, line, reading, slow, behind, none),
    update: () => {
      const t = page.left();
      line.hidden = !t;
      if (t) {
        line.classList.toggle("soon", t.ms <= SOON_MS && t.frozen === undefined);
        text(left, countdown(t.ms));
        text(what, t.frozen !== undefined ? ` left to ${t.hold ? "pay" : "choose your first place"}. The clock stands still: “${t.frozen}” You lose no time.`
          : t.ms <= 0 ? " The time is over. Asking what became of your place…"
          : t.hold ? ` left to choose and pay. ${page.emptyHold ? "You hold no places." : "Your places are held until then."}${page.app.view?.hold?.can_extend && t.ms <= 120_000 ? " On the way to pay you can ask for more time, once." : ""}` : " left to choose your first place. Then you have time to pay.");
      }
      if (page.known) unknownAt = Infinity;
      else unknownAt = Math.min(unknownAt, performance.now());
      reading.hidden = page.known || (!page.readFault && performance.now() < unknownAt + SHORT_MS);
      again.hidden = !page.readFault;
      text(unread, page.readFault ? "What you hold could not be read. We try again by ourselves; until then nothing can be chosen, and nothing is given back." : "Reading what you hold…");
      const pause = page.asks.pause;
      slow.hidden = !pause;
      if (pause) {
        const s = Math.max(1, Math.ceil((pause.until - performance.now()) / 1000));
        text(slow, pause.why.status === 429 ? `You are choosing very fast. We go on by ourselves in ${s} s, with what you chose last.`
          : "No answer from the server. What you chose last is asked for again by itself; what you hold stays yours.");
      }
      behind.hidden = performance.now() - (page.behindSince ?? (page.loaded ? Infinity : page.since)) < BEHIND_MS;
      text(behind, page.loaded ? "This map may be behind: we are connecting again. What you hold stays yours."
        : page.behindSince === null ? "We are fetching which seats are free…" : "Which seats are free could not be read yet, so all are shown as taken. We try again by ourselves.");
      const sold = page.app.view?.sale === "sold_out" || page.app.view?.sold_out_for_you;
      none.hidden = !page.loaded || (!sold && !nothingFree(page)) || page.picks.wish.length > 0;
      text(none, sold ? "Everything is sold and paid for. You may stay, in case something is returned." : "Nothing is free just now. Seats that others do not pay for come back on this map at once: stay here.");
    },
  };
}

let emptyAt = { moves: -1, empty: false, page: null as PickPage | null };
function nothingFree(page: PickPage): boolean {
  if (emptyAt.moves !== page.moves || emptyAt.page !== page) {
    let empty = true;
    for (let i = 0; i < page.hall.capacity && empty; i++) empty = page.taken(i);
    emptyAt = { moves: page.moves, empty, page };
  }
  return emptyAt.empty;
}

/** What just happened, and what can be done about it. */
export function toldBox(page: PickPage): Panel {
  const said = h("p", { role: "status", class: "said", "data-testid": "said" });
  const box = h("div");
  let shown: Told | null = null;
  const dismiss = (words: string): HTMLElement => button(words, () => page.dismiss(), { class: "plain" });
  const lost = (t: Told & { kind: "lost" }): HTMLElement => {
    const fresh = t.nearest.filter((s) => !page.picks.held.includes(s));
    const given = page.picks.held.filter((s) => !t.nearest.includes(s));
    return h("div", { class: "note bad", role: "alert", "data-testid": "lost" },
    h("p", null, h("strong", null, `${namesOf(page.hall, t.seats)} ${t.seats.length > 1 ? "were" : "was"} taken a moment before you. `),
      page.picks.held.length ? "What you hold is still yours." : "Nothing is lost by that: your time goes on."),
    fresh.length > 0
      ? [h("p", null, "The nearest free now, ringed on the map: ", h("strong", null, namesOf(page.hall, fresh)), `, ${money(fresh.reduce((a, s) => a + priceOf(page.hall, s), 0), page.app.event!.currency)}.`,
        given.length > 0 && ` For them ${namesOf(page.hall, given)} would be given back.`),
        h("p", { class: "row" }, button("Take these instead", () => page.choose(t.nearest), { class: "main", "data-testid": "take-nearest" }), dismiss("No, look on"))]
      : page.picks.wish.length > page.picks.held.length ? h("p", null, "The others that you chose are being asked for.")
      : [h("p", null, `Nothing near it ${page.needsWheelchair ? "that fits your party " : ""}is free. Choose another on the map, or let us look for seats below.`), h("p", { class: "row" }, dismiss("Look on"))]);
  };
  const full = (t: Told & { kind: "full" }): HTMLElement => {
    const oldest = page.picks.wish[0]!;
    return h("div", { class: "note", "data-testid": "full" },
      h("p", null, h("strong", null, page.name(t.seat)), `, ${priceWords(page, t.seat)}. All your ${plural(page.picks.party, "ticket")} have places. `, "Nothing is given back before the new seats are yours."),
      t.all && h("p", null, `Side by side, the nearest ${page.picks.party} are `, h("strong", null, namesOf(page.hall, t.all)), ` (${[...new Set(t.all.map((s) => page.hall.tiers[page.hall.tierOf[s]!]!.name))].join(", ")}, ${money(t.all.reduce((a, s) => a + page.price(s, priceOf(page.hall, s)), 0), page.app.event!.currency)} in all).`),
      h("p", { class: "row" },
        t.all && button(`Move all ${page.picks.party} there`, () => page.choose(t.all!), { class: "main", "data-testid": "move-all" }),
        button(`Take this seat instead of ${page.name(oldest)}`, () => page.swap(t.seat), { class: "plain", "data-testid": "swap-one" }), dismiss("Leave all as it is")));
  };
  const draw = when(() => `${page.turn}`, () => {
    const asking = page.picks.asking && page.picks.wish.filter((s) => !page.picks.held.includes(s));
    text(said, asking?.length ? `Asking for ${namesOf(page.hall, asking)}…` : asking ? "One moment…" : page.said);
  });
  const boxed = (): void => {
    const t = page.told;
    // What is offered stays under the finger while other things change.
    if (shown === t) return;
    shown = t;
    fill(box, t?.kind === "lost" ? lost(t) : t?.kind === "full" ? full(t) : t?.kind === "trouble" ? trouble(t.problem) : null);
    if (t) box.scrollIntoView({ block: "nearest" });
  };
  return { node: h("div", { class: "told" }, said, box), update: () => (draw(), boxed()) };
}

/** The seat that is pointed at. */
export function card(page: PickPage): Panel {
  const node = h("p", { class: "seat-card", "data-testid": "seat-card" });
  const update = when(() => `${page.pointed} ${page.turn} ${page.moves}`, () => {
    const seat = page.pointed;
    if (seat === null) return fill(node, h("span", { class: "muted" }, "Choose a seat and it is held for you at once; what it is and costs stands here. Zoom with the wheel, two fingers or the buttons."));
    const { hall, picks } = page;
    const flags = hall.flags[seat] ?? 0;
    const mine = picks.held.includes(seat);
    const wanted = picks.wish.includes(seat);
    const state = mine && wanted ? "yours: click it to give it back" : mine ? "being given back" : wanted ? "being asked for" : !page.loaded ? "not known yet whether it is free" : page.taken(seat) ? "taken" : page.kept(seat) ? "kept for parties that need a wheelchair place" : "free";
    fill(node, h("strong", null, page.name(seat)), ` · ${hall.tiers[hall.tierOf[seat]!]!.name} · ${priceWords(page, seat)} · `, h("em", null, state),
      flags & ACCESSIBLE ? " · wheelchair place" : flags & COMPANION ? " · seat of a wheelchair user’s companion" : "",
      flags & RESTRICTED ? h("span", { class: "bad-text" }, ` · restricted view: ${hall.restricted.get(seat)}`) : null);
  });
  return { node, update };
}

/** How many are free, by tier, section and area. Counted now and then, not with every seat that moves. */
export class Counts {
  tiers: number[] = [];
  sections: number[] = [];
  areas: number[] = [];
  /** Counts the countings. */
  nth = 0;
  private at = -Infinity;
  private moves = -1;
  constructor(private page: PickPage) {}
  refresh(): void {
    const { page } = this;
    if (!page.loaded || page.moves === this.moves || performance.now() - this.at < 400) return;
    this.moves = page.moves;
    this.at = performance.now();
    this.nth++;
    const { hall } = page;
    this.tiers = hall.tiers.map(() => 0);
    const within = (first: number, end: number): number => {
      let n = 0;
      for (let i = first; i < end; i++) if (!page.taken(i) && !page.kept(i)) n++, this.tiers[hall.tierOf[i]!]!++;
      return n;
    };
    this.sections = hall.sections.map((s) => within(s.first, s.end));
    this.areas = hall.areas.map((a) => within(a.first, a.end));
  }
}

/** The tiers with their prices: pressed are those that are shown. */
export function legend(page: PickPage, counts: Counts, redraw: () => void): Panel {
  const { hall } = page;
  const parts = hall.tiers.map((t, i) => {
    const left = h("small");
    const swatch = h("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.backgroundColor = tierColour(hall, i);
    const b = button("", () => {
      if (!page.dimmed.delete(i)) page.dimmed.add(i);
      b.setAttribute("aria-pressed", String(!page.dimmed.has(i)));
      redraw();
    }, { class: "tier", "aria-pressed": "true", "data-testid": "tier-" + t.id });
    b.append(swatch, h("span", null, h("strong", null, t.name), ` ${money(t.price_minor + (t.fee_minor ?? 0), page.app.event!.currency)}`, left));
    return { b, left, i };
  });
  return {
    node: h("div", { class: "legend", role: "group", "aria-label": "Prices; press one to hide its seats on the map" }, parts.map((p) => p.b)),
    update: when(() => `${counts.nth}`, () => {
      for (const p of parts) text(p.left, counts.nth === 0 ? "" : ` ${count(counts.tiers[p.i]!)} free`);
    }),
  };
}

/** What the signs mean. */
export function key(page: PickPage, at: Element): HTMLElement {
  const scheme = schemeOf(at);
  const any = (flag: number): boolean => page.hall.flags.some((f) => (f & flag) !== 0);
  const one = (what: Parameters<typeof sign>[1], words: string): HTMLElement => h("li", null, sign({ hall: page.hall, scheme }, what), " ", words);
  return h("ul", { class: "key" }, one("free", "free"), one("taken", "taken"), one("own", "yours"), one("asking", "being asked for"),
    any(ACCESSIBLE) && one("accessible", "wheelchair place"), any(COMPANION) && one("companion", "companion’s seat"), any(RESTRICTED) && one("restricted", "restricted view"));
}

/** The places with their way back. What stays is not made anew, so that a press or the keyboard's focus on it is not lost. */
function ownList(page: PickPage, list: HTMLElement, heading: HTMLElement): (all: readonly number[]) => void {
  const { picks, hall } = page;
  interface Row { li: HTMLElement; state: HTMLElement; price: HTMLElement; drop: HTMLButtonElement }
  const rows = new Map<number, Row>();
  const row = (s: number): Row => {
    const view = hall.restricted.get(s);
    const state = h("span"), price = h("span");
    const drop = button("×", () => page.tap(s), { class: "drop", "aria-label": `Give back ${page.name(s)}`, title: "Give back" });
    const li = h("li", null, h("span", null, h("strong", null, page.name(s)), h("small", null, state, view && h("span", { class: "bad-text" }, ` · restricted view: ${view}`))),
      h("span", { class: "num" }, price, " ", drop));
    return { li, state, price, drop };
  };
  return (all) => {
    const focused = [...list.children].findIndex((li) => li.contains(document.activeElement));
    for (const [s, r] of rows) if (!all.includes(s)) r.li.remove(), rows.delete(s);
    all.forEach((s, nth) => {
      const r = rows.get(s) ?? row(s);
      rows.set(s, r);
      const held = picks.held.includes(s), wanted = picks.wish.includes(s);
      r.li.className = held && wanted ? "" : "pending";
      text(r.state, !held ? "being asked for…" : wanted ? hall.tiers[hall.tierOf[s]!]!.name : "being given back…");
      text(r.price, priceWords(page, s));
      r.drop.hidden = !wanted;
      if (list.children[nth] !== r.li) list.insertBefore(r.li, list.children[nth] ?? null);
    });
    if (focused < 0) return;
    const on = document.activeElement;
    if (on instanceof HTMLElement && list.contains(on) && !on.hidden) return;
    // What had the focus is on its way back: the next one has it, or the heading.
    const left = all.map((s) => rows.get(s)!.drop);
    const next = [...left.slice(focused), ...left.slice(0, focused).reverse()].find((b) => !b.hidden);
    (next ?? heading).focus();
  };
}

/** What the fan holds; and, always in sight on a phone, what it costs and the way to pay. */
export function summary(page: PickPage, pay: () => Promise<void>): Panel & { bar: HTMLElement } {
  const { picks, hall } = page;
  const heading = h("h2", { tabindex: -1 });
  const list = h("ul", { class: "seats", "data-testid": "own" });
  const drawList = ownList(page, list, heading);
  const total = h("strong", { "data-testid": "pick-total" });
  const how = h("span");
  const line = h("p", { class: "total" }, how, total);
  const go = button("Pay", () => void busy(go, "One moment…", pay), { class: "main", "data-testid": "to-pay" });
  const back = button("Give all back", () => page.choose([]), { class: "plain", "data-testid": "give-all" });
  const bar = h("section", { class: "card paybar", "aria-label": "To pay" }, line, h("div", { class: "row" }, go, back));
  const none = h("p", { class: "muted" });
  const update = when(() => `${page.turn} ${picks.party} ${page.known}`, () => {
    const { held, wish } = picks;
    const all = [...held, ...wish.filter((s) => !held.includes(s))];
    text(heading, held.length ? `Your places: ${held.length} of ${picks.party}` : "Your places");
    none.hidden = all.length > 0;
    text(none, !page.known ? (page.readFault ? "What you hold is not known yet." : "Reading what you hold…") : `Choose ${picks.party === 1 ? "a place" : `up to ${picks.party} places`}. Each is held for you the moment you choose it.`);
    drawList(all);
    bar.hidden = held.length === 0;
    text(how, `${held.length} of ${plural(picks.party, "place")}, fees included`);
    text(total, money(held.reduce((a, s) => a + page.price(s, priceOf(hall, s)), 0), page.app.event!.currency));
    if (go.getAttribute("aria-disabled") !== "true") text(go, `Pay for ${plural(held.length, "ticket")}`);
    back.hidden = held.length < 2;
  });
  return { node: h("section", { class: "card summary" }, heading, none, list), bar, update };
}
