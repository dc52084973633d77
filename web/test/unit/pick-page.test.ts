import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Clock } from "../../src/logic/clock";
import { hallOf } from "../../src/logic/hall";
import type { Acts, App } from "../../src/queue/app";
import { PickPage } from "../../src/queue/pick/page";
import type { Booking, Joined, View } from "../../src/wire";

const hall = hallOf({
  format: "usher-seat-map/1", name: "Hall", tiers: [{ id: "a", name: "A", price_minor: 1000 }], standing: [],
  sections: [{ name: "S", rows: [{ label: "1", seats: Array.from({ length: 16 }, (_, i) => ({ label: String(i + 1), tier: "a" })) }] }],
});

interface Asked { method: string; path: string; seats?: number[]; answer(status: number, body: unknown): Promise<void> }
const real = globalThis.fetch;
afterEach(() => void (globalThis.fetch = real));

/** A page whose requests wait until they are answered. */
function page(view: Partial<View>, booking?: Booking): { page: PickPage; app: App; puts: () => number[][]; ask: (what: string) => Asked; tick: () => Promise<void>; now: (view: Partial<View>) => void } {
  const asked: (Asked & { done?: boolean })[] = [];
  globalThis.fetch = ((path: string, o: RequestInit) => new Promise((done) => {
    const one: Asked & { done?: boolean } = {
      method: o.method!, path, seats: o.body ? JSON.parse(String(o.body)).seats : undefined,
      answer: async (status, body) => {
        one.done = true;
        done(new Response(JSON.stringify(body), { status }));
        for (let i = 0; i < 20; i++) await new Promise((f) => setImmediate(f));
      },
    };
    asked.push(one);
  })) as unknown as typeof fetch;
  const whole = (v: Partial<View>): View => ({ state: "standing", ahead: 0, waiting: 0, sale: "open", server_now_ms: Date.now(), ...v });
  const app = {
    saleId: "sal_1", clock: new Clock(), kept: { receipt: "r", placeId: "p" }, view: whole(view), viewAt: Date.now(), booking, badReceipt: false, moved: false, again: false, openingPassed: true,
    onMap: true, event: { event_id: "evt_1", currency: "EUR" },
  } as unknown as App;
  const acts = { reloadBooking: () => {}, moved: () => {} } as unknown as Acts;
  const p = new PickPage(app, acts, hall, { party: 4 } as Joined["place"], () => {});
  const ask = (what: string): Asked => {
    const found = asked.find((a) => !a.done && (a.method + " " + a.path).includes(what));
    assert.ok(found, `nothing asks for ${what}`);
    return found;
  };
  return {
    page: p, app, ask, puts: () => asked.filter((a) => a.method === "PUT").map((a) => a.seats!),
    tick: async () => {
      p.tick();
      for (const a of asked) if (!a.done && a.path.includes("taken-seats")) await a.answer(200, { version: 1, capacity: 16, bits: btoa("\0\0") });
    },
    now: (v) => {
      app.view = whole(v);
      // Long enough after the pick to know of it.
      app.viewAt = Date.now() + 2_000;
    },
  };
}
const bookingOf = (seats: number[], state = "held"): Booking => ({ booking_id: "bkg_1", state, seats: seats.map((seat) => ({ seat, label: "", tier: "a", price_minor: 1000, fee_minor: 0 })), server_now_ms: Date.now() }) as unknown as Booking;
const hold = (seats: number): Partial<View> => ({ state: "holding", hold: { booking_id: "bkg_1", deadline_ms: Date.now() + 60_000, seats, paying: false } });
const took = (seats: number[]): unknown => ({ booking_id: "bkg_1", seats, deadline_ms: Date.now() + 60_000, server_now_ms: Date.now() });

test("nothing is asked before it is known what is held, and it is read again until it is", async () => {
  const { page: p, puts, ask, tick } = page(hold(2));
  await tick();
  p.tap(5);
  p.choose([6]);
  p.step(0, 16, true);
  p.find(1, undefined, false);
  p.asks.go();
  assert.deepEqual(puts(), []);
  assert.match(p.said, /reading what you hold/);
  await ask("bookings").answer(503, { code: "try-again", title: "Away" });
  assert.ok(!p.known && p.readFault);
  void p.sync();
  await ask("bookings").answer(200, bookingOf([1, 2]));
  assert.ok(p.known && !p.readFault && p.said === "");
  p.tap(5);
  assert.deepEqual(puts(), [[1, 2, 5]]);
});

test("a booking that is known already is taken as it is, if it is the hold's", async () => {
  const { page: p, puts } = page(hold(2), bookingOf([1, 2]));
  assert.deepEqual([p.known, p.picks.held], [true, [1, 2]]);
  p.tap(1);
  assert.deepEqual(puts(), [[2]]);
  for (const stale of [bookingOf([1]), { ...bookingOf([1, 2]), booking_id: "bkg_0" }]) assert.ok(!page(hold(2), stale).page.known);
});

test("seats that another page of the fan takes are read before the next click", async () => {
  const { page: p, puts, ask, tick, now } = page({});
  await tick();
  assert.ok(p.known);
  now(hold(2));
  p.tap(5);
  assert.deepEqual(puts(), []);
  await tick();
  await ask("bookings").answer(200, bookingOf([1, 2]));
  p.tap(5);
  assert.deepEqual(puts(), [[1, 2, 5]]);
});

test("news that do not know of a pick yet take nothing away from it", async () => {
  const { page: p, puts, ask, tick, now } = page({});
  await tick();
  p.tap(1);
  await ask("PUT").answer(200, took([1]));
  now({});
  await tick();
  assert.ok(!p.known);
  await ask("bookings/bkg_1").answer(200, bookingOf([1]));
  assert.ok(p.known, "the booking is newer than the news");
  // It is read again behind that; that it cannot be hinders nobody.
  void p.sync();
  await ask("bookings/bkg_1").answer(503, { code: "try-again", title: "Away" });
  assert.ok(p.known && !p.readFault);
  p.tap(2);
  assert.deepEqual(puts(), [[1], [1, 2]]);
});

test("an answer that is older than a pick is not believed", async () => {
  const { page: p, puts, ask, tick, now } = page(hold(1), bookingOf([1]));
  await tick();
  now(hold(2));
  await tick();
  await ask("bookings").answer(200, bookingOf([1]));
  assert.ok(p.known);
  void p.sync();
  const older = ask("bookings");
  p.tap(2);
  await ask("PUT").answer(200, took([1, 2]));
  await older.answer(200, bookingOf([1]));
  assert.deepEqual(p.picks.held, [1, 2]);
  p.tap(3);
  assert.deepEqual(puts(), [[1, 2], [1, 2, 3]]);
});

test("a booking that ended holds nothing, and seats that came free elsewhere are read", async () => {
  const { page: p, ask, tick } = page(hold(2), bookingOf([1, 2]));
  await tick();
  p.follow.taken!.hear({ after: 1, upto: 1, taken: [], freed: [] });
  const { seatNews } = await import("../../src/queue/seat-news");
  seatNews.hear!({ after: 1, upto: 2, taken: [], freed: [2] });
  assert.ok(!p.known);
  await ask("bookings").answer(200, bookingOf([1, 2], "lapsed"));
  assert.deepEqual([p.known, p.picks.held], [true, []]);
});

test("when the time seems over the server judges", async () => {
  const { page: p, puts, ask, tick } = page({ shops_until_ms: Date.now() - 5_000 });
  await tick();
  assert.ok(p.over);
  p.tap(3);
  assert.deepEqual(puts(), [[3]]);
  await ask("PUT").answer(409, { code: "time-over", title: "The time is over" });
  assert.ok(p.told?.kind === "trouble" && p.told.problem.code === "time-over" && p.picks.wish.length === 0);
});

test("while the clock stands still the time to choose does too", () => {
  const { page: p, now } = page({});
  now({ shops_until_ms: 90_000, server_now_ms: 60_000, shops_frozen: "An outage." });
  assert.deepEqual(p.left(), { ms: 30_000, hold: false, frozen: "An outage." });
  assert.ok(!p.over);
});

test("clicks made while a refused piece was under way are asked for", async () => {
  const { page: p, puts, ask, tick } = page({});
  await tick();
  p.choose([1, 2]);
  p.tap(9);
  await ask("PUT").answer(409, { code: "seats-taken", taken: [2], nearest: [] });
  await ask("PUT").answer(200, took([9]));
  p.choose([3, 4]);
  p.tap(10);
  await ask("PUT").answer(409, { code: "accessible-only", title: "Kept" });
  assert.deepEqual(puts(), [[1, 2], [9], [3, 4], [9, 10]]);
});
