// `/q/{sale}`: one page for the whole way, from before the opening to the tickets.

import { call, Problem } from "../api";
import { $, button, fill, h, text, trouble } from "../fan/dom";
import { account, asFan, corner, dialogFrom, known, places } from "../fan/who";
import { afterSeconds, fullJitter } from "../logic/backoff";
import { Clock } from "../logic/clock";
import { ended, joinsFrom, screenOf, titleOf, type Screen } from "../logic/screen";
import { longTime } from "../logic/time";
import { count } from "../logic/words";
import type { Availability, Booking, Event, Joined, Sale, View } from "../wire";
import type { Acts, App, Drawn } from "./app";
import { join, needsAccount, notOpen } from "./join";
import type { Live } from "./live";

const OPENING_SPREAD_MS = 1500;
const LOST_SHOWN_MS = 5_000;
const LOST_SAID_MS = 10_000;

const JUST_PAID_MS = 20_000;

const main = $("main");
const saleId = decodeURIComponent(location.pathname.split("/").filter(Boolean)[1] ?? "");
const app: App = { saleId, clock: new Clock(), kept: places.get(saleId), viewAt: 0, badReceipt: false, moved: false, again: false, openingPassed: false };
// The provider sends the fan back with how it went; the address stays the sale's own.
const paidUntil = /redirect_status=succeeded/.test(location.search) ? JUST_PAID_MS : 0;
if (location.search) history.replaceState(null, "", location.pathname);
const where = h("p", { class: "where" });
const heading = h("h1", { tabindex: -1 });
const notice = h("p", { class: "note", hidden: true });
const body = h("div");
const announced = h("div", { "aria-live": "polite" });
fill(main, where, heading, notice, announced, body);

// ---------------------------------------------------------------- what comes behind the first screen

let later: typeof import("./later") | null = null;
let fetching = false;
let tries = 0;
function fetchLater(): void {
  if (fetching) return;
  fetching = true;
  import("./later").then((m) => {
    later = m;
    if (!live) listen();
    draw();
  }, () => {
    // Some browsers remember a failed part until the page is loaded anew; a new version may have taken its place, too.
    if (++tries > 2) void fetch(location.pathname).then((r) => r.ok && location.reload(), () => {});
    setTimeout(() => {
      fetching = false;
      fetchLater();
    }, 500 + fullJitter(tries));
  });
}

// ---------------------------------------------------------------- the place's news

let live: Live | null = null;
let lostAt: number | null = null;
let lostSaid = false;

function listen(): void {
  live?.stop();
  live = null;
  lostAt = null;
  if (!app.kept) return;
  if (!later) return fetchLater();
  live = new later.Live(saleId, app.kept.receipt, app.kept.listen, {
    view: (v) => {
      app.fault = undefined;
      app.viewAt = Date.now();
      setView(v);
    },
    connected: (yes) => {
      lostAt = yes ? null : (lostAt ?? performance.now());
      if (yes) {
        lostSaid = false;
        app.viewAt = Date.now();
      }
      banner();
    },
    badReceipt: () => void renewReceipt(),
    ended: () => {
      lostAt = null;
      if (!app.view && app.kept) void later!.howItEnded(app).then((v) => (v ? setView(v) : refuse()));
    },
  });
}

function setView(v: View): void {
  app.clock.hear(v.server_now_ms);
  if (v.state === "transferred") return acts.moved();
  app.view = v;
  later?.showAnnounced(announced, v.announcement);
  if (app.sale && v.sale !== "draft") {
    app.sale.state = v.sale;
    app.sale.pause_reason = v.pause_reason;
    app.sale.stopped = v.stopped;
  }
  if (v.state !== "holding" && app.booking?.booking_id !== v.booking_id) app.booking = undefined;
  draw();
  later?.followBooking(app, setBooking, draw);
}

/** The place's proof was refused: whoever took it may get a fresh one. */
let renewedAt = -Infinity;
async function renewReceipt(): Promise<void> {
  const had = app.kept;
  const before = renewedAt;
  renewedAt = performance.now();
  // Another tab may hold a newer one.
  const stored = places.get(saleId);
  if (stored && had && stored.receipt !== had.receipt) return adopt();
  try {
    if (renewedAt - before > 60_000 && (await mine())) return;
  } catch {
    // The page says that the proof is refused, and offers a way on.
  }
  refuse();
}

function refuse(): void {
  app.badReceipt = true;
  live?.stop();
  draw();
}

function adopt(): void {
  const kept = places.get(saleId);
  const same = kept?.placeId === app.kept?.placeId;
  app.kept = kept;
  if (same && !app.badReceipt) return;
  app.view = app.booking = undefined;
  app.badReceipt = app.again = app.moved = false;
  listen();
  draw();
}

/** Asks for the place that the account or visitor has here; whether there is one. */
async function mine(): Promise<boolean> {
  if (!known()) return false;
  try {
    keep((await asFan<Joined>("GET", `/v1/sales/${encodeURIComponent(saleId)}/places/mine`)).data);
    return true;
  } catch (e) {
    const p = e as Problem;
    if (p.status === 404 || p.status === 401 || p.code === "not-live") return false;
    throw p;
  }
}

function keep(j: Joined): void {
  const same = app.kept?.placeId === j.place.place_id ? app.kept : undefined;
  app.kept = {
    receipt: j.receipt, listen: j.listen, placeId: j.place.place_id, byAccount: account.email !== null,
    first: same?.first, ack: j.acknowledgement ?? same?.ack,
  };
  places.set(saleId, app.kept);
  app.view = app.booking = undefined;
  app.badReceipt = app.again = app.moved = false;
  listen();
}

function setBooking(b: Booking): void {
  app.clock.hear(b.server_now_ms);
  const old = app.booking;
  app.bookingFault = undefined;
  // What is the same stays the same object, so that nothing is drawn again for nothing.
  if (!old || JSON.stringify({ ...old, server_now_ms: 0 }) !== JSON.stringify({ ...b, server_now_ms: 0 })) app.booking = b;
  const hold = app.view?.hold;
  if (hold?.booking_id === b.booking_id && !hold.frozen && b.deadline_ms > hold.deadline_ms) hold.deadline_ms = b.deadline_ms;
  if (hold?.booking_id === b.booking_id) hold.can_extend = b.can_extend;
  draw();
}

// ---------------------------------------------------------------- what screens may do

let loadTimer: ReturnType<typeof setTimeout> | undefined;

const acts: Acts = {
  async load() {
    clearTimeout(loadTimer);
    try {
      const sale = (await call<Sale>("GET", "/v1/sales/" + encodeURIComponent(saleId), { bearer: null })).data;
      app.clock.hear(sale.server_now_ms);
      app.sale = sale;
      const [event, left] = await Promise.all([
        call<Event>("GET", "/v1/events/" + sale.event_id).then((a) => a.data),
        call<Availability>("GET", `/v1/events/${sale.event_id}/availability`).then((a) => a.data, () => null),
      ]);
      app.event = event;
      app.left = left;
      app.fault = undefined;
      fill(where, h("a", { href: "/e/" + event.event_id }, event.name), ` · ${event.venue} · ${longTime(event.starts_at_ms, event.time_zone)}`);
      if (!app.kept) await mine();
      else if (!live) listen();
    } catch (e) {
      app.fault = e as Problem;
      // A place goes on even where the sale cannot be read just now.
      if (app.kept && !live && app.fault.status !== 404) listen();
      if (app.fault.passing) loadTimer = setTimeout(() => void acts.load(), app.fault.retryAfterS ? afterSeconds(app.fault.retryAfterS) : 1000 + fullJitter(5));
    }
    draw();
  },
  async join(wish, key) {
    const path = `/v1/sales/${encodeURIComponent(saleId)}/places`;
    keep((await asFan<Joined>("POST", path, { body: wish, key }, !needsAccount(app.sale))).data);
    draw();
  },
  take(j) {
    keep(j);
    draw();
  },
  async takeOver() {
    await (await import("./later")).takeOver(acts).catch(() => {});
  },
  moved() {
    app.moved = true;
    refuse();
  },
  async leave() {
    await call("DELETE", `/v1/sales/${encodeURIComponent(saleId)}/places/mine`, { bearer: app.kept!.receipt });
    if (app.view) setView({ ...app.view, state: "left", ahead: 0 });
  },
  joinAgain() {
    live?.stop();
    app.again = true;
    draw();
  },
  setBooking(b) {
    setBooking(b);
    if (app.view && b.state === "released") setView({ ...app.view, state: "released", hold: undefined });
  },
  reloadBooking() {
    app.bookingFault = undefined;
    later?.followBooking(app, setBooking, draw, true);
    draw();
  },
  forget() {
    places.drop(saleId);
    app.kept = null;
    app.view = undefined;
    app.badReceipt = app.moved = false;
    void acts.load();
  },
  async signedIn() {
    corner();
    try {
      await mine();
    } catch {
      // The form is still there.
    }
    drawnKey = "";
    draw();
  },
  changed: () => draw(),
};

// ---------------------------------------------------------------- drawing

let drawnKey = "";
let drawn: Drawn | null = null;
let screen: Screen = "loading";

function draw(): void {
  let next = screenOf({
    fault: app.fault, sale: app.sale && app.event ? app.sale : undefined, view: app.view, hasPlace: app.kept !== null,
    badReceipt: app.badReceipt, booking: app.booking, again: app.again, justPaid: performance.now() < paidUntil, openingPassed: app.openingPassed,
  });
  if (later) next = later.onMap(app, next);
  const key = [next, app.kept?.placeId, app.again, app.fault?.code, app.event?.version, later !== null, ended(app.view?.state ?? "waiting") && app.sale?.state, app.sale?.stopped, app.moved].join();
  if (key !== drawnKey) {
    const before = drawnKey;
    const moved = screen !== next;
    drawnKey = key;
    screen = next;
    drawn = build(next);
    main.dataset.state = next;
    text(heading, drawn.heading);
    text(notice, app.notice ?? "");
    notice.hidden = !app.notice;
    app.notice = undefined;
    fill(body, drawn.nodes as Node[]);
    if (before && moved && next !== "loading" && !document.querySelector("dialog[open]")) heading.focus({ preventScroll: true }), scrollTo(0, 0);
    if (moved) later?.announce(next);
  }
  drawn?.update?.();
  const title = titleOf(next, drawn!.heading, app.view?.ahead ?? 0, count);
  if (document.title !== title) document.title = title;
}

function build(s: Screen): Drawn {
  switch (s) {
    case "loading": return { heading: "One moment…", nodes: [h("div", { class: "spin", "aria-hidden": "true" })] };
    case "not_open": return notOpen(app, acts);
    case "join": return join(app, acts);
    case "unknown": return {
      heading: "This sale is not here",
      nodes: [h("p", null, "The address may be mistyped, or the sale is not public yet."), h("p", null, h("a", { href: "/" }, "All events"))],
    };
    case "lost": return {
      heading: "No connection",
      nodes: [h("div", { class: "card" },
        h("p", null, app.kept ? "Your place is safe: it does not depend on this page." : "The waiting room cannot be reached."),
        h("p", null, "We try again by ourselves. ", button("Try now", () => void acts.load(), { class: "plain" })))],
    };
    case "problem": return {
      heading: app.fault!.status === 429 || app.fault!.status === 503 ? "Very busy at the moment" : "Something is wrong on our side",
      nodes: [app.kept && h("p", { class: "safe" }, "Your place is safe: it does not depend on this page."), trouble(app.fault!, () => void acts.load()),
        app.fault!.passing && h("p", null, "We try again by ourselves.")],
    };
  }
  return later ? later.screen(app, acts, s) : { heading: "One moment…", nodes: [h("div", { class: "spin", "aria-hidden": "true" })] };
}

// ---------------------------------------------------------------- the connection

function banner(): void {
  const el = $("banner");
  const ms = lostAt === null ? 0 : performance.now() - lostAt;
  const show = ms > LOST_SHOWN_MS && screen !== "lost" && screen !== "problem";
  if (el.hidden === show) {
    el.hidden = !show;
    main.dataset.connection = show ? "lost" : "ok";
    fill(el, show && [h("span", null, "The connection is lost. Your place is safe; we connect again by ourselves. "), button("Connect now", () => live?.wake(), { class: "link" })]);
  }
  if (ms > LOST_SAID_MS && !lostSaid) {
    lostSaid = true;
    text($("assertive"), "The connection is lost. Your place is safe.");
  }
}

// ---------------------------------------------------------------- time, tabs, network

let opening = 0;

function tick(): void {
  if (screen === "not_open" && app.sale && app.clock.left(joinsFrom(app.sale)) <= 0) {
    // Everybody's countdown ends at once; the next step does not.
    opening ||= performance.now() + Math.random() * OPENING_SPREAD_MS;
    if (performance.now() >= opening) {
      app.openingPassed = true;
      opening = 0;
      draw();
    }
  }
  if (paidUntil && screen === "paying") draw();
  else drawn?.update?.();
  later?.say(app, screen);
  banner();
}
setInterval(tick, 250);

/** While nobody is in line yet the sale is read again now and then: openings are moved, pauses end. */
function reread(): void {
  setTimeout(async () => {
    if (!document.hidden && (screen === "not_open" || screen === "join") && !document.querySelector("dialog[open]")) {
      const s = await call<Sale>("GET", "/v1/sales/" + encodeURIComponent(saleId)).then((a) => a.data, () => null);
      if (s && app.sale && (screen === "not_open" || screen === "join")) {
        app.clock.hear(s.server_now_ms);
        const moved = joinsFrom(s) !== joinsFrom(app.sale) || s.opens_at_ms !== app.sale.opens_at_ms;
        app.sale = s;
        if (moved && s.state === "scheduled") {
          app.openingPassed = false;
          drawnKey = "";
        }
        draw();
      }
    }
    reread();
  }, 45_000 + Math.random() * 30_000);
}
reread();

const wake = (): void => {
  if (document.hidden) return;
  if (app.fault?.passing) void acts.load();
  else if (app.view && ended(app.view.state)) later?.lookAgain(app, acts);
  else if (screen !== "join") live?.wake();
};
document.addEventListener("visibilitychange", wake);
addEventListener("online", wake);
addEventListener("pageshow", (e) => {
  if (!e.persisted) return;
  // Back from the payment page, out of the browser's memory: sockets are dead and buttons may say "one moment".
  drawnKey = "";
  listen();
  later?.followBooking(app, setBooking, draw, true);
  draw();
});
addEventListener("storage", (e) => {
  if (e.key === places.name(saleId)) adopt();
  if (e.key === "usher.session") corner();
});

dialogFrom(() => import("./later"));
corner();
draw();
if (app.kept) fetchLater();
void acts.load().finally(fetchLater);
