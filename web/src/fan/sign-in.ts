// The sign-in and sign-up dialog.

import type { Problem } from "../api";
import { busy, button, fill, h, trouble } from "./dom";
import { account, remembered } from "./who";

/** Resolves to whether somebody is signed in now. */
export function signIn(why?: string): Promise<boolean> {
  return new Promise((done) => {
    const email = h("input", { id: "si-email", type: "email", required: true, autocomplete: "username", value: remembered.email() });
    const password = h("input", { id: "si-password", type: "password", required: true, minlength: 8, maxlength: 128, autocomplete: "current-password" });
    const out = h("div");
    const title = h("h2", { id: "si-title" }, "Sign in");
    const go = h("button", { type: "submit", class: "main", "data-testid": "sign-in-submit" }, "Sign in");
    const other = button("New here? Make an account", () => turn(!fresh), { class: "link" });
    let fresh = false;
    const turn = (to: boolean): void => {
      fresh = to;
      title.textContent = go.textContent = fresh ? "Make an account" : "Sign in";
      other.textContent = fresh ? "I have an account" : "New here? Make an account";
      password.autocomplete = fresh ? "new-password" : "current-password";
      fill(out);
    };
    const d = h("dialog", { "aria-labelledby": "si-title" },
      title,
      why && h("p", null, why),
      h("form", {
        onsubmit: (e: Event) => {
          e.preventDefault();
          void busy(go, "One moment…", async () => {
            try {
              await account.enter(fresh ? "accounts" : "sessions", email.value.trim(), password.value);
              d.close("yes");
            } catch (x) {
              fill(out, trouble(x as Problem));
            }
          });
        },
      },
        h("label", { for: "si-email" }, "E-mail"), email,
        h("label", { for: "si-password" }, "Password (8 characters or more; long beats odd)"), password,
        out,
        h("div", { class: "row" }, go, button("Cancel", () => d.close(""), { class: "plain" })),
        other),
    );
    d.addEventListener("close", () => {
      d.remove();
      done(d.returnValue === "yes");
    });
    document.body.append(d);
    d.showModal();
  });
}
