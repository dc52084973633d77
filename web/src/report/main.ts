// `/report/{sale}`: whether a sale was fair, in words, shapes and tables.

import { call, type Problem } from "../api";
import { $, fill, h, trouble } from "../fan/dom";
import { corner, dialogFrom } from "../fan/who";
import { classWords } from "../logic/history";
import { lasted, percent, stamp } from "../logic/spans";
import { clockTime, longTime } from "../logic/time";
import { count, plural } from "../logic/words";
import type { Event, FairnessReport, Sale, SeatsFound } from "../wire";
import { headsCheck } from "./heads";
import { every, shapes } from "./words";

const main = $("main");
const id = decodeURIComponent(location.pathname.split("/").filter(Boolean).pop() ?? "");
/** Rows of a table before the minutes are put together. */
const ROWS = 60;
const WIDTH = 600;
const HEIGHT = 160;

async function load(): Promise<void> {
  main.setAttribute("aria-busy", "true");
  try {
    const path = "/v1/sales/" + encodeURIComponent(id);
    const [report, event] = await Promise.all([
      call<FairnessReport>("GET", path + "/report").then((a) => a.data),
      // Only for its name and its clock.
      call<Sale>("GET", path).then((a) => call<Event>("GET", "/v1/events/" + a.data.event_id)).then((a) => a.data, () => undefined),
    ]);
    main.dataset.state = "report";
    document.title = report.name + " – Report – Usher";
    fill(main, draw(report, event));
  } catch (e) {
    const p = e as Problem;
    main.dataset.state = p.code === "sale-not-over" ? "early" : p.status === 404 ? "unknown" : "problem";
    fill(main,
      p.status === 404 ? [h("h1", null, "This report is not here"), h("p", null, "The address may be mistyped, or the sale is not public."), h("p", null, h("a", { href: "/" }, "All events"))]
      : p.code === "sale-not-over" ? [h("h1", null, "The sale is not over yet"), h("p", null, "Its report is here for everybody as soon as it is."), h("p", null, h("a", { href: "/q/" + id }, "To the sale")),
        h("h2", null, "The log that you were told"), headsCheck(id)]
      : [h("h1", null, "The report could not be loaded"), trouble(p, () => void load())]);
  }
  main.removeAttribute("aria-busy");
}

function draw(r: FairnessReport, event?: Event): (Node | false)[] {
  const zone = event?.time_zone;
  const sum = (of: (c: FairnessReport["classes"][number]) => number) => r.classes.reduce((n, c) => n + of(c), 0);
  const joined = sum((c) => c.joined);
  const admitted = sum((c) => c.admitted);
  const tile = (name: string, value: string, more?: string): HTMLElement => h("div", null, h("dt", null, name), h("dd", null, value), more && h("dd", { class: "small" }, more));
  return [
    h("p", { class: "where" }, h("a", { href: "/q/" + r.sale_id }, "To the sale"), event && ` · ${event.name}, ${event.venue}`),
    h("h1", null, r.name),
    h("p", { class: "lead" }, r.over ? "How the sale went, in numbers." : "How the sale is going. It is not over: these numbers change."),
    h("p", { class: "muted" }, "As of " + longTime(r.as_of_ms, zone)),
    h("dl", { class: "tiles" },
      tile("Joined", count(joined)),
      tile("Let in", count(admitted), joined ? `${percent(admitted / joined)} of them` : undefined),
      tile("Longest wait", r.longest_wait_ms === undefined ? "–" : lasted(r.longest_wait_ms), "of anybody let in"),
      r.busiest !== undefined && tile("Busiest minute", count(r.busiest.admitted), `the rate allowed ${count(r.busiest.rate_per_minute)}`),
      r.estimates?.median_error !== undefined && tile("Waits told", `± ${percent(r.estimates.median_error)}`, "off the real wait, half of the time less")),
    r.passed_while_absent > 0 && h("p", null, `${plural(r.passed_while_absent, "time")}, a fan was away when the turn came, and others behind were let in meanwhile: who is away is passed over, and next on return. Each absence counts once, however many went by.`),
    h("h2", null, "Waits"),
    waits(r, zone),
    h("h2", null, "The waits that were told"),
    h("p", { class: "card" }, r.estimates === undefined ? "None was compared with the wait that followed."
      : `${count(r.estimates.count)} were compared with the wait that followed: ${percent(r.estimates.within / r.estimates.count)} came true, ${percent(r.estimates.sooner / r.estimates.count)} ended sooner, ${percent(r.estimates.later / r.estimates.count)} later.`),
    h("h2", null, "Who came"),
    r.classes.length === 0 ? h("p", { class: "card" }, "Nobody has joined.")
      : table("Counts by class", ["Class", "Joined", "Let in", "Skipped", "Not back", "Left", "Put there", "Holds run out"],
        r.classes.map((c) => [classWords(c.class), c.joined, c.admitted, c.skipped, c.no_shows, c.left, c.inserted, c.lapsed])),
    ...(r.seating === undefined ? [] : seating(r.seating)),
    h("h2", null, "What operators changed in the order"),
    r.exceptions.length === 0 ? h("p", { class: "card" }, "Nothing: everybody was let in by class and number.")
      : table("Changes by operators", ["When", "Place", "What", "Why"], r.exceptions.map((e) => [
        stamp(e.at_ms, zone), `entry ${count(e.entry)}`, e.action === "remove" ? "taken out of the line" : e.action === "insert" ? `given a place ${e.class === 0 ? "at the head of the line" : "at the back"}` : e.class === 0 ? "put to the head of the line" : `put back (${classWords(e.class)})`, e.reason ?? "told to members only"])),
    !!r.clock?.length && h("h2", null, "When the clock was stopped"),
    !!r.clock?.length && table("What operators did to deadlines", ["When", "What", "Why"], r.clock.map((c) => [
      stamp(c.began_at_ms, zone), c.kind === "extend" ? `all who held seats got ${lasted(c.extra_ms)} more`
      : c.ended_at_ms === undefined ? "nobody's time to pay runs out, until it goes on" : `nobody's time to pay ran out for ${lasted(c.ended_at_ms - c.began_at_ms)}`, c.reason ?? "told to members only"])),
    r.draw !== undefined && h("h2", null, "The draw"),
    r.draw !== undefined && h("p", { class: "card" },
      `${count(r.draw.size)} places were drawn. Compared by tenths, numbers and the order of coming have a chi-square of ${r.draw.chi_square.toFixed(1)} with ${r.draw.degrees} degrees of freedom: `,
      Math.abs(r.draw.deviate) < 3.29 ? "as even as chance is. " : "more than chance would explain once in a thousand draws. ", h("a", { href: "/draw/" + r.sale_id }, "Check the draw yourself"), "."),
    h("h2", null, "Check it yourself"),
    h("div", { class: "card" }, h("p", null, "Every decision of this sale is in a public log whose heads are signed. This command checks it:"),
      h("p", { class: "wrap" }, h("code", null, `usher log verify ${location.origin}/v1/sales/${r.sale_id}`))),
    headsCheck(id),
  ];
}

const FOUND: Record<SeatsFound["by"], string> = {
  together_no_single: "Together, no seat left alone", together: "Together", split_nobody_alone: "In groups, nobody alone", apart: "Apart", other_tier: "In another tier they accept", fewer: "Fewer seats, as they accept",
};

function seating(s: NonNullable<FairnessReport["seating"]>): Node[] {
  return [
    h("h2", null, "How parties were seated"),
    s.found.length === 0 ? h("p", { class: "card" }, "No seats were offered.")
      : table("Offers of seats by how far they had to come down from the wish", ["Seats were found", "Parties", "Split", "Groups", "Seats left alone", "Quality"],
        s.found.map((f) => [FOUND[f.by], f.parties, f.split, f.groups, f.new_singles, f.quality])),
    h("p", { class: "small" }, "Every offer counts, those that ended unpaid, too. Quality is a sum over seats, lower is better: a seat’s place in the promoter’s order, or its distance and angle to the stage."),
    h("p", { class: "card" }, `${count(s.free)} of the event’s ${plural(s.capacity, "seat")} are free. `,
      h("strong", null, `${count(s.lone)} of them ${s.lone === 1 ? "has" : "have"} no free seat beside ${s.lone === 1 ? "it" : "them"}`), `: ${percent(s.lone_share)} of all.`),
  ];
}

function waits(r: FairnessReport, zone?: string): Node {
  const rows = every(r.waits, ROWS);
  if (rows.length === 0) return h("p", { class: "card" }, "Nobody has joined.");
  const { band, middle, most } = shapes(rows, WIDTH, HEIGHT);
  const words = ["Joined at", "Joined", "Let in", "A tenth waited less than", "Half less than", "Nine tenths less than"];
  return h("div", null,
    band !== "" && h("figure", { class: "card chart" },
      h("figcaption", null, `How long people waited, by when they joined: half waited less than the line, and eight of ten within the band. The top is ${lasted(most)}.`),
      chart(band, middle), h("p", { class: "ends small" }, h("span", null, clockTime(rows[0]!.minute_ms, zone)), h("span", null, clockTime(rows[rows.length - 1]!.minute_ms, zone)))),
    h("details", { class: "more", open: band === "" }, h("summary", null, "The waits as a table"),
      table("Waits by the minute of joining", words, rows.map((w) => [clockTime(w.minute_ms, zone), w.joined, w.admitted, ...[w.p10_ms, w.p50_ms, w.p90_ms].map((ms) => ms === undefined ? "–" : lasted(ms))]))));
}

function chart(band: string, middle: string): Element {
  const of = (tag: string, attributes: Record<string, string>, ...children: Element[]): Element => {
    const el = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) el.setAttribute(name, value);
    el.append(...children);
    return el;
  };
  return of("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, of("path", { class: "band", d: band }), of("path", { class: "middle", d: middle }));
}

function table(caption: string, head: string[], rows: (string | number)[][]): HTMLElement {
  const numeric = (nth: number): boolean => rows.length > 0 && rows.every((row) => typeof row[nth] === "number");
  const shown = (cell: string | number): string => (typeof cell === "number" ? count(cell) : cell);
  return h("div", { class: "card scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", null, h("caption", { class: "vh" }, caption),
      h("thead", null, h("tr", null, head.map((cell, nth) => h("th", { scope: "col", class: numeric(nth) && "num" }, cell)))),
      h("tbody", null, rows.map((row) => h("tr", null, row.map((cell, nth) => nth === 0 ? h("th", { scope: "row" }, cell) : h("td", { class: numeric(nth) && "num" }, shown(cell))))))));
}

dialogFrom(() => import("../fan/sign-in"));
corner();
void load();
