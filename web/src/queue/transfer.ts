// A place goes to another device or person by a code that is good once.

import { call, type Problem } from "../api";
import { button, busy, fill, h, text, trouble } from "../fan/dom";
import { account, asFan, places, signIn } from "../fan/who";
import { countdown } from "../logic/clock";
import type { Joined, TransferCode } from "../wire";
import type { Acts, App } from "./app";
import { copyButton } from "./copy";

const minePath = (app: App): string => `/v1/sales/${encodeURIComponent(app.saleId)}/places/mine`;

/** Makes a code and shows it. When it is used, the place's news say so. */
export function offer(app: App): HTMLElement {
  const out = h("div", { "aria-live": "polite" });
  const make = button("Make a transfer code", () => void busy(make, "Making…", async () => {
    fill(out);
    try {
      const made = (await call<TransferCode>("POST", minePath(app) + "/transfer", { bearer: app.kept!.receipt })).data;
      app.clock.hear(made.server_now_ms);
      shown(out, app, made);
    } catch (e) {
      fill(out, trouble(e as Problem));
    }
  }), { class: "plain", "data-testid": "make-transfer" });
  return h("div", null,
    h("p", null, "With a one-time code another device, or somebody else, takes your place over, as it stands. This page then has it no longer. Give the code to nobody whom you do not want to have your place."),
    out, h("p", { class: "row" }, make));
}

function shown(out: HTMLElement, app: App, made: TransferCode): void {
  const left = h("span");
  fill(out, h("div", { class: "reference", "data-testid": "transfer-code" },
    h("p", { class: "code" }, made.code), h("p", { class: "small" }, "Enter it on this sale’s page, under “Enter its transfer code”. Good once, for ", left, ". Making another makes this one worthless."),
    h("p", { class: "row" }, copyButton(made.code))));
  const tick = (): void => {
    if (!left.isConnected) return;
    const ms = app.clock.left(made.expires_at_ms);
    if (ms <= 0) return fill(out, h("p", { class: "note" }, "The code’s time is over. The place is still yours."));
    text(left, countdown(ms));
    setTimeout(tick, 500);
  };
  tick();
}

/** Asks for a code in a dialog, and takes that place. */
export function takeOver(acts: Acts): Promise<void> {
  return new Promise((done) => {
    const input = h("input", { id: "transfer", required: true, maxlength: 80, autocomplete: "off", autocapitalize: "characters", "data-testid": "transfer-input" });
    const out = h("div");
    const go = h("button", { type: "submit", class: "main", "data-testid": "transfer-take" }, "Take the place");
    const take = async (): Promise<void> => {
      fill(out);
      try {
        const j = (await asFan<Joined>("POST", "/v1/places/transfer", { body: { code: input.value.trim() } }, true)).data;
        const sale = decodeURIComponent(location.pathname.split("/").filter(Boolean)[1] ?? "");
        d.close();
        if (j.place.sale_id === sale) return acts.take(j);
        places.set(j.place.sale_id, { receipt: j.receipt, listen: j.listen, placeId: j.place.place_id, byAccount: account.email !== null });
        location.assign("/q/" + j.place.sale_id);
      } catch (e) {
        const p = e as Problem;
        fill(out, trouble(p));
        if (p.code === "account-needed" && (await signIn("This sale is for accounts only."))) await take();
      }
    };
    const d = h("dialog", { "aria-labelledby": "take-title" },
      h("h2", { id: "take-title" }, "Take a place over"),
      h("p", null, "Whoever has the place makes a code on their page, under “Your place”. It is good once and for ten minutes."),
      h("form", { onsubmit: (e: globalThis.Event) => { e.preventDefault(); void busy(go, "One moment…", take); } },
        h("label", { for: "transfer" }, "Transfer code"), input, out,
        h("div", { class: "row" }, go, button("Cancel", () => d.close(), { class: "plain" }))));
    d.addEventListener("close", () => {
      d.remove();
      done();
    });
    document.body.append(d);
    d.showModal();
    input.focus();
  });
}
