import assert from "node:assert/strict";
import test from "node:test";
import { differences, merged } from "../../src/logic/merge";
import { path } from "../../src/logic/line";

const read = { name: "A", venue: "V", currency: "EUR" };

test("a conflict shows what differs and loses nothing typed", () => {
  const theirs = { ...read, name: "B" };
  const mine = { ...read, venue: "W" };
  assert.deepEqual(differences(read, theirs, mine).map((d) => d.field), ["name", "venue"]);
  assert.deepEqual(merged(read, theirs, mine), { name: "B", venue: "W", currency: "EUR" });
  assert.deepEqual(merged(read, theirs, { ...read, name: "C" }), { name: "C", venue: "V", currency: "EUR" });
  assert.deepEqual(differences(read, theirs, theirs), []);
});

test("a line ends at the right edge and stays inside", () => {
  assert.equal(path([], 10, 1, 90, 60), "");
  assert.equal(path([0, 10, 99], 10, 10, 90, 60), "M70.0 58.0L80.0 2.0L90.0 2.0");
});
