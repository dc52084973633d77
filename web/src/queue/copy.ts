// A button that copies, and says whether it did.

import { button, h, text } from "../fan/dom";

export function copyButton(what: string, label = "Copy"): HTMLElement {
  const said = h("span", { role: "status", class: "small" });
  const b = button(label, () => void (async () => {
    try {
      await navigator.clipboard.writeText(what);
      text(said, "Copied.");
    } catch {
      text(said, "It could not be copied: select it instead.");
    }
    setTimeout(() => text(said, ""), 4000);
  })(), { class: "plain", "data-testid": "copy" });
  return h("span", { class: "copy" }, b, " ", said);
}
