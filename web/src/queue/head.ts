// The newest head of the sale's log that this page was told: kept for the report, and shown with the place.

import { keepHead, toldHeads } from "../fan/heads";
import { fill, h } from "../fan/dom";
import { shortHash } from "../logic/heads";
import { stamp } from "../logic/spans";
import type { ToldHead } from "../wire";
import type { App } from "./app";

let newest: ToldHead | undefined;
/** Redraws it where it is shown. */
let redraw = (): void => {};

export function hearHead(sale: string, told: ToldHead): void {
  keepHead(sale, told);
  if (newest && newest.seq > told.seq) return;
  newest = told;
  redraw();
}

/** One line that stays up to date. */
export function headLine(app: App): HTMLElement {
  newest ??= toldHeads(app.saleId).pop();
  const line = h("p", { class: "small", "data-testid": "log-head" });
  redraw = () => {
    line.hidden = !newest;
    if (newest) fill(line, `Every decision is in a public log. The newest signed head of it that this page was told: number ${newest.seq}, ${stamp(newest.at_ms, app.event?.time_zone)}, `,
      h("code", null, shortHash(newest.hash)), ". ", h("a", { href: "/report/" + app.saleId }, "Check that those told are the published ones"));
  };
  redraw();
  return line;
}
