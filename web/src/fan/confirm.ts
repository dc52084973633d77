// A question before something that cannot be undone.

import { h } from "./dom";

/** A question with two answers, in the browser's own modal dialog. */
export function confirmed(title: string, body: string, yes: string, no: string): Promise<boolean> {
  return new Promise((done) => {
    const d = h("dialog", { "aria-labelledby": "ask" },
      h("h2", { id: "ask" }, title),
      h("p", null, body),
      h("form", { method: "dialog", class: "row" },
        h("button", { value: "no", class: "plain", autofocus: true }, no),
        h("button", { value: "yes", class: "bad", "data-testid": "confirm-button" }, yes)),
    );
    d.addEventListener("close", () => {
      d.remove();
      done(d.returnValue === "yes");
    });
    document.body.append(d);
    d.showModal();
  });
}
