// Before the line: the countdown to the opening and the form.

import { newKey, Problem } from "../api";
import { button, busy, fill, h, sentence, text, trouble } from "../fan/dom";
import { account, remembered, signIn } from "../fan/who";
import { afterSeconds } from "../logic/backoff";
import { countdown } from "../logic/clock";
import { longTime } from "../logic/time";
import { joinsFrom } from "../logic/screen";
import { span } from "../logic/words";
import type { Join, Sale } from "../wire";
import type { Acts, App, Drawn } from "./app";
import { wishFields, type Wish } from "./wishes";

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
      sale.stopped ? h("p", { class: "note", "data-testid": "stopped" }, h("strong", null, "Nobody can join at the moment. "), sentence(sale.pause_reason ?? ""), " Stay here: the page goes on by itself.")
      : sale.state === "paused" && h("p", { class: "note" }, "Nobody is let in at the moment" + (sale.pause_reason ? `: ${sale.pause_reason}` : ".") + " You can join all the same."),
      h("p", null, "Say what you would like, then join. When it is your turn, ", sale.seating === "pick" ? "you choose your places on a live map, and they" : "the best seats that fit", " are held for you for ",
        span(sale.hold_ttl_ms), ". You pay, and have your tickets."),
      f.node,
      h("details", { class: "more" }, h("summary", null, "How the line works"),
        h("p", null, sale.state === "lobby" && sale.ordering !== "fifo" ? "Your number is drawn when the sale opens. Your place is kept" : "Your place depends only on when you join. It is kept", " if you close this page or lose the connection; come back in this browser, or on any device if you are signed in."),
        h("p", null, "If you are away when your turn comes, others go first, and you are next as soon as you are back. Seats that others do not pay for go to the next in line at once.")),
    ],
  };
}

/** Kept over redraws, so that nothing chosen is lost when the sale opens. */
let wish: Wish | null = null;
let code = "";

export const needsAccount = (sale?: Sale): boolean => sale?.entry === "account" || sale?.entry === "invited";

function form(app: App, acts: Acts, open: boolean): { node: HTMLElement } {
  const sale = app.sale!;
  wish ??= remembered.wishes(app.saleId) ?? { party: Math.min(2, sale.party_max), wishes: { tiers: [], other_tiers: false, apart: true, fewer: false, accessible: false } };
  const w = wish;
  const fields = wishFields(app, w, () => remembered.setWishes(app.saleId, w));
  const must = sale.entry === "code";
  const coded = (must || sale.ordering === "invited_first") && h("input", {
    id: "code", autocomplete: "off", maxlength: 80, required: must, value: code, "data-testid": "code", oninput: (e: globalThis.Event) => (code = (e.target as HTMLInputElement).value),
  });

  const out = h("div");
  const outside = needsAccount(sale) && account.email === null;
  const go = h("button", { type: "submit", class: "main", "data-testid": "join-button" }, "Join the line");
  const key = newKey();
  const submit = async (): Promise<void> => {
    fill(out);
    await attempt(acts, { ...fields.asked(), code: (coded && code.trim()) || undefined }, key, out, app);
  };
  const over = (): void => void acts.takeOver();
  const node = h("form", { class: "card", onsubmit: (e: globalThis.Event) => { e.preventDefault(); if (open && !outside) void busy(go, "Joining…", submit); } },
    coded && [h("label", { for: "code" }, must ? "Your access code" : "Your access code, if you have one"), coded],
    fields.nodes,
    out,
    outside
      ? [h("p", { class: "note" }, sale.entry === "invited" ? "This sale is for invited people: sign in with the address that was invited." : "For this sale you need an account."),
        button("Sign in or make an account", () => void signIn("This sale is for accounts only.").then((yes) => (yes ? acts.signedIn() : undefined)), { class: "main", "data-testid": "sign-in-to-join" })]
      : open && !sale.stopped && go,
    account.email === null && !outside && h("p", { class: "small" }, "To reach your place from another device too, ",
      button("sign in first", () => void signIn("Then your place belongs to your account.").then((yes) => (yes ? acts.signedIn() : undefined)), { class: "link" }), "."),
    account.email !== null && h("p", { class: "small" }, `Signed in as ${account.email}.`),
    open && h("p", { class: "small" }, "Were you given a place? ", button("Enter its transfer code", over, { class: "link", "data-testid": "take-over" }), "."));
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
          text(note, `${p.status === 0 ? "The connection is away." : p.code === "stopped" ? `Nobody can join at the moment: ${sentence(p.detail)}` : "Very many are joining."} Trying again by itself in ${Math.ceil(left / 1000)} s.`);
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
      p.detail = p.detail.replace(/^code: /, "");
      fill(out, trouble(p, p.passing ? () => void attempt(acts, wish, key, out, app) : undefined));
      return;
    }
  }
}
