// Where fans pick: the way from the queue's page to the map, which is fetched when somebody is let in to it.

import { button, fill, h } from "../fan/dom";
import type { Screen } from "../logic/screen";
import type { Acts, App, Drawn } from "./app";

/** Which screen it is where fans pick: the map, until they go on to pay. */
export function onMap(app: App, s: Screen): Screen {
  if (app.sale?.seating !== "pick" || !app.event) return s;
  // Whoever gave all back has nothing to pay for.
  if (s === "standing" || (s === "holding" && app.view?.hold?.seats === 0)) app.onMap = true;
  // What became of a payment is told first.
  if (s === "paying") app.onMap = false;
  return app.onMap && (s === "standing" || s === "holding" || s === "declined") ? "picking" : s;
}

/** From the hold back to the map. */
export function backToMap(app: App, acts: Acts): HTMLElement | false {
  return app.sale?.seating === "pick" && button("Back to the map", () => {
    app.onMap = true;
    acts.changed();
  }, { class: "plain", "data-testid": "to-map" });
}

export function picking(app: App, acts: Acts): Drawn {
  const box = h("div");
  let update = (): void => {};
  fill(box, h("div", { class: "card centre" }, h("div", { class: "spin", "aria-hidden": "true" }), h("p", { role: "status" }, "Fetching the hall…")));
  import("./pick/screen").then((m) => {
    const { nodes, update: go } = m.screen(app, acts);
    fill(box, nodes);
    update = go;
    go();
  }, () => fill(box, h("div", { class: "note bad", role: "alert" }, h("p", null, h("strong", null, "The map’s page could not be fetched."), " Your place is safe, and your time goes on."),
    h("p", null, button("Load the page anew", () => location.reload(), { class: "main", "data-testid": "reload" })))));
  return { heading: "Your turn! Choose your places", nodes: [box], update: () => update() };
}
