// Let in, and no seats yet: they are being found, gathered, or something else is offered instead.

import { call, type Problem } from "../api";
import { button, busy, fill, h, text, trouble } from "../fan/dom";
import { places } from "../fan/who";
import { countdown } from "../logic/clock";
import { agreed, questionWords } from "../logic/question";
import type { Joined, Question } from "../wire";
import type { Acts, App, Drawn } from "./app";
import { leaveButton, updated } from "./line";
import { placeDetails } from "./place-details";

/** What the party is asked to take, and the two answers. */
function question(app: App, acts: Acts, asked: Question): [HTMLElement, () => void] {
  const left = h("strong", { role: "timer", "data-testid": "question-left" });
  const out = h("div");
  const path = `/v1/sales/${encodeURIComponent(app.saleId)}/places/mine`;
  const take = button("Take them", () => void busy(take, "Taking them…", async () => {
    const kept = app.kept!;
    fill(out);
    try {
      const mine = (await call<Joined>("GET", path, { bearer: kept.receipt })).data.place;
      const j = (await call<Joined>("PATCH", path, { bearer: kept.receipt, body: agreed(asked, mine) })).data;
      kept.receipt = j.receipt;
      places.set(app.saleId, kept);
      fill(out, h("p", { role: "status" }, "Agreed. Looking whether anybody before you takes them…"));
    } catch (e) {
      fill(out, trouble(e as Problem));
    }
  }), { class: "main", "data-testid": "take-instead" });
  const no = button("No, leave the line", () => void busy(no, "Leaving…", () => acts.leave().catch((e: Problem) => fill(out, trouble(e)))), { class: "plain", "data-testid": "refuse-instead" });
  const tick = (): void => text(left, countdown(Math.max(0, app.clock.left(asked.until_ms))));
  tick();
  return [h("div", { class: "card centre", "data-testid": "question" },
    h("p", { class: "lead" }, "Nothing that fits what you asked for can come free any more."),
    h("p", null, "We can still offer you ", h("strong", null, questionWords(asked, app.event?.tiers ?? [])), "."),
    h("p", null, "Answer within ", left, ", or your place ends. If others take them too, whoever is first in line gets them."),
    h("p", { class: "row" }, take, no), out), tick];
}

export function standing(app: App, acts: Acts): Drawn {
  const [when, ticked] = updated(app);
  const v = app.view!;
  const [asked, tick] = v.question ? question(app, acts, v.question) : [undefined, undefined];
  const kept = h("p", { class: "note", hidden: true, "data-testid": "gathering" });
  return {
    heading: asked ? "Your turn! Would this do?" : "Your turn! Finding your seats",
    nodes: [
      asked ?? h("div", { class: "card centre" },
        h("div", { class: "spin", "aria-hidden": "true" }),
        h("p", { class: "lead" }, "We look for the best that fit…"),
        kept,
        h("p", { class: "muted" }, "Usually this takes a moment. If all that fit are held by others just now, you come first whenever some that fit come free.")),
      placeDetails(app, acts),
      when,
      // Whoever is asked has the way out beside the answer.
      !asked && leaveButton(acts),
    ],
    update: () => {
      const until = app.view!.kept_until_ms;
      const left = until ? app.clock.left(until) : 0;
      kept.hidden = left <= 0;
      if (left > 0) text(kept, `Some are free, but not enough for you together: they are kept for you for another ${countdown(left)}, while others may come free.`);
      tick?.();
      ticked();
    },
  };
}
