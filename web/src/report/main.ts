// `/report/{sale}`: whether a sale was fair, in words, bars and tables.

import { call, type Problem } from "../api";
import { $, fill, h, trouble } from "../fan/dom";
import { corner, dialogFrom } from "../fan/who";
import { lasted } from "../logic/spans";
import { clockTime, longTime } from "../logic/time";
import type { FairnessReport } from "../wire";
import { classWords, every, percent } from "./words";

const main = $("main");
const id = decodeURIComponent(location.pathname.split("/").filter(Boolean).pop() ?? "");
/** Rows of a table before the minutes are put together. */
const ROWS = 60;

async function load(): Promise<void> {
  main.setAttribute("aria-busy", "true");
  try {
    const report = (await call<FairnessReport>("GET", "/v1/sales/" + encodeURIComponent(id) + "/report")).data;
    main.dataset.state = "report";
    document.title = report.name + " – Report – Usher";
    fill(main, draw(report));
  } catch (e) {
    const p = e as Problem;
    main.dataset.state = p.code === "sale-not-over" ? "early" : p.status === 404 ? "unknown" : "problem";
    fill(main,
      p.status === 404 ? [h("h1", null, "This report is not here"), h("p", null, "The address may be mistyped, or the sale is not public.")]
      : p.code === "sale-not-over" ? [h("h1", null, "The sale is not over yet"), h("p", null, "Its report is here for everybody as soon as it is.")]
      : [h("h1", null, "The report could not be loaded"), trouble(p, () => void load())]);
  }
  main.removeAttribute("aria-busy");
}

function draw(r: FairnessReport): (Node | false)[] {
  const sum = (of: (c: FairnessReport["classes"][number]) => number) => r.classes.reduce((n, c) => n + of(c), 0);
  const joined = sum((c) => c.joined);
  const admitted = sum((c) => c.admitted);
  return [
    h("p", { class: "where" }, h("a", { href: "/q/" + r.sale_id }, "To the sale")),
    h("h1", null, r.name),
    h("p", { class: "lead" }, r.over ? "How the sale went, in numbers." : "How the sale is going. It is not over: these numbers change."),
    h("p", { class: "muted" }, "As of " + longTime(r.as_of_ms)),
    h("div", { class: "card" },
      h("p", null, h("strong", null, String(joined)), " joined the line, ", h("strong", null, String(admitted)), ` were let in (${percent(admitted, joined)}).`),
      h("p", null, r.longest_wait_ms === undefined ? "Nobody was let in." : ["The longest wait of anybody let in was ", h("strong", null, lasted(r.longest_wait_ms)), "."]),
      r.busiest !== undefined && h("p", null, `In the busiest minute, ${r.busiest.admitted} were let in; the rate then allowed ${r.busiest.rate_per_minute}.`),
      h("p", null, `Somebody present was let in before somebody absent ${r.passed_while_absent} times.`)),
    h("h2", null, "Waits"),
    waits(r),
    h("h2", null, "Who came"),
    table("Counts by class", ["Class", "Joined", "Let in", "Skipped", "Not back", "Left", "Put there", "Holds run out"],
      r.classes.map((c) => [classWords(c.class), c.joined, c.admitted, c.skipped, c.no_shows, c.left, c.inserted, c.lapsed])),
    h("h2", null, "What operators changed in the order"),
    r.exceptions.length === 0 ? h("p", { class: "card" }, "Nothing: everybody was let in by class and number.")
      : table("Changes by operators", ["When", "Place", "What", "Why"], r.exceptions.map((e) => [
        clockTime(e.at_ms), `number ${e.entry}`, e.action === "remove" ? "removed" : `put into the class “${classWords(e.class)}”`, e.reason ?? "told to members"])),
    r.draw !== undefined && h("h2", null, "The draw"),
    r.draw !== undefined && h("p", { class: "card" },
      `${r.draw.size} places were drawn. Compared by tenths, numbers and the order of coming have a chi-square of ${r.draw.chi_square.toFixed(1)} with ${r.draw.degrees} degrees of freedom: `,
      Math.abs(r.draw.deviate) < 3.29 ? "as even as chance is." : "more than chance would explain once in a thousand draws."),
    h("h2", null, "Check it yourself"),
    h("p", { class: "card" }, "Every decision of this sale is in a public log whose heads are signed. ", h("code", null, `usher log verify ${location.origin}/v1/sales/${r.sale_id}`), " checks it."),
  ];
}

function waits(r: FairnessReport): Node {
  const rows = every(r.waits, ROWS);
  if (rows.length === 0) return h("p", { class: "card" }, "Nobody has joined.");
  const most = Math.max(1, ...rows.map((w) => w.p90_ms ?? 0));
  return h("div", null,
    h("div", { class: "card bars", "aria-hidden": "true" }, rows.map((w) => h("div", { class: "bar" },
      h("span", null, clockTime(w.minute_ms)),
      h("meter", { min: 0, max: most, value: w.p50_ms ?? 0 }),
      h("span", null, w.p50_ms === undefined ? "–" : lasted(w.p50_ms))))),
    table("Waits by the minute of joining", ["Joined at", "Joined", "Let in", "A tenth waited less than", "Half less than", "Nine tenths less than"],
      rows.map((w) => [clockTime(w.minute_ms), w.joined, w.admitted, ...[w.p10_ms, w.p50_ms, w.p90_ms].map((ms) => ms === undefined ? "–" : lasted(ms))])));
}

function table(caption: string, head: string[], rows: (string | number)[][]): HTMLElement {
  return h("div", { class: "card scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", null, h("caption", { class: "vh" }, caption),
      h("thead", null, h("tr", null, head.map((cell) => h("th", { scope: "col" }, cell)))),
      h("tbody", null, rows.map((row) => h("tr", null, row.map((cell, nth) => nth === 0 ? h("th", { scope: "row" }, cell) : h("td", null, cell)))))));
}

dialogFrom(() => import("../fan/sign-in"));
corner();
void load();
