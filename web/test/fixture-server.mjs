// A fake API for looking at the pages: `node test/fixture-server.mjs [--port 4173]`, then open `/q/sal_waiting` and the others of
// test/fixture/data.mjs, or play `sal_live` through. Nothing here proves anything about the real services.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { AVAILABILITY, BLOCKS, booking, EVENT, GIFTS, head, history, now, report, saleDraft, SCENES, seatsOverTime, TIERS, WISHES } from "./fixture/data.mjs";
import { DeskOffice } from "./fixture/office.mjs";
import { PickScenes } from "./fixture/pick.mjs";
import { Play } from "./fixture/play.mjs";
import { upgrade } from "./fixture/socket.mjs";

const DIST = new URL("../dist/", import.meta.url);
const CSP = "default-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss: http: https:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
const PAGES = [[/^\/$/, "index"], [/^\/e\/[^/]+$/, "event"], [/^\/q\/[^/]+$/, "queue"], [/^\/find$/, "find"], [/^\/draw\/[^/]+$/, "draw"], [/^\/report\/[^/]+$/, "report"], [/^\/promoter$/, "promoter"], [/^\/operator$/, "operator"]];
const TYPES = { js: "text/javascript", css: "text/css", svg: "image/svg+xml", html: "text/html; charset=utf-8" };

const PAY_PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Pay</title><script type="module" src="/pay.js"></script>
<main><h1>Payment</h1><p id="alert" role="alert"></p><form><label for="n">Card number</label><input id="n" inputmode="numeric" autocomplete="cc-number"><button>Pay</button></form></main></html>`;
const PAY_SCRIPT = `const back = new URLSearchParams(location.hash.slice(1)).get("return");
document.querySelector("form").onsubmit = async (e) => { e.preventDefault();
  const answer = await (await fetch(location.pathname + "/confirm", { method: "POST", body: document.getElementById("n").value })).text();
  if (answer === "declined") document.getElementById("alert").textContent = "Your card was declined."; else location.replace(back); };`;

export async function start({ port = 0, ...play } = {}) {
  const live = new Play(play);
  const office = new DeskOffice(live);
  const picks = new PickScenes();
  const accounts = new Map();
  const events = new Map();
  const organisations = [{ organisation_id: "org_fixture", name: "Harbour Concerts" }];
  const maps = new Map();
  const sales = new Map();
  let counter = 0;
  /** After the scene `cut` was seen once, no socket comes up any more. */
  let cut = false;

  const scene = (id) => {
    const name = id.replace(/^sal_/, "");
    return Object.hasOwn(SCENES, name) ? SCENES[name]() : null;
  };
  const sceneSale = (id) => {
    const s = scene(id);
    return s && { sale_id: id, event_id: EVENT.event_id, ...saleDraft(), publication: "published", state: s.view?.sale ?? "open", pause_reason: s.view?.pause_reason, version: 1, server_now_ms: now(), ...s.sale };
  };
  const anySale = (id) => (id === "sal_live" ? live.sale() : sales.has(id) ? { ...sales.get(id), server_now_ms: now() } : sceneSale(id));
  events.set(EVENT.event_id, { ...EVENT });
  const withSales = (e) => ({ ...e, sales: e.event_id === EVENT.event_id ? [live.sale(), sceneSale("sal_not_open"), sceneSale("sal_join_account"), sceneSale("sal_sold_out"), ...[...sales.values()].filter((s) => s.event_id === e.event_id)] : [...sales.values()].filter((s) => s.event_id === e.event_id) });

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://fixture");
    const path = url.pathname;
    const method = request.method;
    const send = (status, body, headers = {}) => {
      const text = body === undefined ? "" : JSON.stringify(body);
      response.writeHead(status, { "content-type": status >= 400 ? "application/problem+json" : "application/json", "x-request-id": "req_0a1b2c3d", ...headers });
      response.end(text);
    };
    const problem = (status, code, title, detail = "", more = {}) => send(status, { type: "/problems/" + code, status, code, title, detail, ...more }, more.retry_after_s ? { "retry-after": String(more.retry_after_s) } : {});
    const page = (type, body) => {
      response.writeHead(200, { "content-type": type, "content-security-policy": CSP });
      response.end(body);
    };
    let raw = "";
    for await (const chunk of request) raw += chunk;
    const body = raw.startsWith("{") ? JSON.parse(raw) : raw;
    const bearer = (request.headers.authorization ?? "").replace("Bearer ", "");
    const me = accounts.get(bearer);
    const is = (pattern) => {
      const m = new RegExp("^" + pattern.replaceAll("*", "([^/]+)") + "$").exec(path);
      return m && m.slice(1);
    };
    let m;

    // ---- pages and the payment page
    if (path === "/favicon.ico") return send(204);
    if (method === "GET" && path.startsWith("/assets/")) {
      const file = await readFile(new URL("." + path, DIST)).catch(() => null);
      return file ? page(TYPES[path.split(".").pop()], file) : problem(404, "not-found", "There is nothing here");
    }
    const found = PAGES.find(([p]) => p.test(path));
    if (method === "GET" && found) return page(TYPES.html, await readFile(new URL(found[1] + ".html", DIST)));
    if (path === "/pay.js") return page(TYPES.js, PAY_SCRIPT);
    if ((m = is("/pay/*")) && method === "GET") return page(TYPES.html, PAY_PAGE);
    if ((m = is("/pay/*/confirm"))) return page("text/plain", live.card(m[0], String(raw)));

    // ---- who
    if (path === "/v1/visitors") return send(200, { fan_id: "fan_" + ++counter, token: "vis_" + counter, expires_at_ms: now() + 1e9 });
    const session = (email) => {
      const token = "acc_" + ++counter;
      const known = [...accounts.values()].find((a) => a.email === email);
      accounts.set(token, known ?? { email, memberships: email.startsWith("new") ? [] : ["promoter", "operator"].map((role) => ({ organisation_id: "org_fixture", organisation: "Harbour Concerts", role })) });
      return { account_id: "acc_fixture", access_token: token, expires_in_ms: 900_000, refresh_token: "ref_" + email };
    };
    if (path === "/v1/accounts") return send(201, session(body.email));
    if (path === "/v1/sessions" && method === "POST") return body.password === "wrong-password" ? problem(401, "unauthorised", "The address or the password is wrong", "check both and try again") : send(200, session(body.email));
    if (path === "/v1/sessions/refresh") return send(200, session(body.refresh_token.slice(4)));
    if (path === "/v1/sessions") return send(204);
    if (path === "/v1/me") return me ? send(200, { account_id: "acc_fixture", ...me }) : problem(401, "unauthorised", "Sign in or send a valid token");

    // ---- sales in which fans pick
    if (await picks.answer(method, url, bearer, body, send, problem)) return;

    // ---- events and sales, read
    if (path === "/v1/events") return send(200, url.searchParams.has("none") || play.empty ? [] : [...events.values()].filter((e) => e.publication === "published").map(withSales));
    if ((m = is("/v1/events/*")) && method === "GET") return events.has(m[0]) ? send(200, withSales(events.get(m[0])), { etag: `"${events.get(m[0]).version}"` }) : problem(404, "not-found", "There is nothing here", "no such event");
    if ((m = is("/v1/events/*/availability"))) return send(200, AVAILABILITY);
    if (is("/v1/events/*/availability/history")) return send(200, seatsOverTime(url.searchParams.get("by")));
    if (is("/v1/events/*/gifts") && method === "GET") return send(200, { gifts: GIFTS });
    if (is("/v1/events/*/gifts")) return send(201, { ...GIFTS[0], name: body.name, email: body.email, seats: body.seats.map(String) });
    if (path === "/v1/gifts/find") return body.reference.startsWith("9TQ2") ? send(200, { ...GIFTS[0], by: undefined, tickets: booking("paid").tickets }) : problem(404, "not-found", "There is nothing here", "no such booking");
    if (is("/v1/events/*/blocks") && method === "GET") return send(200, { blocks: BLOCKS });
    if (is("/v1/events/*/blocks")) return problem(409, "seats-taken", "Somebody has some of these seats", "none was blocked; leave out those that are told, or wait until they are free", { faults: ["A1, row 2, seat 5: sold", "A1, row 2, seat 6: held"] });
    if ((m = is("/v1/sales/*")) && method === "GET") {
      if (scene(m[0])?.fault) return problem(500, "internal", "Something went wrong on our side", "the request's id finds it in our log");
      const sale = anySale(m[0]);
      return sale ? send(200, sale, { etag: `"${sale.version}"` }) : problem(404, "not-found", "There is nothing here", "no such sale");
    }

    if ((m = is("/v1/sales/*/report"))) {
      if (m[0] === "sal_nothing") return problem(404, "not-found", "There is nothing here", "no such sale");
      return m[0] === "sal_live" ? problem(409, "sale-not-over", "The sale is not over yet", "its report is public once it is") : send(200, report(m[0]));
    }

    if (is("/v1/sales/*/log/heads")) {
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      return response.end([1, 2, 3, 4, 5, 6, 7].map((seq) => JSON.stringify(head(seq)) + "\n").slice(Number(url.searchParams.get("after"))).join(""));
    }

    // ---- the line
    const joined = (place, id, state) => ({ place: { place_id: place, sale_id: id, event_id: EVENT.event_id, entry: 12409, party: 2, wishes: WISHES, state, joined_at_ms: now() }, receipt: "", listen: { socket: `ws://${request.headers.host}/v1/live/socket`, poll: "/v1/live/place" }, seq: { joins: 1, pace: 1, seats: 1 } });
    if (is("/v1/sales/sal_drawing/draw")) return send(200, { stage: "closed", beacon: "quicknet", chain: "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971", round: 24_102_413, round_at_ms: now() - 60_000, unprovable_from_ms: now() + 600_000, size: 31_877, files: [], server_now_ms: now() });
    if (is("/v1/sales/*/draw/*")) return problem(404, "not-found", "There is nothing here", "no draw");
    if ((m = is("/v1/sales/*/places")) && method === "POST") {
      if (scene(m[0])?.joinBusy) return problem(429, "too-many-requests", "Too many requests", "slow down", { retry_after_s: 6 });
      if (!bearer) return problem(401, "unauthorised", "Sign in or send a valid token");
      if (m[0] !== "sal_live") {
        if (anySale(m[0])?.entry === "code") return problem(403, "code-used-up", "The code is used up", "code: it was used in as many places as it is good for; if you gave it to nobody, ask whoever gave it to you");
        return problem(409, "not-open-yet", "The sale is not open yet", "", { at_ms: now() + 9000 });
      }
      const { place, fresh } = live.join(me?.email ?? bearer, body.party);
      return send(fresh ? 201 : 200, { ...joined(place.id, m[0], place.state), receipt: place.receipt });
    }
    if ((m = is("/v1/sales/*/places/mine/history"))) return send(200, history(m[0].slice(4), scene(m[0])?.view?.state));
    if ((m = is("/v1/sales/*/places/mine/transfer"))) return send(200, { code: "7QXA-K3M9-D2WF", expires_at_ms: now() + 600_000, server_now_ms: now() });
    if (path === "/v1/places/transfer") {
      if (body.code.startsWith("USED")) return problem(409, "transfer-used", "The code was used before", "it is good once; if that was you, ask for your place, else ask whoever gave it to you");
      if (!body.code.startsWith("7QXA")) return problem(404, "transfer-unknown", "There is no such code", "check what was typed; making another code makes the earlier one worthless");
      return send(200, { ...joined("plc_019a7c2e5f3b7c1d8e9f0a1b2c3d4e5f", "sal_waiting", "waiting"), receipt: "rcp_sal_waiting" });
    }
    if ((m = is("/v1/sales/*/places/mine")) && scene(m[0])?.moved && bearer.startsWith("rcp_")) return problem(403, "place-moved", "The place is somebody else's now", "it was taken over");
    if ((m = is("/v1/sales/*/places/mine"))) {
      const played = live.places.get(bearer) ?? [...live.places.values()].reverse().find((p) => p.fan === (me?.email ?? bearer));
      if (m[0] === "sal_live" && played) {
        if (method === "DELETE") {
          live.end(played, "left", "released");
          return send(204);
        }
        return send(200, { ...joined(played.id, m[0], played.state), receipt: played.receipt });
      }
      const view = scene(m[0])?.view;
      if (!view) return problem(404, "not-found", "There is nothing here", "no such place");
      if (method === "DELETE") return send(204);
      const place = joined("plc_019a7c2e5f3b7c1d8e9f0a1b2c3d4e5f", m[0], view.state);
      if (method === "PATCH") {
        if (body.party === 6) return problem(409, "too-late", "The place was let in", "seats are being found for what it wanted");
        Object.assign(place.place, body);
      }
      return send(200, { ...place, receipt: "rcp_" + m[0] });
    }
    if (path === "/v1/live/place") {
      const played = live.places.get(bearer);
      if (played) return send(200, { ...live.message(played), view: live.view(played) });
      const s = scene(bearer.replace("rcp_", ""));
      return s?.view && !s.refuse ? (s.cut ? request.socket.destroy() : send(200, { epoch: 1, seq: { joins: 2, pace: 2, seats: 2 }, view: { ...s.view, server_now_ms: now() } })) : problem(401, "unauthorised", "Sign in or send a valid token");
    }

    // ---- bookings
    const bookingOf = (id) => [...live.places.values()].find((p) => p.booking?.booking_id === id);
    if ((m = is("/v1/bookings/*")) && method === "GET") {
      const played = bookingOf(m[0]);
      if (played) return send(200, { ...played.booking, server_now_ms: now() });
      const of = scene(bearer.replace("rcp_", ""));
      return send(200, booking(of?.booking ?? "paid", { exchange: of?.exchange }));
    }
    if (path === "/v1/bookings/find") {
      const played = [...live.places.values()].find((p) => p.booking?.reference === body.reference && p.booking.email === body.email);
      return played ? send(200, played.booking) : body.reference === "K7M4-Q2XD" ? send(200, booking("paid")) : problem(404, "not-found", "There is nothing here", "no such booking");
    }
    if (path === "/v1/bookings") return send(200, { bookings: [...live.places.values()].filter((p) => p.booking && p.fan === (me?.email ?? bearer)).map((p) => p.booking) });
    if ((m = is("/v1/bookings/*/refund"))) {
      const played = bookingOf(m[0]);
      if (!played) return send(200, booking("refunded", { booking_id: m[0] }));
      live.end(played, "refunded", "refunded");
      for (const t of played.booking.tickets) t.valid = false;
      return send(200, played.booking);
    }
    if ((m = is("/v1/bookings/*/*"))) {
      const played = bookingOf(m[0]);
      if (!played && m[1] === "exchange") return problem(409, "exchange-too-often", "Other seats were asked for too often", "none were to be had 5 times; keep these seats, or give them back");
      if (!played) return m[1] === "extend" ? problem(409, "already-extended", "Already extended") : problem(503, "try-again", "Something we depend on is away for a moment", "the payment provider does not answer", { retry_after_s: 2 });
      const r = live.act(played, m[1], body);
      return r.ok ? send(200, r.ok) : problem(r.status, r.code, r.title);
    }

    // ---- the consoles
    if (!me) return problem(401, "unauthorised", "Sign in or send a valid token");
    if (path === "/v1/organisations") {
      const o = { organisation_id: "org_" + ++counter, name: body.name };
      organisations.push(o);
      for (const role of ["promoter", "operator"]) me.memberships.push({ organisation_id: o.organisation_id, organisation: o.name, role });
      return send(201, o);
    }
    if ((m = is("/v1/organisations/*/members"))) return body.email.includes("nobody") ? problem(404, "not-found", "There is nothing here", "no such account") : send(204);
    if ((m = is("/v1/organisations/*/events"))) {
      if (method === "GET") return send(200, [...events.values()].filter((e) => e.organisation_id === m[0]).map(withSales).reverse());
      const e = { event_id: "evt_" + ++counter, organisation_id: m[0], ...body, publication: "draft", version: 1, tiers: [], capacity: 0 };
      events.set(e.event_id, e);
      return send(201, withSales(e));
    }
    if ((m = is("/v1/events/*")) && method === "PUT") {
      const e = events.get(m[0]);
      if (request.headers["if-match"] !== `"${e.version}"`) return problem(412, "version-conflict", "Somebody changed it meanwhile", "read it again");
      Object.assign(e, body, { version: e.version + 1 });
      return send(200, withSales(e), { etag: `"${e.version}"` });
    }
    if ((m = is("/v1/events/*/publish"))) {
      const e = events.get(m[0]);
      if (!e.capacity) return problem(409, "no-seat-map", "The event has no seats yet", "import a seat map first");
      Object.assign(e, { publication: "published", version: e.version + 1 });
      return send(200, withSales(e));
    }
    if ((m = is("/v1/events/*/seat-map"))) {
      if (method === "GET") return maps.has(m[0]) ? send(200, maps.get(m[0])) : problem(404, "not-found", "There is nothing here", "no seat map");
      const e = events.get(m[0]);
      if (m[0] === EVENT.event_id) return problem(409, "seats-held", "Seats were held already", "the map cannot be replaced any more");
      const counts = new Map(body.tiers.map((t) => [t.id, 0]));
      for (const s of body.sections) for (const r of s.rows) for (const x of r.seats) counts.set(x.tier, counts.get(x.tier) + 1);
      for (const a of body.standing) counts.set(a.tier, counts.get(a.tier) + a.capacity);
      maps.set(m[0], body);
      Object.assign(e, { tiers: body.tiers.map((t) => ({ fee_minor: 0, ...t, capacity: counts.get(t.id) })), capacity: [...counts.values()].reduce((a, b) => a + b), version: e.version + 1 });
      return send(204);
    }
    if ((m = is("/v1/events/*/sales"))) {
      const s = { sale_id: "sal_new" + ++counter, event_id: m[0], ...saleDraft(), ...body, publication: "draft", state: "draft", version: 1, server_now_ms: now() };
      sales.set(s.sale_id, s);
      return send(201, s);
    }
    if ((m = is("/v1/sales/*")) && method === "PUT") {
      if (m[0] === "sal_live" && request.headers.confirm !== "yes") return problem(409, "confirm-needed", "This needs to be confirmed", "", { confirm: "yes", faults: ["3137 fans stand in this sale", "the sale may sell 900 seats instead of 1200", "joining ends 30 min earlier"] });
      if (m[0] === "sal_live") return send(200, Object.assign(live.sale(), body), { etag: '"3"' });
      const s = sales.get(m[0]);
      if (!s) return problem(409, "sale-open", "The sale is open", "only drafts can be edited");
      if (request.headers["if-match"] !== `"${s.version}"`) return problem(412, "version-conflict", "Somebody changed it meanwhile", "read it again");
      Object.assign(s, body, { version: s.version + 1 });
      return send(200, s, { etag: `"${s.version}"` });
    }
    if ((m = is("/v1/sales/*/publish"))) {
      const s = sales.get(m[0]);
      Object.assign(s, { publication: "published", state: s.opens_at_ms > now() ? "scheduled" : "open", version: s.version + 1 });
      return send(200, s);
    }
    if ((m = is("/v1/events/*/bookings"))) {
      const states = ["paid", "paid", "refunded", "held", "lapsed"];
      const after = Number((url.searchParams.get("after") ?? "bkg_0").slice(4));
      const limit = Number(url.searchParams.get("limit") ?? 50);
      const total = m[0] === EVENT.event_id ? 60 : 0;
      const played = after ? [] : [...live.places.values()].filter((p) => p.booking && m[0] === EVENT.event_id).map((p) => p.booking);
      return send(200, { bookings: [...played, ...Array.from({ length: Math.max(0, Math.min(limit, total - after)) }, (_, i) => booking(states[(after + i) % 5], { booking_id: "bkg_" + (after + i + 1), reference: "K7M4-" + String(1000 + after + i), email: `fan${after + i}@example.org` }))] });
    }
    if ((m = is("/v1/sales/*/admission"))) {
      if (m[0] !== "sal_live") return send(200, { ...live.admission(), sale_id: m[0], state: anySale(m[0])?.state ?? "open" }, { etag: '"1"' });
      if (method === "PATCH" && request.headers["if-match"] && request.headers["if-match"] !== `"${live.rateVersion}"`) return problem(412, "version-conflict", "Somebody changed it meanwhile", "read it again");
      if (method === "PATCH") return office.answer(method, "admission", body, send, problem, url);
      return send(200, live.admission(), { etag: `"${live.rateVersion}"` });
    }
    if (is("/v1/sales/sal_live/admission/announcement")) {
      live.announcement = method === "DELETE" ? undefined : { at_ms: now(), texts: body.texts };
      live.log(method === "DELETE" ? "sale.withdraw" : "sale.announce", "", {});
      return send(method === "DELETE" ? 204 : 200, live.announcement);
    }
    if ((m = is("/v1/sales/*/admission/audit"))) return send(200, { lines: live.audit });
    const rest = /^\/v1\/sales\/sal_\w+\/(.+)$/.exec(path)?.[1];
    if (rest && office.answer(method, rest, body, send, problem, url) !== undefined) return;
    if (response.writableEnded) return;
    problem(404, "not-found", "There is nothing here", method + " " + path);
  });

  server.on("upgrade", (request, socket) => {
    let place;
    if (cut) return socket.destroy();
    const ws = upgrade(request, socket, (text) => {
      const m = JSON.parse(text);
      if (m.type !== "hello") return;
      const receipt = m.data.receipt;
      if (picks.hello(receipt, ws)) return;
      place = live.places.get(receipt);
      if (place) {
        place.sockets.add(ws);
        live.push(place);
        return;
      }
      const s = scene(receipt.replace("rcp_", ""));
      if (!s?.view || s.refuse) return ws.close(4401, "receipt");
      ws.send({ v: 1, type: "place", epoch: 1, seq: { joins: 1, pace: 1, seats: 1 }, data: { ...s.view, server_now_ms: now() } });
      if (s.cut) {
        cut = true;
        setTimeout(() => socket.destroy(), 300);
      }
    }, () => {
      place?.sockets.delete(ws);
      picks.gone(ws);
    });
  });

  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    tiers: TIERS,
    picks,
    close: () => {
      live.stop();
      server.closeAllConnections();
      server.close();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const at = process.argv.indexOf("--port");
  const { url } = await start({ port: at > 0 ? Number(process.argv[at + 1]) : 4173 });
  console.log(`${url}/\n` + Object.keys(SCENES).map((s) => `${url}/q/sal_${s}`).join("\n") + `\n${url}/q/sal_live\n${url}/promoter\n${url}/operator`);
}
