// The acknowledgement of one's own entry on the draw's page: what this browser keeps, and what it proves.

import { h } from "../fan/dom";
import { places } from "../fan/who";
import { longTime } from "../logic/time";
import { count } from "../logic/words";
import type { Proved } from "./acknowledged";
import { said, type Fault } from "./statements";

/** The acknowledgement that this browser keeps of a place in the sale, as a file's text. */
export function keptOf(sale: string): string | null {
  const own = places.get(sale)?.ack;
  return own ? JSON.stringify(own, null, 2) + "\n" : null;
}

/** Says that it is kept, and gives it away as a file. */
export function keptCard(text: string): HTMLElement {
  const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  return h("div", { class: "card", "data-testid": "kept" },
    h("h2", null, "Your entry was acknowledged"),
    h("p", null, "When you joined the lobby we signed that you are in it, and this browser keeps that. The check below also looks whether the published roster has you. If it has not, the acknowledgement proves it to anybody."),
    h("p", null, h("a", { href, download: "acknowledgement.json", "data-testid": "save-acknowledgement" }, "Save it as a file"), ", so that it does not depend on this browser."));
}

/** What it proves, or why it proves nothing. */
export function provedCard(told: { faults: Fault[] } | { proved: Proved }): HTMLElement {
  if ("faults" in told) {
    return h("div", { class: "note bad", "data-testid": "own" },
      h("h2", null, "The acknowledgement could not be held against the roster"),
      h("ul", null, told.faults.map((f) => h("li", null, said(f)))));
  }
  const { entry, leaf, batch, inRoster, instead } = told.proved;
  const signed = h("p", { class: "small" }, "Acknowledged as ", h("code", null, leaf), ` on ${longTime(batch.acknowledged_ms)}, by key `, h("code", null, batch.signer.key_id), ", Ed25519 ", h("code", null, batch.signer.ed25519), ".");
  if (inRoster === false) {
    return h("div", { class: "note bad", "data-testid": "own" },
      h("h2", null, `Entry ${count(entry)} was left out`),
      h("p", null, "It was acknowledged in the lobby, and the published roster ", instead === null ? "ends before it." : ["has ", h("code", null, instead), " in its stead."]),
      h("p", null, "Keep the acknowledgement with roster.json, roster.sig and roster.txt: together they prove it to anybody."), signed);
  }
  return h("div", { class: "card", "data-testid": "own" },
    h("h2", null, inRoster ? `Entry ${count(entry)} is in the roster` : `Entry ${count(entry)} is acknowledged`),
    h("p", null, inRoster ? "The roster that was drawn has it just as it was acknowledged in the lobby." : "The signature is good. The roster is not out yet; it must have this entry when it is."), signed);
}
