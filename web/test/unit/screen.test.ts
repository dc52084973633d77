import assert from "node:assert/strict";
import test from "node:test";
import { agreed, questionWords } from "../../src/logic/question";
import { ended, notOlder, screenOf, titleOf, type Situation } from "../../src/logic/screen";
import type { App } from "../../src/queue/app";
import { onMap } from "../../src/queue/picking";
import type { Booking, PlaceState, View } from "../../src/wire";

const view = (more: Partial<View>): View => ({ state: "waiting", ahead: 5, waiting: 9, sale: "open", server_now_ms: 0, ...more });
const hold = { booking_id: "bkg_1", deadline_ms: 1000, seats: 2, paying: false };
const at = (more: Partial<Situation>): Situation => ({ hasPlace: false, badReceipt: false, again: false, justPaid: false, openingPassed: false, sale: { state: "open" }, ...more });

test("without a place the sale decides", () => {
  assert.equal(screenOf(at({ sale: undefined })), "loading");
  assert.equal(screenOf(at({ sale: { state: "scheduled" } })), "not_open");
  assert.equal(screenOf(at({ sale: { state: "scheduled" }, openingPassed: true })), "join");
  assert.equal(screenOf(at({})), "join");
  assert.equal(screenOf(at({ sale: { state: "paused" } })), "join");
  assert.equal(screenOf(at({ sale: { state: "closed" } })), "closed");
  assert.equal(screenOf(at({ sale: { state: "sold_out" } })), "sold_out");
  assert.equal(screenOf(at({ sale: { state: "draft" } })), "unknown");
});

test("who joins when depends on the lobby", () => {
  assert.equal(screenOf(at({ sale: { state: "lobby" } })), "join");
  assert.equal(screenOf(at({ sale: { state: "drawing" } })), "join");
  assert.equal(screenOf(at({ sale: { state: "drawing", ordering: "draw_only" } })), "closed");
  assert.equal(screenOf(at({ sale: { state: "closing" } })), "closed");
  assert.equal(screenOf(at({ hasPlace: true, view: view({ sale: "lobby" }) })), "lobby");
  assert.equal(screenOf(at({ hasPlace: true, view: view({ sale: "drawing" }) })), "drawing");
  assert.equal(screenOf(at({ hasPlace: true, view: view({ sale: "closing" }) })), "waiting");
});

test("with a place the view decides", () => {
  assert.equal(screenOf(at({ hasPlace: true })), "loading");
  assert.equal(screenOf(at({ hasPlace: true, view: view({}) })), "waiting");
  assert.equal(screenOf(at({ hasPlace: true, view: view({ sale: "paused" }) })), "paused");
  assert.equal(screenOf(at({ hasPlace: true, view: view({ sale: "closed" }) })), "closed");
  assert.equal(screenOf(at({ hasPlace: true, view: view({ sale: "sold_out" }) })), "sold_out");
  for (const state of ["skipped", "standing", "booked", "lapsed", "released", "failed", "left", "sold_out", "idle", "refunded"] as PlaceState[]) {
    assert.equal(screenOf(at({ hasPlace: true, view: view({ state }) })), state);
  }
});

test("whom nothing fits any more is asked", () => {
  const question = { seats: 2, tiers: ["b"], apart: true, until_ms: 1 };
  assert.equal(screenOf(at({ view: view({ state: "standing", question }) })), "asked");
  assert.equal(screenOf(at({ view: view({ state: "standing", kept_until_ms: 1 }) })), "standing");
  const tiers = [{ id: "a", name: "Stalls" }, { id: "b", name: "Balcony" }];
  assert.equal(questionWords(question, tiers), "2 tickets, not side by side, in Balcony");
  assert.equal(questionWords({ ...question, apart: false, tiers: ["a", "b"] }, tiers), "2 tickets side by side in Stalls and Balcony");
  assert.equal(questionWords({ ...question, seats: 1 }, tiers), "1 ticket in Balcony");
  const wishes = { tiers: ["a"], other_tiers: false, apart: false, fewer: false, accessible: true };
  // Who agrees to two wants two, and no fewer.
  assert.deepEqual(agreed(question, { wishes }), { party: 2, wishes: { ...wishes, other_tiers: true, apart: true } });
  assert.deepEqual(agreed({ ...question, tiers: ["a"], apart: false }, { wishes }), { party: 2, wishes });
  assert.deepEqual(agreed({ ...question, apart: false }, { wishes: { ...wishes, tiers: [] } }), { party: 2, wishes: { ...wishes, tiers: [] } });
});

test("a pause does not take the seats' screen away", () => {
  assert.equal(screenOf(at({ view: view({ state: "holding", sale: "paused", hold }) })), "holding");
  assert.equal(screenOf(at({ view: view({ state: "holding", sale: "closed", hold }) })), "holding");
});

test("a hold is held, paying or declined; an accepted card outweighs an older decline", () => {
  const holding = (h: object, booking?: object): string => screenOf(at({ view: view({ state: "holding", hold: { ...hold, ...h } }), booking: booking as Booking }));
  assert.equal(holding({}), "holding");
  assert.equal(holding({ paying: true }), "paying");
  assert.equal(holding({ declined: true }), "declined");
  assert.equal(holding({ paying: true, declined: true }), "declined");
  assert.equal(holding({ declined: true }, { booking_id: "bkg_1", state: "capturing" }), "paying");
  assert.equal(screenOf(at({ view: view({ state: "holding", hold: { ...hold, declined: true } }), justPaid: true })), "paying");
  assert.equal(holding({ declined: true }, { booking_id: "bkg_1", state: "paying", payment: { attempt: 2, state: "authorised" } }), "paying");
  assert.equal(holding({ declined: true }, { booking_id: "bkg_1", state: "held", payment: { attempt: 1, state: "declined" } }), "declined");
});

test("faults matter only where nothing is known of the place", () => {
  assert.equal(screenOf(at({ fault: { status: 0 } })), "lost");
  assert.equal(screenOf(at({ fault: { status: 404 } })), "unknown");
  assert.equal(screenOf(at({ fault: { status: 500 } })), "problem");
  assert.equal(screenOf(at({ fault: { status: 429 } })), "problem");
  assert.equal(screenOf(at({ fault: { status: 500 }, view: view({}) })), "waiting");
  assert.equal(screenOf(at({ badReceipt: true, view: view({}) })), "expired");
});

test("joining again shows the form, unless the sale is over", () => {
  const lapsed = view({ state: "lapsed" });
  assert.equal(screenOf(at({ view: lapsed, again: true })), "join");
  assert.equal(screenOf(at({ view: lapsed, again: true, sale: { state: "sold_out" } })), "sold_out");
});

test("an answer that was overtaken is not taken for news", () => {
  const heard = (epoch: number, joins: number, pace: number, seats: number) => ({ epoch, seq: { joins, pace, seats } });
  assert.ok(notOlder(undefined, heard(1, 0, 0, 0)));
  assert.ok(notOlder(heard(1, 5, 5, 5), heard(1, 5, 5, 5)));
  assert.ok(notOlder(heard(1, 5, 5, 5), heard(1, 5, 6, 5)));
  assert.ok(!notOlder(heard(1, 5, 5, 5), heard(1, 5, 4, 5)));
  assert.ok(notOlder(heard(1, 5, 5, 5), heard(2, 0, 0, 0)));
  assert.ok(!notOlder(heard(2, 5, 5, 5), heard(1, 9, 9, 9)));
});

test("the title says what matters in another tab", () => {
  const plain = (n: number): string => String(n);
  assert.equal(titleOf("waiting", "You are in line", 12, plain), "12 ahead – Usher");
  assert.equal(titleOf("waiting", "You are in line", 0, plain), "You are next – Usher");
  assert.equal(titleOf("holding", "Your turn! Seats are held for you", 0, plain), "Your turn! Seats are held for you – Usher");
});

test("ended places have no news", () => {
  assert.ok(ended("lapsed") && ended("booked") && ended("left") && ended("idle"));
  assert.ok(!ended("waiting") && !ended("skipped") && !ended("standing") && !ended("holding"));
});

test("where fans pick the map stays from being let in until they go on to pay, and nowhere else", () => {
  const app = (seating: string, seats = 2) => ({ sale: { seating }, event: {}, view: view({ state: "holding", hold: { ...hold, seats } }) }) as unknown as App;
  const fan = app("pick");
  assert.equal(onMap(fan, "waiting"), "waiting");
  assert.equal(onMap(fan, "standing"), "picking");
  assert.equal(onMap(fan, "holding"), "picking", "the first seat does not take it away");
  fan.onMap = false;
  assert.equal(onMap(fan, "holding"), "holding");
  fan.onMap = true;
  assert.equal(onMap(fan, "paying"), "paying");
  assert.equal(onMap(fan, "declined"), "declined", "what became of the payment is told first");
  assert.equal(onMap(fan, "lapsed"), "lapsed");
  // After a reload the hold is shown, unless nothing is left in it.
  assert.equal(onMap(app("pick"), "holding"), "holding");
  assert.equal(onMap(app("pick", 0), "holding"), "picking");
  assert.equal(onMap(app("assign"), "standing"), "standing");
  assert.equal(onMap({ ...app("pick"), event: undefined }, "standing"), "standing", "without the event there is no map");
});
