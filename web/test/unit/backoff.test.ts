import assert from "node:assert/strict";
import test from "node:test";
import { afterClose, afterSeconds, CAP_MS, fullJitter } from "../../src/logic/backoff";

test("full jitter spreads from 0 to a cap that doubles and ends", () => {
  assert.equal(fullJitter(0, () => 1), 500);
  assert.equal(fullJitter(3, () => 1), 4000);
  assert.equal(fullJitter(3, () => 0), 0);
  assert.equal(fullJitter(50, () => 1), CAP_MS);
  for (let i = 0; i < 1000; i++) {
    const ms = fullJitter(i % 20);
    assert.ok(ms >= 0 && ms <= CAP_MS);
  }
});

test("a wait that the server named is never cut short", () => {
  assert.equal(afterSeconds(6, () => 0), 6000);
  assert.equal(afterSeconds(6, () => 1), 9000);
  assert.equal(afterSeconds(0, () => 0), 1000);
  assert.equal(afterSeconds(1e9, () => 0), 600_000);
});

test("close codes say whether and when to come back", () => {
  assert.deepEqual(afterClose(4401, "", 0), { then: "stop", why: "bad-receipt" });
  assert.deepEqual(afterClose(4410, "", 0), { then: "stop", why: "ended" });
  assert.deepEqual(afterClose(4408, "", 0, () => 1), { then: "retry", inMs: 250 });
  assert.deepEqual(afterClose(4429, "", 0, () => 0), { then: "retry", inMs: 60_000 });
  assert.deepEqual(afterClose(1001, "3000", 0, () => 0), { then: "retry", inMs: 3000 });
  assert.deepEqual(afterClose(1001, "3000", 0, () => 1), { then: "retry", inMs: 4000 });
  assert.deepEqual(afterClose(1001, "", 2, () => 1), { then: "retry", inMs: 2000 });
  assert.deepEqual(afterClose(1006, "", 1, () => 1), { then: "retry", inMs: 1000 });
});
