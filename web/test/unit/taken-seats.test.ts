import assert from "node:assert/strict";
import test from "node:test";
import { Taken } from "../../src/logic/taken-seats";

const bits = (...bytes: number[]): string => btoa(String.fromCharCode(...bytes));
const seats = (t: Taken): number[] => Array.from({ length: t.capacity }, (_, i) => i).filter((i) => t.has(i));

test("bits are read by ordinal, the lowest of a byte first", () => {
  const t = new Taken({ version: 7, capacity: 20, bits: bits(0b1000_0001, 0b10, 0b1000) });
  assert.deepEqual(seats(t), [0, 7, 9, 19]);
  assert.equal(t.version, 7);
});

test("an answer that is shorter than the hall is none", () => {
  assert.throws(() => new Taken({ version: 1, capacity: 17, bits: bits(0, 0) }));
  assert.throws(() => new Taken({ version: 1, capacity: 8, bits: "not base64!" }));
  assert.equal(new Taken({ version: 1, capacity: 16, bits: bits(0, 0) }).capacity, 16);
});

test("what moved is taken in by whoever is between its two versions", () => {
  const moved = { after: 5, upto: 9, taken: [1, 15], freed: [0] };
  for (const version of [5, 6, 8]) {
    const t = new Taken({ version, capacity: 16, bits: bits(1, 0) });
    assert.equal(t.hear(moved), "applied", String(version));
    assert.deepEqual(seats(t), [1, 15]);
    assert.equal(t.version, 9);
    assert.equal(t.hear(moved), "known");
  }
});

test("what is known is not taken in again, and a gap is told and changes nothing", () => {
  const known = new Taken({ version: 9, capacity: 8, bits: bits(0) });
  assert.equal(known.hear({ after: 5, upto: 9, taken: [1], freed: [] }), "known");
  const behind = new Taken({ version: 4, capacity: 8, bits: bits(0) });
  assert.equal(behind.hear({ after: 5, upto: 9, taken: [1], freed: [] }), "gap");
  for (const t of [known, behind]) assert.deepEqual(seats(t), []);
  assert.equal(behind.version, 4);
});

test("a seat that the hall does not have is left alone", () => {
  const t = new Taken({ version: 1, capacity: 4, bits: bits(0) });
  assert.equal(t.hear({ after: 1, upto: 2, taken: [3, 4, 700], freed: [900] }), "applied");
  assert.deepEqual(seats(t), [3]);
});
