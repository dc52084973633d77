import assert from "node:assert/strict";
import test from "node:test";
import { anyUnit, beside, keptFor, longest, together } from "../../src/logic/find-seats";
import { hallOf } from "../../src/logic/hall";
import type { MapSeat, SeatMap } from "../../src/wire";

const tiers = [{ id: "a", name: "A", price_minor: 1 }, { id: "b", name: "B", price_minor: 1 }];
/** Rows of letters: the tier, with `|` for an aisle, `w` a wheelchair place and `c` a companion's seat of tier a. */
function hall(...rows: string[]): ReturnType<typeof hallOf> {
  const map: SeatMap = {
    format: "usher-seat-map/1", name: "Hall", tiers, standing: [{ name: "Pit", tier: "b", capacity: 4 }],
    sections: [{ name: "S", rows: rows.map((row, y) => {
      const seats: MapSeat[] = [];
      for (const c of row) {
        if (c === "|") seats[seats.length - 1]!.aisle_after = true;
        else seats.push({ label: String(seats.length + 1), tier: c === "b" ? "b" : "a", x: seats.length + 1, y, ...(c === "w" && { accessible: true }), ...(c === "c" && { companion: true }) });
      }
      return { label: String(y + 1), seats };
    }) }],
  };
  return hallOf(map);
}
const but = (...taken: number[]) => (seat: number): boolean => !taken.includes(seat);
const first = (): number => 0;

test("the best side by side, leaving nobody's neighbour alone", () => {
  const h = hall("aaaaa", "aaaaa");
  assert.deepEqual(together({ hall: h, free: but() }, 2, first), [0, 1]);
  // Of five, two from the second on would leave the first alone; of row 1 only the last pair and a single are left.
  assert.deepEqual(together({ hall: h, free: but(0, 1) }, 2, first), [5, 6]);
  assert.deepEqual(together({ hall: h, free: but(0, 1, 7) }, 3, first), [2, 3, 4]);
  assert.equal(together({ hall: h, free: but(2, 7) }, 3), null);
});

test("nobody is put across an aisle, a row's end, or another tier than asked for", () => {
  const h = hall("aa|a", "ab", "bb");
  assert.deepEqual(together({ hall: h, free: but() }, 3), null);
  assert.deepEqual(together({ hall: h, free: but(), tiers: new Set([1]) }, 2, first), [5, 6]);
  assert.deepEqual(together({ hall: h, free: but(), tiers: new Set([0]) }, 2, first), [0, 1]);
  assert.equal(longest({ hall: h, free: but() }, 8), 2);
  assert.equal(longest({ hall: h, free: but(0, 1, 2, 3, 4, 5, 6) }, 8), 0);
});

test("whoever looks at once does not want the same: chance chooses among the best, which share no seat", () => {
  const h = hall("aaaaaaaaaa", "aaaaaaaaaa");
  const found = [0, 0.3, 0.6, 0.999].map((r) => together({ hall: h, free: but() }, 2, () => r)!);
  assert.equal(new Set(found.flat()).size, 8);
});

test("a wheelchair place is among them where one is needed", () => {
  const h = hall("aaaa", "aawc");
  assert.deepEqual(together({ hall: h, free: but(), wheelchair: true }, 2, first), [6, 7]);
  assert.deepEqual(together({ hall: h, free: but(7), wheelchair: true }, 2, first), [5, 6]);
  assert.equal(together({ hall: h, free: but(6), wheelchair: true }, 1), null);
});

test("the whole party moves to where the fan pointed", () => {
  const h = hall("aaaaaaaa", "aaaaaaaa", "aaaaaaaa");
  const found = beside({ hall: h, free: but() }, 3, 12)!;
  assert.ok(found.includes(12), String(found));
  assert.deepEqual(beside({ hall: h, free: but(11, 13) }, 3, 12)?.length, 3);
  assert.equal(beside({ hall: h, free: (i) => i === 12 }, 2, 12), null);
});

test("any unit of an area, by chance, and none where there is none", () => {
  const h = hall("a");
  const [a] = h.areas;
  assert.deepEqual([0, 0.3, 0.6, 0.9].map((r) => anyUnit(but(), a!.first, a!.end, () => r)), [1, 2, 3, 4]);
  assert.equal(anyUnit(but(4), a!.first, a!.end, () => 0.9), 1, "from the start again");
  assert.equal(anyUnit(() => false, a!.first, a!.end), undefined);
});

test("wheelchair places are kept from others as the event's rule has it", () => {
  const h = hall("aawc", "bb");
  const taken = (...all: number[]) => (i: number): boolean => all.includes(i);
  const seats = (release: Parameters<typeof keptFor>[1], ...all: number[]): number[] => [0, 1, 2, 3, 4, 5, 6].filter(keptFor(h, release, taken(...all)));
  assert.deepEqual(seats("house"), [2, 3]);
  assert.deepEqual(seats("tier", 0, 1), []);
  assert.deepEqual(seats("house", 0, 1), [2, 3]);
  assert.deepEqual(seats("section", 0, 1), [2, 3]);
  assert.deepEqual(seats("section", 0, 1, 4, 5), []);
  assert.deepEqual(seats(undefined, 0, 1, 4, 5), [2, 3], "standing room is left");
  assert.deepEqual(seats("house", 0, 1, 4, 5, 6, 7, 8, 9), []);
  assert.deepEqual(seats("never", 0, 1, 4, 5, 6, 7, 8, 9), [2, 3]);
});
