// The screen of who may pick: the hall as it is now, and what they hold of it.

import { call, type Problem } from "../../api";
import { button, fill, h, trouble } from "../../fan/dom";
import { hallOf, type Hall } from "../../logic/hall";
import { ended } from "../../logic/screen";
import type { Joined, SeatMap } from "../../wire";
import type { Acts, App } from "../app";
import { endTurn } from "../hold";
import { leaveButton } from "../line";
import { placeDetails } from "../place-details";
import { areas, chooser, finder } from "./lists";
import { SeatCanvas } from "./map";
import { PickPage } from "./page";
import { card, Counts, key, legend, summary, timeBar, toldBox, type Panel } from "./panels";

declare const PICK_CSS: string;

/** A large hall takes its time on a slow line. */
const MAP_WITHIN_MS = 60_000;

export interface Picking {
  nodes: Node[];
  update(): void;
  /** It is shown again. */
  back(): void;
}

let kept: { of: string; picking: Picking } | null = null;

/** The same over redraws and on the way back from paying, so that the map stays where it was. */
export function screen(app: App, acts: Acts): Picking {
  const of = [app.kept?.placeId, app.event?.event_id].join();
  if (kept?.of !== of) kept = { of, picking: begin(app, acts) };
  else kept.picking.back();
  return kept.picking;
}

let styled: Promise<void> | undefined;
function styles(): Promise<void> {
  return (styled ??= new Promise((done) => {
    const link = h("link", { rel: "stylesheet", href: PICK_CSS });
    // Without it the page is plain, and does all the same.
    link.onload = link.onerror = () => done();
    document.head.append(link);
  }));
}

async function read(app: App, again: boolean): Promise<{ hall: Hall; mine: Joined["place"] }> {
  const [map, mine] = await Promise.all([
    call<SeatMap>("GET", `/v1/events/${encodeURIComponent(app.event!.event_id)}/seat-map`, { withinMs: MAP_WITHIN_MS, cache: again ? "reload" : "default" }),
    call<Joined>("GET", `/v1/sales/${encodeURIComponent(app.saleId)}/places/mine`, { bearer: app.kept!.receipt }),
    styles(),
  ]);
  return { hall: hallOf(map.data), mine: mine.data.place };
}

function begin(app: App, acts: Acts): Picking {
  const root = h("div", { class: "picking" });
  const nothing = (): void => {};
  let update = nothing, back = nothing;
  const load = async (again = false): Promise<void> => {
    update = back = nothing;
    fill(root, h("div", { class: "card centre", "data-testid": "map-loading" }, h("div", { class: "spin", "aria-hidden": "true" }), h("p", { role: "status" }, "Fetching the hall…")));
    try {
      const { hall, mine } = await read(app, again);
      const page = new PickPage(app, acts, hall, mine, () => void load(true));
      const built = build(page, app, acts);
      fill(root, built.nodes);
      built.ready();
      update = built.update;
      back = () => page.back();
      update();
    } catch (e) {
      const p = e as Problem;
      if (p.code === "place-moved") return acts.moved();
      fill(root, h("div", { "data-testid": "map-failed" }, h("p", { class: "lead" }, "The hall’s map could not be read."),
        p.title ? trouble(p) : h("p", { class: "note bad" }, "What came is no seat map."),
        h("p", { class: "row" }, button("Try again", () => void load(true), { class: "main", "data-testid": "map-again" }))));
    }
  };
  void load();
  return { nodes: [root], update: () => update(), back: () => back() };
}

function build(page: PickPage, app: App, acts: Acts): Pick<Picking, "nodes" | "update"> & { ready(): void } {
  const { hall } = page;
  const counts = new Counts(page);
  const canvas = hall.seats > 0 ? new SeatCanvas(hall, () => page.shown(), { tap: (s) => page.tap(s), point: (s) => page.point(s) }) : null;
  let waiting = false;
  page.redraw = () => {
    if (waiting || !root.isConnected) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      update();
    });
  };
  page.show = (seats) => canvas?.show(seats);
  const pay = async (): Promise<void> => {
    const { picks } = page;
    for (;;) {
      // Another page of this fan may have given the place up.
      if (!app.view || ended(app.view.state) || !picks.held.length) return;
      // The amount is the button's: what had to wait is not asked for any more, but where it may be held already.
      if (!picks.asking && !picks.uncertain) picks.keep();
      // The place's news of the hold may be on their way still.
      if (!picks.asking && !picks.uncertain && app.view.state === "holding") break;
      await new Promise((done) => setTimeout(done, 100));
    }
    app.onMap = false;
    acts.reloadBooking();
    acts.changed();
  };
  const signs = h("div");
  const leave = leaveButton(acts), end = endTurn(app, acts);
  const detailsOfPlace = placeDetails(app, acts);
  const time = timeBar(page), told = toldBox(page), own = summary(page, pay), prices = legend(page, counts, () => canvas?.redraw());
  const info = card(page), find = finder(page), stand = areas(page, counts), list = chooser(page, counts, (seat) => canvas?.near(seat));
  const all: Panel[] = [time, told, own, prices, info, find, stand, list];
  let seen = "";
  function update(): void {
    page.tick();
    counts.refresh();
    for (const p of all) p.update();
    leave.hidden = page.picks.held.length > 0 || app.view?.hold !== undefined;
    end.hidden = !page.emptyHold;
    root.dataset.over = String(page.over);
    root.dataset.loaded = String(page.loaded);
    root.dataset.known = String(page.known);
    const now = `${page.turn} ${page.moves}`;
    if (now !== seen) canvas?.redraw();
    seen = now;
  }
  const root = h("div", { class: "pick-grid" },
    h("div", { class: "pick-map" }, time.node, canvas && [prices.node, canvas.node], told.node, canvas && [info.node, signs]),
    h("div", { class: "pick-side" }, own.node, own.bar, stand.node, find.node, list.node, detailsOfPlace, leave, end));
  return { nodes: [root], ready: () => void (canvas && fill(signs, key(page, root))), update };
}
