import assert from "node:assert/strict";
import test from "node:test";
import { Clock, countdown } from "../../src/logic/clock";

test("a countdown rounds up, so that 0:00 means over", () => {
  assert.equal(countdown(0), "0:00");
  assert.equal(countdown(1), "0:01");
  assert.equal(countdown(59_001), "1:00");
  assert.equal(countdown(245_000), "4:05");
  assert.equal(countdown(3_725_000), "1:02:05");
  assert.equal(countdown(86_400_000), "1 day 00:00:00");
  assert.equal(countdown(3 * 86_400_000 + 4 * 3_600_000 + 600_000), "3 days 04:10:00");
  assert.equal(countdown(-5), "0:00");
});

test("the server's time is followed monotonically, and a delayed answer does not give time away", () => {
  let mono = 1000;
  const clock = new Clock(() => mono);
  clock.hear(50_000);
  assert.equal(clock.now(), 50_000);
  mono += 2000;
  assert.equal(clock.now(), 52_000);
  // Sent at 52,500 by the server, 900 ms under way: reads too early and is not believed.
  mono += 900;
  clock.hear(52_500);
  assert.equal(clock.now(), 52_900);
  // One that was quicker than the first is believed.
  clock.hear(53_000);
  assert.equal(clock.now(), 53_000);
  assert.equal(clock.left(60_000), 7000);
  assert.equal(clock.left(10), 0);
});
