import assert from "node:assert/strict";
import test from "node:test";
import { Warnings } from "../../src/logic/warnings";

test("warnings are given once, at two minutes and at thirty seconds, and one that was missed is not made up for", () => {
  const w = new Warnings();
  assert.deepEqual([121_000, 120_000, 119_000, 90_000, 30_000, 29_000, 10_000, 0].map((ms) => w.due("b", ms)), [null, 120, null, null, 30, null, null, null]);
  const late = new Warnings();
  assert.deepEqual([80_000, 30_000].map((ms) => late.due("b", ms)), [null, 30]);
  assert.equal(new Warnings().due("b", 20_000), null);
});

test("a deadline that moves a little with each frame warns no second time", () => {
  const w = new Warnings();
  assert.equal(w.due("", 29_900), 30);
  for (const ms of [29_400, 30_100, 29_950, 31_500, 30_000, 29_000]) assert.equal(w.due("", ms), null);
});

test("more time brings the warnings back that speak of less", () => {
  const w = new Warnings();
  w.due("b", 120_000);
  w.due("b", 30_000);
  assert.deepEqual([100_000, 30_000].map((ms) => w.due("b", ms)), [null, 30], "extended");
  assert.deepEqual([150_000, 120_000].map((ms) => w.due("b", ms)), [null, 120], "extended by more");
  assert.equal(w.due("another", 29_900), 30, "the time to pay is not the time to choose");
});
