// Whether the heads that this browser was told while its fan waited are those that are published.

import { call, type Problem } from "../api";
import { toldHeads } from "../fan/heads";
import { button, busy, fill, h, trouble } from "../fan/dom";
import { shortHash, wrongHeads, wrongWords } from "../logic/heads";
import { count, plural } from "../logic/words";
import type { ToldHead } from "../wire";

const PAGE = 1000;

/** The published heads, as far as those that were told reach. */
async function published(sale: string, told: ToldHead[]): Promise<ToldHead[]> {
  const all: ToldHead[] = [];
  const last = told[told.length - 1]!.seq;
  for (let after = told[0]!.seq - 1; after < last; after = all[all.length - 1]!.seq) {
    const page = (await call<ToldHead[] | undefined>("GET", `/v1/sales/${encodeURIComponent(sale)}/log/heads?after=${after}&limit=${PAGE}`, { bearer: null, lines: true })).data ?? [];
    all.push(...page);
    if (page.length < PAGE) break;
  }
  return all;
}

export function headsCheck(sale: string): HTMLElement {
  const out = h("div", { role: "status", "data-testid": "heads" });
  const check = async (): Promise<void> => {
    const told = toldHeads(sale);
    out.dataset.verdict = "";
    if (!told.length) {
      out.dataset.verdict = "none";
      return fill(out, h("p", null, "This browser was told none: it did not wait in this sale, or kept nothing of it."));
    }
    try {
      const wrong = wrongHeads(told, await published(sale, told));
      const newest = told[told.length - 1]!;
      out.dataset.verdict = wrong.length ? "wrong" : "same";
      fill(out, wrong.length
        ? h("div", { class: "note bad" },
          h("p", null, h("strong", null, "NOT the same. "), `Of ${plural(told.length, "head")} that this browser was told, ${count(wrong.length)} ${wrong.length === 1 ? "is" : "are"} not what is published: the log was changed since, or is shown differently to different people. Keep this.`),
          h("ul", { class: "wrap" }, wrong.map((w) => h("li", null, wrongWords(w)))))
        : h("p", null, h("strong", null, "The same. "), `All that this browser was told (${plural(told.length, "head")}, the last number ${newest.seq}, `, h("code", null, shortHash(newest.hash)), ") are published just so."));
    } catch (e) {
      fill(out, trouble(e as Problem));
    }
  };
  const again = button("Check again", () => void busy(again, "Checking…", check), { class: "plain" });
  void check();
  return h("section", { class: "card" },
    h("p", null, "While you waited, your page was told the signed heads of the sale’s log, as everybody’s was. Are they those that are published?"),
    out, h("p", { class: "row" }, again));
}
