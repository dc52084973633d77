// Before the line: the countdown to the opening and the form.

import { newKey, Problem } from "../api";
import { button, busy, fill, h, text, trouble } from "../fan/dom";
import { availabilityWords, fullPrice } from "../fan/offer";
import { account, remembered, signIn } from "../fan/who";
import { afterSeconds } from "../logic/backoff";
import { countdown } from "../logic/clock";
import { longTime } from "../logic/time";
import { joinsFrom } from "../logic/screen";
import { span } from "../logic/words";
import type { Join, Sale } from "../wire";
import type { Acts, App, Drawn } from "./app";

export function notOpen(app: App, acts: Acts): Drawn {
  const left = h("p", { class: "big", role: "timer", "data-testid": "countdown" });
  const sale = app.sale!;
  return {
    heading: "Not open yet",
    nodes: [
      h("div", { class: "card centre" }, h("p", null, sale.lobby_opens_at_ms ? "The lobby opens " : "Opens ", h("strong", null, longTime(joinsFrom(sale), app.event?.time_zone)), ", in"), left),
      sale.lobby_opens_at_ms !== undefined && h("p", null, lobbyWords(sale), ` The sale opens ${longTime(sale.opens_at_ms, app.event?.time_zone)}.`),
      h("p", { class: "muted" }, "Stay here: the page goes on by itself. Nothing is gained by reloading. You can choose already:"),
      form(app, acts, false).node,
    ],
    update: () => {
      const ms = app.clock.left(joinsFrom(app.sale!));
      text(left, countdown(ms));
      left.classList.toggle("long", ms > 86_400_000);
    },
  };
}

function lobbyWords(sale: Sale): string {
  return sale.ordering === "fifo"
    ? "In the lobby you are in line already: whoever comes first goes first."
    : "Whoever is in the lobby when the sale opens gets a number by a draw that anybody can check: it does not matter who came first.";
}

export function join(app: App, acts: Acts): Drawn {
  const f = form(app, acts, true);
  const sale = app.sale!;
  return {
    heading: app.again ? "Join again" : sale.state === "lobby" ? "Enter the lobby" : "Join the line",
    nodes: [
      sale.state === "lobby" && h("p", { class: "note" }, lobbyWords(sale), ` The sale opens ${longTime(sale.opens_at_ms, app.event?.time_zone)}.`),
      sale.state === "drawing" && h("p", { class: "note" }, "The lobby is closed and its numbers are being drawn. You can join behind it."),
      sale.state === "paused" && h("p", { class: "note" }, "Nobody is let in at the moment" + (sale.pause_reason ? `: ${sale.pause_reason}` : ".") + " You can join all the same."),
      h("p", null, "Say what you would like, then join. When it is your turn, the best seats that fit are held for you for ",
        span(sale.hold_ttl_ms), ". You pay, and have your tickets."),
      f.node,
      h("details", { class: "more" }, h("summary", null, "How the line works"),
        h("p", null, sale.state === "lobby" && sale.ordering !== "fifo" ? "Your number is drawn when the sale opens. Your place is kept" : "Your place depends only on when you join. It is kept", " if you close this page or lose the connection; come back in this browser, or on any device if you are signed in."),
        h("p", null, "If you are away when your turn comes, others go first, and you are next as soon as you are back. Seats that others do not pay for go to the next in line at once.")),
    ],
  };
}

/** Kept over redraws, so that nothing chosen is lost when the sale opens. */
let wish: Join | null = null;

function form(app: App, acts: Acts, open: boolean): { node: HTMLElement } {
  const sale = app.sale!;
  const event = app.event!;
  wish ??= remembered.wishes(app.saleId) ?? { party: Math.min(2, sale.party_max), wishes: { tiers: [], other_tiers: false, apart: true, fewer: false, accessible: false } };
  const w = wish;
  w.party = Math.min(w.party, sale.party_max);
  const known = new Set(event.tiers.map((t) => t.id));
  w.wishes.tiers = w.wishes.tiers.filter((t) => known.has(t));

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
  const refresh = (): void => {
    other.hidden = w.wishes.tiers.length === 0 || w.wishes.tiers.length === event.tiers.length;
    apart.hidden = fewer.hidden = w.party < 2;
    remembered.setWishes(app.saleId, w);
  };
  refresh();

  const out = h("div");
  const needsAccount = sale.entry === "account" && account.email === null;
  const go = h("button", { type: "submit", class: "main", "data-testid": "join-button" }, "Join the line");
  const key = newKey();
  const submit = async (): Promise<void> => {
    fill(out);
    const { other_tiers, apart: sitApart, fewer: takeFewer } = w.wishes;
    // What is hidden because it does not apply is not asked for.
    const wishes = { ...w.wishes, other_tiers: !other.hidden && other_tiers, apart: apart.hidden || sitApart, fewer: !fewer.hidden && takeFewer };
    await attempt(acts, { party: w.party, wishes }, key, out, app);
  };
  const node = h("form", { class: "card", onsubmit: (e: globalThis.Event) => { e.preventDefault(); if (open && !needsAccount) void busy(go, "Joining…", submit); } },
    h("label", { for: "party" }, "How many tickets?"), party,
    event.tiers.length > 0 && tiers,
    h("fieldset", null, h("legend", null, "If it gets tight"), other, apart, fewer,
      tick("We need a wheelchair place", w.wishes.accessible, (on) => (w.wishes.accessible = on))),
    out,
    needsAccount
      ? [h("p", { class: "note" }, "For this sale you need an account."),
        button("Sign in or make an account", () => void signIn("This sale is for accounts only.").then((yes) => (yes ? acts.signedIn() : undefined)), { class: "main", "data-testid": "sign-in-to-join" })]
      : open && go,
    account.email === null && !needsAccount && h("p", { class: "small" }, "To reach your place from another device too, ",
      button("sign in first", () => void signIn("Then your place belongs to your account.").then((yes) => (yes ? acts.signedIn() : undefined)), { class: "link" }), "."),
    account.email !== null && h("p", { class: "small" }, `Signed in as ${account.email}.`));
  return { node };
}

/** Joins; where the server asks to wait it waits and tries again with the same key, as long as the page is there. */
async function attempt(acts: Acts, wish: Join, key: string, out: HTMLElement, app: App): Promise<void> {
  for (;;) {
    try {
      return await acts.join(wish, key);
    } catch (e) {
      const p = e as Problem;
      if (!out.isConnected) return;
      if (p.status === 429 || p.status === 503 || p.status === 0) {
        const until = performance.now() + afterSeconds(p.retryAfterS ?? 2);
        const note = h("p", { class: "note", role: "status", "data-testid": "join-wait" });
        fill(out, note);
        for (let left = until - performance.now(); left > 0; left = until - performance.now()) {
          text(note, `${p.status === 0 ? "The connection is away." : "Very many are joining."} Trying again by itself in ${Math.ceil(left / 1000)} s.`);
          await new Promise((done) => setTimeout(done, Math.min(left, 500)));
          if (!out.isConnected) return;
        }
        continue;
      }
      if (p.code === "not-open-yet") {
        if (p.atMs) app.sale![app.sale!.lobby_opens_at_ms ? "lobby_opens_at_ms" : "opens_at_ms"] = p.atMs;
        app.sale!.state = "scheduled";
        app.openingPassed = false;
        app.notice = "The sale is not open yet.";
        return acts.changed();
      }
      if (p.code === "sale-closed" || p.code === "sold-out" || p.code === "lobby-closed") {
        app.sale!.state = p.code === "sold-out" ? "sold_out" : "closed";
        app.again = app.again && !app.view;
        return acts.changed();
      }
      if (p.code === "account-needed" || p.code === "session-expired") {
        fill(out, trouble(p));
        if (await signIn(p.code === "account-needed" ? "This sale is for accounts only." : "Your session has ended.")) return acts.signedIn();
        return;
      }
      fill(out, trouble(p, p.passing ? () => void attempt(acts, wish, key, out, app) : undefined));
      return;
    }
  }
}
