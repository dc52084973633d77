import assert from "node:assert/strict";
import test from "node:test";
import { Picks } from "../../src/logic/picked";

/** Who holds these already. */
function holding(party: number, ...seats: number[]): Picks {
  const p = new Picks(party);
  p.adopt(seats);
  return p;
}

test("a click asks for the seat, another gives it up", () => {
  const p = new Picks(2);
  assert.equal(p.next(), null);
  p.toggle(5);
  assert.deepEqual(p.next(), [5]);
  p.took([5]);
  assert.deepEqual([p.held, p.next()], [[5], null]);
  p.toggle(5);
  assert.deepEqual(p.next(), []);
  p.took([]);
  assert.deepEqual([p.held, p.wish, p.next()], [[], [], null]);
});

test("clicks while one is asked for become one wish, the newest, and none is lost", () => {
  const p = new Picks(4);
  p.toggle(1);
  assert.deepEqual(p.next(), [1]);
  p.toggle(2);
  assert.equal(p.next(), null, "one at a time");
  p.toggle(3);
  p.toggle(2);
  p.toggle(4);
  p.took([1]);
  assert.deepEqual(p.next(), [1, 3, 4]);
  p.took([1, 3, 4]);
  assert.equal(p.next(), null);
  // Given up while it was being asked for.
  p.toggle(9);
  p.next();
  p.toggle(9);
  p.took([1, 3, 4, 9]);
  assert.deepEqual(p.next(), [1, 3, 4]);
});

test("whoever has as many as the party is asked, and a party of one moves", () => {
  const two = holding(2, 1, 2);
  assert.equal(two.toggle(3), "full");
  assert.deepEqual([two.wish, two.next()], [[1, 2], null]);
  const one = holding(1, 1);
  assert.equal(one.toggle(3), "changed");
  assert.deepEqual(one.next(), [3]);
});

test("a refusal loses nothing that is held, and asks on for the other clicks", () => {
  const p = holding(4, 1);
  p.toggle(2);
  p.next();
  p.toggle(3);
  p.refused([2]);
  assert.deepEqual([p.held, p.next()], [[1], [1, 3]]);
  p.refused([3]);
  assert.deepEqual([p.wish, p.next()], [[1], null]);
});

test("what was wanted in one piece is given up in one piece", () => {
  const p = holding(3, 1, 2, 3);
  p.choose([10, 11, 12]);
  p.next();
  p.refused([11]);
  assert.deepEqual([p.held, p.wish, p.next()], [[1, 2, 3], [1, 2, 3], null]);
  // A party of one that moves to a seat that is gone stays where it was.
  const one = holding(1, 1);
  one.toggle(3);
  one.next();
  one.refused([3]);
  assert.deepEqual([one.wish, one.next()], [[1], null]);
});

test("a newer wish in one piece is asked for even where the older was refused", () => {
  const p = holding(2, 1);
  p.toggle(2);
  p.next();
  p.choose([20, 21]);
  p.refused([2]);
  assert.deepEqual(p.next(), [20, 21]);
  p.refused([20]);
  assert.deepEqual(p.wish, [1]);
});

test("an answer that names nothing is not asked for again and again", () => {
  const p = holding(2, 1);
  p.toggle(2);
  p.next();
  p.refused([]);
  assert.deepEqual([p.wish, p.next()], [[1], null]);
});

test("a lost answer is asked for again, even where the wish is what was held before", () => {
  const p = new Picks(2);
  p.toggle(1);
  p.next();
  p.again(true);
  assert.deepEqual(p.next(), [1]);
  p.toggle(1);
  p.again(true);
  // It may be held: only an answer can tell that it is not.
  assert.deepEqual(p.next(), []);
  p.took([]);
  assert.equal(p.next(), null);
  p.toggle(1);
  p.next();
  p.toggle(1);
  p.again(false);
  assert.equal(p.next(), null, "too fast: nothing was done");
});

test("one piece stays one over an answer that was lost", () => {
  const p = holding(2, 1, 2);
  p.choose([10, 11]);
  p.next();
  p.again(true);
  p.next();
  p.refused([10]);
  assert.deepEqual(p.wish, [1, 2]);
});

test("others take the place of units that were gone, if there are others", () => {
  const p = holding(3, 1);
  p.toggle(100);
  p.toggle(101);
  p.next();
  assert.ok(p.instead([101], () => 150));
  assert.deepEqual(p.next(), [1, 100, 150]);
  assert.ok(!p.instead([150], () => undefined));
  assert.ok(!p.instead([150], () => 100), "one place is not two");
  p.refused([150]);
  assert.deepEqual(p.wish, [1, 100]);
});

test("what is held is told in the order in which it was picked, and adopted from elsewhere without losing clicks", () => {
  const p = new Picks(4);
  p.toggle(9);
  p.toggle(4);
  p.next();
  p.took([4, 9]);
  assert.deepEqual(p.held, [9, 4]);
  p.adopt([4, 6]);
  assert.deepEqual([p.held, p.wish], [[4, 6], [4, 6]]);
  p.toggle(7);
  p.adopt([4]);
  assert.deepEqual([p.held, p.wish], [[4], [4, 7]], "another page gave 6 back: it is not asked for again");
  p.next();
  p.adopt([1]);
  assert.deepEqual(p.held, [4], "not while something is asked for");
});

test("what another page of the fan took is not given back by the next click, nor more wanted than the party is", () => {
  const p = holding(3, 1, 2);
  p.toggle(2);
  p.adopt([1, 2, 8]);
  assert.deepEqual(p.next(), [1, 8], "the click that waited still counts");
  const full = holding(3, 1);
  full.toggle(5);
  full.toggle(6);
  full.adopt([1, 9]);
  assert.deepEqual(full.next(), [1, 5, 9]);
  const whole = holding(3, 1, 2);
  whole.choose([10, 11, 12]);
  whole.adopt([1]);
  assert.deepEqual(whole.next(), [10, 11, 12], "what is wanted in one piece is exactly that");
});

test("clicks after a piece that was refused are asked for, as far as the party goes", () => {
  const p = holding(3);
  p.choose([10, 11]);
  p.next();
  p.toggle(30);
  assert.deepEqual(p.refused([11]), []);
  assert.deepEqual(p.next(), [30]);
  const moving = holding(3, 1, 2);
  moving.choose([10, 11]);
  moving.next();
  moving.toggle(30);
  assert.deepEqual(moving.refused([10, 11]), []);
  assert.deepEqual(moving.next(), [1, 2, 30]);
  const all = holding(2, 1, 2);
  all.choose([10]);
  all.next();
  all.toggle(30);
  assert.deepEqual([all.refused([10]), all.wish, all.next()], [[30], [1, 2], null], "nobody is left for it, and that is told");
});

test("a refusal that is about the seats asked for leaves the later clicks", () => {
  const p = holding(4, 1, 2);
  p.toggle(5);
  p.next();
  p.toggle(6);
  p.toggle(2);
  assert.deepEqual(p.passOver(), []);
  assert.deepEqual(p.next(), [1, 6]);
  assert.deepEqual([p.passOver(), p.next()], [[], [1]], "what was given back meanwhile");
  assert.deepEqual([p.passOver(), p.wish, p.next()], [[], [1, 2], null], "not again and again");
  // A newer wish in one piece stands; the same again does not.
  const q = holding(2, 1);
  q.toggle(5);
  q.next();
  q.choose([20, 21]);
  q.passOver();
  assert.deepEqual(q.next(), [20, 21]);
  q.choose([20, 21]);
  q.passOver();
  assert.deepEqual([q.wish, q.next()], [[1], null]);
});
