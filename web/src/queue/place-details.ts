// "Your place": its numbers, its support code, what was asked for, how to take it elsewhere, and what happened to it.

import { call, Problem } from "../api";
import { button, busy, fill, h, trouble } from "../fan/dom";
import { places, remembered } from "../fan/who";
import { stepWords } from "../logic/history";
import { supportCode } from "../logic/support";
import { stamp } from "../logic/spans";
import { wishWords } from "../logic/wish-words";
import { count } from "../logic/words";
import type { Joined, Place, PlaceHistory } from "../wire";
import type { Acts, App } from "./app";
import { copyButton } from "./copy";
import { headLine } from "./head";
import { offer } from "./transfer";
import { wishFields } from "./wishes";

const minePath = (app: App): string => `/v1/sales/${encodeURIComponent(app.saleId)}/places/mine`;

const readHistory = async (app: App): Promise<PlaceHistory> => (await call<PlaceHistory>("GET", minePath(app) + "/history", { bearer: app.kept!.receipt })).data;

/** Why the organiser took the place out; nothing where that cannot be read. */
export async function removedReason(app: App): Promise<string | undefined> {
  if (!app.kept) return undefined;
  const steps = await readHistory(app).then((x) => x.steps, () => []);
  return steps.filter((s) => s.step === "removed").pop()?.reason;
}

/** Whether it was open, over redraws. */
let open = false;

export function placeDetails(app: App, acts: Acts): HTMLElement | false {
  const kept = app.kept;
  if (!kept) return false;
  const body = h("div");
  const load = async (): Promise<void> => {
    if (!body.firstChild) fill(body, h("p", { class: "muted", role: "status" }, "One moment…"));
    try {
      const [history, mine] = await Promise.all([readHistory(app), call<Joined>("GET", minePath(app), { bearer: kept.receipt }).then((a) => a.data.place)]);
      draw(history, mine);
    } catch (e) {
      const p = e as Problem;
      if (p.code === "place-moved") return acts.moved();
      fill(body, trouble(p, () => void load()));
    }
  };
  const draw = (history: PlaceHistory, mine: Place): void => {
    const waits = mine.state === "waiting" || mine.state === "skipped";
    const drawn = history.steps.some((s) => s.step === "drawn");
    const undrawn = app.view?.sale === "lobby" || app.view?.sale === "drawing";
    const fact = (name: string, value: string, testid: string): HTMLElement => h("div", null, h("dt", null, name), h("dd", { "data-testid": testid }, value));
    fill(body,
      h("dl", { class: "facts" },
        fact("You came as number", count(history.entry), "entry"),
        drawn && fact("You drew number", count(history.number), "number"),
        history.class < 10 && fact("You go first", history.reason || (history.class === 0 ? "the organiser put you there" : `class ${history.class}`), "class")),
      undrawn && !drawn && h("p", { class: "small" }, "Your number in the line is drawn when the sale opens."),
      h("h3", null, "What you asked for"),
      wishes(mine, waits || mine.state === "standing"),
      waits && [h("h3", null, "Take it to another device or person"), offer(app)],
      h("h3", null, "What happened to it"),
      h("ol", { class: "steps", "data-testid": "steps" }, history.steps.map((s) => {
        const { what, why } = stepWords(s, app.event?.time_zone, true);
        return h("li", null, h("time", { datetime: new Date(s.at_ms).toISOString() }, stamp(s.at_ms, app.event?.time_zone)), h("strong", null, what), why && h("span", null, why));
      })),
      app.event && h("p", { class: "small" }, `Times are of the venue (${app.event.time_zone}).`));
  };
  const wishes = (mine: Place, waits: boolean): HTMLElement => {
    const box = h("div");
    const show = (place: Place, told = ""): void => fill(box,
      h("p", { "data-testid": "wishes" }, wishWords(place, app.event?.tiers ?? [], app.sale?.seating === "pick")),
      waits && h("p", { class: "row" }, app.event && app.sale && place.wishes && button("Change it", () => edit(place), { class: "plain", "data-testid": "change-wishes" }), h("span", { role: "status" }, told)));
    const edit = (place: Place): void => {
      const w = { party: place.party, wishes: { ...place.wishes!, tiers: [...place.wishes!.tiers] } };
      const fields = wishFields(app, w);
      const out = h("div");
      const go = h("button", { type: "submit", class: "main", "data-testid": "save-wishes" }, "Change it");
      const save = async (): Promise<void> => {
        fill(out);
        try {
          const j = (await call<Joined>("PATCH", minePath(app), { bearer: kept.receipt, body: fields.asked() })).data;
          // The receipt says what is wanted, too.
          kept.receipt = j.receipt;
          places.set(app.saleId, kept);
          remembered.setWishes(app.saleId, w);
          show(j.place, "Changed. Your place is as it was.");
        } catch (e) {
          const p = e as Problem;
          fill(out, trouble(p.code === "too-late" ? new Problem(409, p.code, "It is too late to change this", "seats are held for what you asked for before; give them back if they do not fit") : p));
        }
      };
      fill(box, h("form", { class: "inner", onsubmit: (e: globalThis.Event) => { e.preventDefault(); void busy(go, "Changing…", save); } },
        h("p", { class: "small" }, "Your place stays where it is."), fields.nodes, out,
        h("p", { class: "row" }, go, button("Leave it as it was", () => show(place), { class: "plain" }))));
      box.querySelector("select")?.focus();
    };
    show(mine);
    return box;
  };
  const code = supportCode(kept.placeId);
  const details = h("details", { class: "card mine", "data-testid": "place-details", open },
    h("summary", null, h("strong", null, "Your place"), h("span", { class: "small" }, " numbers, support code, changes, what happened")),
    code !== "" && h("p", null, "Support code: ", h("code", { "data-testid": "support-code" }, code), " ", copyButton(code)),
    code !== "" && h("p", { class: "small" }, "Tell it the organiser if you need help. It opens nothing."),
    headLine(app),
    body);
  details.addEventListener("toggle", () => {
    open = details.open;
    if (open && !body.firstChild) void load();
  });
  if (open) void load();
  return details;
}
