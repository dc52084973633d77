import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { ACCESSIBLE, areaOf, COMPANION, END, hallOf, nameOf, namesOf, priceOf, RESTRICTED } from "../../src/logic/hall";
import { arena } from "../../src/logic/seat-map";
import { moved, showing, whole, zoomed } from "../../src/logic/viewport";
import type { SeatMap } from "../../src/wire";

const odeon = JSON.parse(readFileSync("../contracts/examples/seat-map.json", "utf8")) as SeatMap;

test("the golden map: places by ordinal, seats first, in the map's coordinates", () => {
  const hall = hallOf(odeon);
  assert.deepEqual([hall.capacity, hall.seats], [305, 5]);
  assert.deepEqual([...hall.x], [100, 120, 160, 112.5, 132.5]);
  assert.deepEqual([...hall.y], [40, 40, 40, 120, 120]);
  assert.deepEqual([...hall.flags], [ACCESSIBLE, COMPANION | END, RESTRICTED | END, 0, END]);
  assert.equal(areaOf(hall, 4), undefined);
  assert.equal(areaOf(hall, 304)?.name, "Floor");
  assert.equal(priceOf(hall, 304), 9450);
  assert.equal(hall.spacing, 20);
  // The rectangle that is drawn above the seats belongs to it.
  assert.deepEqual(hall.box, { left: 100, top: 10, right: 300, bottom: 120 });
});

test("places are named as the ticket names them", () => {
  const hall = hallOf(odeon);
  assert.equal(nameOf(hall, 2), "Stalls, row 1, seat 3");
  assert.equal(nameOf(hall, 3), "Stalls, table 4, seat 1");
  assert.equal(nameOf(hall, 5), "Floor, standing");
  assert.equal(namesOf(hall, [304, 2, 0, 1, 5, 3]), "Stalls, row 1, seats 1, 2 and 3; Stalls, table 4, seat 1; 2 × Floor, standing");
});

test("a map without coordinates becomes blocks in which no two seats are in one spot", () => {
  const map = arena({ name: "Hall", sections: 5, rows: 4, seats: 10, aisle: true, accessible: 0, standing: 3, tiers: odeon.tiers });
  for (const s of map.sections!) for (const r of s.rows) for (const seat of r.seats) delete seat.x, delete seat.y;
  const hall = hallOf(map);
  assert.equal(new Set(Array.from(hall.x, (x, i) => `${x} ${hall.y[i]}`)).size, 200);
  assert.equal(hall.spacing, 1);
  // One with coordinates keeps them, though its first seat is at 0, 0.
  assert.equal(hallOf(arena({ name: "Hall", sections: 2, rows: 1, seats: 3, aisle: false, accessible: 0, standing: 0, tiers: odeon.tiers })).x[3], 6);
});

test("with a stage, nearer and straighter is better", () => {
  const seat = (label: string, x: number, y: number) => ({ label, tier: "gold", x, y });
  const hall = hallOf({ ...odeon, stage: { x: 0, y: 0, faces: { x: 0, y: 1 } }, standing: [], sections: [{ name: "A", rows: [{ label: "1", seats: [seat("1", 0, 10), seat("2", 10, 10), seat("3", 14, 1), seat("4", 0, -10), seat("5", 1, 12)] }] }] });
  const order = [0, 1, 2, 3, 4].sort((a, b) => hall.quality[a]! - hall.quality[b]!);
  assert.deepEqual(order, [0, 4, 1, 2, 3]);
});

test("what is no map is refused", () => {
  assert.throws(() => hallOf({ ...odeon, sections: [], standing: [] }));
  assert.throws(() => hallOf({} as SeatMap));
});

const box = { left: 0, top: 0, right: 100, bottom: 50 };
const size = { width: 220, height: 220 };

test("the whole drawing is in the middle", () => {
  const v = whole(box, size, 10);
  assert.deepEqual(v, { scale: 2, left: -5, top: -30 });
  // A single seat does not fill the window.
  assert.deepEqual(whole({ left: 5, top: 5, right: 5, bottom: 5 }, size, 10, 11), { scale: 11, left: -5, top: -5 });
});

test("zooming keeps the point under the finger, within bounds", () => {
  const v = whole(box, size, 10);
  const at = (u: typeof v, x: number, y: number): number[] => [x / u.scale + u.left, y / u.scale + u.top];
  const near = zoomed(v, 3, 60, 110, 1, 100);
  assert.equal(near.scale, 6);
  for (const [a, b] of at(near, 60, 110).map((x, i) => [x, at(v, 60, 110)[i]!] as const)) assert.ok(Math.abs(a - b) < 1e-9);
  assert.equal(zoomed(v, 1000, 0, 0, 1, 100).scale, 100);
  assert.equal(zoomed(v, 0.001, 0, 0, 1, 100).scale, 1);
});

test("nobody drags the hall out of sight", () => {
  const near = { scale: 10, left: 40, top: 10 };
  assert.equal(moved(near, 100_000, 0, box, size, 10).left, -1);
  assert.equal(moved(near, -100_000, 0, box, size, 10).left, 100 + 1 - 22);
  assert.equal(moved(near, 50, 0, box, size, 10).left, 35);
  assert.deepEqual(moved(whole(box, size, 10), 500, 500, box, size, 10), whole(box, size, 10));
});

test("what is offered is brought into sight, and nothing moves where it is in sight", () => {
  const v = { scale: 10, left: 40, top: 10 };
  assert.deepEqual(showing(v, { left: 50, top: 20, right: 52, bottom: 22 }, size, 10), v);
  const far = showing(v, { left: 90, top: 20, right: 92, bottom: 22 }, size, 10);
  assert.equal(far.left, 92 + 1 - 22);
  const wide = showing(v, { left: 0, top: 0, right: 100, bottom: 2 }, size, 10);
  assert.equal(wide.scale, 2);
  assert.equal(wide.left, -5);
});
