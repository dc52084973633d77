import assert from "node:assert/strict";
import test from "node:test";
import { classWords } from "../../src/logic/history";
import { lasted, percent } from "../../src/logic/spans";
import { every, shapes } from "../../src/report/words";

test("durations and shares in words", () => {
  assert.deepEqual([0, 59_499, 60_000, 250_000, 3_600_000, 11_100_000].map(lasted), ["0 s", "59 s", "1 min", "4 min 10 s", "1 h", "3 h 5 min"]);
  assert.deepEqual([percent(0), percent(0.004), percent(1 / 3)], ["0%", "0.4%", "33%"]);
  assert.deepEqual([0, 3, 10].map(classWords), ["head of the line", "invited, class 3", "everybody"]);
});

test("many minutes are put together and lose nobody, and the worst wait stays", () => {
  const rows = Array.from({ length: 125 }, (_, n) => ({ minute_ms: n, joined: 2, admitted: 1, p50_ms: n === 7 ? 900 : n }));
  const some = every(rows, 60);
  assert.ok(some.length <= 60);
  assert.equal(some.reduce((n, w) => n + w.joined, 0), 250);
  assert.ok(some.some((w) => w.p50_ms === 900));
  assert.deepEqual(every(rows.slice(0, 60), 60), rows.slice(0, 60));
  assert.deepEqual(every([], 60), []);
});

test("waits become a band and a line inside their box", () => {
  const rows = [0, 60_000, 120_000].map((minute_ms, i) => ({ minute_ms, joined: 1, admitted: 1, ...(i !== 1 && { p10_ms: 0, p50_ms: 50 * (i + 1), p90_ms: 200 }) }));
  assert.deepEqual(shapes(rows, 100, 54), { most: 200, band: "M0.0 2.0L100.0 2.0L100.0 52.0L0.0 52.0Z", middle: "M0.0 39.5L100.0 14.5" });
  assert.equal(shapes(rows.slice(0, 2), 100, 54).band, "", "one minute is no shape");
  assert.equal(shapes([], 100, 54).middle, "");
});
