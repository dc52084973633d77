// In the line: waiting, paused, skipped.

import { Problem } from "../api";
import { confirmed } from "../fan/confirm";
import { button, busy, fill, h, text, trouble } from "../fan/dom";
import { places } from "../fan/who";
import { countdown } from "../logic/clock";
import { clockTime, longTime } from "../logic/time";
import { chanceWords, changeWords, count, estimateWords, grewWords, saleWords, span } from "../logic/words";
import type { Acts, App, Drawn } from "./app";
import { placeDetails } from "./place-details";

export function leaveButton(acts: Acts): HTMLElement {
  const out = h("div");
  const b = button("Leave the line", () => void (async () => {
    if (!(await confirmed("Leave the line?", "Your place is given up for good. You could only join again at the back.", "Leave", "Stay in line"))) return;
    await busy(b, "Leaving…", () => acts.leave().catch((e: Problem) => fill(out, trouble(e))));
  })(), { class: "plain", "data-testid": "leave-button" });
  return h("div", { class: "end" }, out, b);
}

export function updated(app: App): [HTMLElement, () => void] {
  const el = h("p", { class: "small", "data-testid": "updated" });
  return [el, () => text(el, `Sale: ${saleWords[app.view!.sale].toLowerCase()} · last update ${clockTime(app.viewAt)}`)];
}

export function waiting(app: App, acts: Acts, paused: boolean): Drawn {
  const ahead = h("p", { class: "big", "data-testid": "ahead" });
  const label = h("p", { class: "under" });
  const estimate = h("p", { "data-testid": "estimate" });
  const moved = h("p", { class: "note", "data-testid": "estimate-changed" });
  const grew = h("p", { class: "note", role: "status", "data-testid": "ahead-grew" });
  // Told once, shown until it changes again.
  let why = "";
  let told = "";
  const chances = h("ul", { "data-testid": "chances" });
  const remain = h("div", { class: "card" }, h("p", null, "The chance that seats are left at your turn:"), chances);
  const gone = h("p", { class: "note", role: "status", "data-testid": "sold-out-for-you" },
    h("strong", null, "Sold out for your wishes. "), "Everything that you said you would take is sold and paid for. You may stay, in case a ticket is returned.");
  const bar = h("progress", { "aria-label": "Your way to the front" });
  const reason = h("p", { class: "note", "data-testid": "pause-reason" });
  const opens = h("p", { class: "note" });
  const [when, tick] = updated(app);
  const update = (): void => {
    const v = app.view!;
    const kept = app.kept;
    if (kept && kept.ahead !== v.ahead) {
      const more = v.ahead - (kept.ahead ?? v.ahead);
      if (more > 0) text(grew, grewWords(more));
      kept.ahead = v.ahead;
      kept.first = Math.max(kept.first ?? 0, v.ahead);
      places.set(app.saleId, kept);
    }
    grew.hidden = !grew.textContent;
    const first = Math.max(kept?.first ?? 0, 1);
    text(ahead, count(v.ahead));
    text(label, v.ahead === 0 ? "nobody is ahead of you" : `${v.ahead === 1 ? "is" : "are"} ahead of you, of ${count(v.waiting)} waiting`);
    text(estimate, paused ? `Your place stays the same while the sale is ${v.stopped ? "stopped" : "paused"}.` : v.estimate ? `Your wait: ${estimateWords(v.estimate)}.` : "An honest estimate cannot be given yet.");
    if (v.estimate?.changed) why = changeWords(v.estimate.changed);
    moved.hidden = paused || !v.estimate || !why;
    text(moved, why);
    const lines = (v.chances ?? []).map((c) => chanceWords(app.event?.tiers.find((t) => t.id === c.tier)?.name ?? c.tier, c.percent));
    gone.hidden = !v.sold_out_for_you;
    remain.hidden = !lines.length || !gone.hidden;
    if (lines.join() !== told) fill(chances, lines.map((line) => h("li", null, line)));
    told = lines.join();
    bar.max = first;
    bar.value = Math.max(0, first - v.ahead);
    text(bar, `${Math.round((100 * bar.value) / first)} %`);
    text(reason, v.pause_reason ? `The organiser says: ${v.pause_reason}` : "The organiser gave no reason.");
    opens.hidden = v.sale !== "scheduled";
    if (v.opens_at_ms) text(opens, `The sale opens in ${countdown(app.clock.left(v.opens_at_ms))} (${longTime(v.opens_at_ms, app.event?.time_zone)}).`);
    tick();
  };
  return {
    heading: paused ? (app.view!.stopped ? "The sale is stopped for now" : "The sale is paused") : "You are in line",
    nodes: [
      paused && reason,
      h("div", { class: "card centre" }, ahead, label, bar, grew, estimate, moved, opens),
      gone,
      remain,
      h("p", { class: "safe" }, "Your place is kept if you close this page. Come back to this address in the same browser", app.kept?.byAccount ? ", or sign in on any device." : "."),
      h("p", { class: "small" }, app.sale?.seating === "pick" ? `When your turn comes, be here: you then have ${span(app.sale.shop_ms)} to choose your first place on the live map.`
        : "When your turn comes, be here: the page then shows your seats and how long they are held for you."),
      placeDetails(app, acts),
      when,
      leaveButton(acts),
    ],
    update,
  };
}

export function lobby(app: App, acts: Acts, drawing: boolean): Drawn {
  const left = h("p", { class: "big", role: "timer", "data-testid": "lobby-countdown" });
  const [when, tick] = updated(app);
  const sale = app.sale;
  const drawn = sale?.ordering !== "fifo";
  const stopped = h("p", { class: "note", "data-testid": "stopped" });
  const check = h("p", { class: "small" }, "You can ",
    h("a", { href: "/draw/" + app.saleId }, "check the draw yourself"), ": what was promised beforehand, who was in it, and how the numbers follow.",
    app.kept?.ack && " This browser keeps our signature that you are in it.");
  return {
    heading: drawing ? "The numbers are being drawn" : "You are in the lobby",
    nodes: [
      stopped,
      h("div", { class: "card centre" },
        drawing
          ? [h("div", { class: "spin", "aria-hidden": "true" }), h("p", { class: "lead" }, "Everybody who was in the lobby gets a number at the same moment."), h("p", { class: "muted" }, "This takes a minute or two. Nobody is let in before.")]
          : [h("p", null, "The sale opens", sale ? [" ", h("strong", null, longTime(sale.opens_at_ms, app.event?.time_zone))] : "", ", in"), left]),
      !drawing && h("p", null, drawn
        ? "When it opens, everybody in the lobby gets a number by a draw. It does not matter who came first, and reloading changes nothing."
        : "Whoever came first goes first. Reloading changes nothing."),
      drawn && check,
      h("p", { class: "safe" }, "Your place is kept if you close this page. Come back to this address in the same browser", app.kept?.byAccount ? ", or sign in on any device." : "."),
      placeDetails(app, acts),
      when,
      leaveButton(acts),
    ],
    update: () => {
      const opens = app.view?.opens_at_ms ?? sale?.opens_at_ms;
      stopped.hidden = !app.view?.stopped;
      text(stopped, `The sale is stopped for now. Your place is kept. The organiser says: ${app.view?.pause_reason ?? ""}`);
      if (!drawing && opens) text(left, countdown(app.clock.left(opens)));
      tick();
    },
  };
}

export function skipped(app: App, acts: Acts): Drawn {
  const [when, update] = updated(app);
  return {
    heading: "Welcome back: you are next",
    nodes: [
      h("div", { class: "card" },
        h("p", null, "Your turn came while this page was closed or out of reach, so others went first."),
        h("p", null, h("strong", null, "You have not lost your place."), " You are back, and the next to be let in. Please keep this page open."),
        app.view?.sale === "paused" && h("p", { class: "note" }, `The sale is paused: ${app.view.pause_reason ?? "the organiser gave no reason"}`)),
      placeDetails(app, acts),
      when,
      leaveButton(acts),
    ],
    update,
  };
}
