import assert from "node:assert/strict";
import test from "node:test";
import { bands } from "../../src/logic/bands";

test("bands lie one above the other and fill the height", () => {
  const points = [{ sold: 0, held: 1, free: 3 }, { sold: 2, held: 2, free: 0 }];
  assert.deepEqual(bands(points, ["sold", "held", "free"], 100, 40), [
    "M0.0 40.0L100.0 20.0L100.0 40.0L0.0 40.0Z",
    "M0.0 30.0L100.0 0.0L100.0 20.0L0.0 40.0Z",
    "M0.0 0.0L100.0 0.0L100.0 0.0L0.0 30.0Z",
  ]);
});

test("a single moment is as wide as many, and nothing is no fault", () => {
  assert.deepEqual(bands([{ free: 2 }], ["free"], 10, 10), ["M0.0 0.0L10.0 0.0L10.0 10.0L0.0 10.0Z"]);
  assert.match(bands([{ free: 0 }], ["free"], 10, 10)[0]!, /^M0\.0 10\.0L10\.0 10\.0/);
});
