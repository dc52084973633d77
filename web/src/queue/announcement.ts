// What the organiser announces to everybody in the line, in the reader's language.

import { fill, h } from "../fan/dom";
import { textFor } from "../logic/announcement";
import type { Announcement } from "../wire";

let shown = "";

/** Shows it in a live region that is there from the start, so that readers hear what comes. */
export function showAnnounced(region: HTMLElement, now?: Announcement): void {
  const found = now?.texts ? textFor(now.texts, navigator.languages) : null;
  if (shown === (found?.text ?? "")) return;
  shown = found?.text ?? "";
  fill(region, found && h("div", { class: "note" }, h("p", { class: "small" }, "The organiser says:"), h("p", { lang: found.lang, "data-testid": "announcement" }, found.text)));
}
