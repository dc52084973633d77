import assert from "node:assert/strict";
import test from "node:test";
import { skipWords, stepWords } from "../../src/logic/history";
import { supportCode } from "../../src/logic/support";
import { wishWords } from "../../src/logic/wish-words";
import { mayDo } from "../../src/operator/mending";
import type { StepKind } from "../../src/wire";

test("the support code is the server's", () => {
  // The example of contracts/src/mending.rs.
  assert.equal(supportCode("plc_019a7c2e5f3b7c1d8e9f0a1b2c3d4e5f"), "3CP3-TKJZ-Q");
  assert.equal(supportCode("plc_" + "0".repeat(32)), "0000-0000-0");
  assert.equal(supportCode("plc_" + "f".repeat(32)).length, 11);
  assert.equal(supportCode("plc_short"), "");
});

test("every step has words, for the fan and for the operator", () => {
  const kinds: StepKind[] = ["joined", "drawn", "transferred", "skipped", "admitted", "held", "booking_ended", "removed", "put_back", "ended"];
  for (const step of kinds) for (const you of [true, false]) assert.ok(stepWords({ at_ms: 0, step }, "UTC", you).what.length > 5, step);
  assert.deepEqual(stepWords({ at_ms: 0, step: "removed", reason: "twice here" }, "UTC", true), { what: "The organiser took your place out of the line", why: "The organiser says: twice here" });
  assert.equal(stepWords({ at_ms: 0, step: "put_back", front: true }, "UTC", true).what, "The organiser put your place to the head of the line");
  assert.equal(stepWords({ at_ms: 0, step: "put_back", how: "none", front: true }, "UTC", true).what, "The organiser gave you this place at the head of the line");
  assert.equal(stepWords({ at_ms: 0, step: "put_back", how: "none" }, "UTC", false).what, "Inserted at the back");
  assert.equal(stepWords({ at_ms: 0, step: "ended", how: "lapsed" }, "UTC", true).what, "Your place ended: the hold ran out unpaid");
});

test("why a place was skipped says when its page was last heard of", () => {
  const at_ms = Date.UTC(2027, 0, 1, 12, 5);
  assert.match(skipWords({ at_ms, step: "skipped" }, "UTC", true), /longer than this sale waits/);
  assert.match(skipWords({ at_ms, step: "skipped", seen_at_ms: 0 }, "UTC", false), /ever heard of the fan’s page/);
  assert.match(skipWords({ at_ms, step: "skipped", seen_at_ms: at_ms - 190_000 }, "UTC", true), /was 3 min 10 s before, at 1 Jan, 12:01:50/);
});

test("what a party asked for is one sentence", () => {
  const tiers = [{ id: "a", name: "Gold" }, { id: "b", name: "Silver" }];
  const wishes = { tiers: ["a", "b"], other_tiers: true, apart: true, fewer: true, accessible: true };
  assert.equal(wishWords({ party: 3, wishes }, tiers), "3 tickets, Gold or Silver, other prices are fine too, you would sit apart, you would take fewer, a wheelchair place.");
  assert.equal(wishWords({ party: 1, wishes: { ...wishes, tiers: [], accessible: false } }, tiers), "1 ticket, the best of all.");
  assert.equal(wishWords({ party: 2 }, tiers), "2 tickets.");
  assert.equal(wishWords({ party: 2, wishes }, tiers, true), "2 tickets, chosen by yourself, a wheelchair place.");
});

test("an operator is offered what the server would do", () => {
  assert.deepEqual(mayDo({ state: "waiting", class: 10 }), { remove: true, back: false, front: true });
  assert.deepEqual(mayDo({ state: "waiting", class: 0 }), { remove: true, back: false, front: false });
  assert.deepEqual(mayDo({ state: "removed", class: 10 }), { remove: false, back: true, front: true });
  for (const state of ["holding", "booked", "refunded"] as const) assert.deepEqual(mayDo({ state, class: 10 }), { remove: false, back: false, front: false });
});
