import assert from "node:assert/strict";
import test from "node:test";
import { arena, faults, FORMAT, perTier, read, sectionName, units, upload } from "../../src/logic/seat-map";

const tiers = [{ id: "gold", name: "Gold", price_minor: 9000, fee_minor: 450 }, { id: "silver", name: "Silver", price_minor: 6000 }];

test("a generated arena is sound", () => {
  const map = arena({ name: "Hall", sections: 5, rows: 3, seats: 10, aisle: true, accessible: 2, standing: 100, tiers });
  assert.deepEqual(faults(map), []);
  assert.equal(units(map), 250);
  assert.deepEqual([...perTier(map)], [["gold", 90], ["silver", 160]]);
  const row = map.sections![0]!.rows[2]!;
  assert.equal(row.seats.filter((s) => s.accessible).length, 2);
  assert.deepEqual(row.seats.slice(0, 5).map((s) => (s.accessible ? "wheelchair" : s.companion ? "companion" : "")), ["wheelchair", "companion", "wheelchair", "companion", ""]);
  assert.deepEqual(row.seats.filter((s) => s.aisle_after).map((s) => s.label), ["5"]);
  assert.deepEqual(read(JSON.stringify(map)).faults, []);
});

test("every tier gets seats, however the sections divide", () => {
  for (let sections = 2; sections < 12; sections++) {
    const map = arena({ name: "Hall", sections, rows: 1, seats: 1, aisle: false, accessible: 0, standing: 0, tiers });
    assert.ok([...perTier(map).values()].every((n) => n > 0), String(sections));
  }
});

test("sections are named like columns", () => {
  assert.deepEqual([0, 25, 26, 51, 52, 701, 702].map(sectionName), ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
});

test("faults name section, row and seat, as the server's do", () => {
  const seat = (label: string, tier: string) => ({ label, tier });
  const map = { format: FORMAT, name: "Hall", tiers: [tiers[0]!], sections: [{ name: "A", rows: [{ label: "1", seats: [seat("1", "gold"), seat("1", "gold"), seat("3", "lead")] }] }] };
  assert.deepEqual(faults(map), [
    'section "A", row "1", seat "1": the label must be unique in the row and 1 to 100 characters',
    'section "A", row "1", seat "3": there is no tier "lead"',
  ]);
  assert.equal(faults({ ...map, format: "x" }).length, 3);
  assert.match(faults({ format: FORMAT, name: "X", tiers: [tiers[0]!] })[0]!, /got 0/);
});

test("what is no map is said to be none", () => {
  assert.match(read("{").faults[0]!, /not JSON/);
  assert.match(read("[]").faults[0]!, /not a seat map/);
  assert.match(read('{"tiers":[],"sections":[{"name":"A"}]}').faults[0]!, /list of rows/);
});

test("chosen files are known by what they say", () => {
  const plan = { name: "plan.json", text: '{"name":"X","zones":[]}' }, side = { name: "side.json", text: '{"format":"usher-pretix-side/1"}' };
  const sheet = { name: "Hall.CSV", text: "tier\n" };
  assert.deepEqual(upload([sheet]), { query: "?format=csv", type: "text/csv", body: "tier\n", faults: [] });
  assert.deepEqual(upload([plan]), { query: "?format=pretix", type: "application/json", body: plan.text, faults: [] });
  const both = upload([side, plan]);
  assert.deepEqual(JSON.parse(both.body), { plan: JSON.parse(plan.text), side: JSON.parse(side.text) });
  for (const wrong of [[side], [plan, plan], [plan, sheet], [side, { name: "x", text: "{" }], []]) assert.equal(upload(wrong).faults.length, 1, JSON.stringify(wrong));
  const map = arena({ name: "Hall", sections: 1, rows: 1, seats: 2, aisle: false, accessible: 0, standing: 0, tiers: [tiers[0]!] });
  assert.deepEqual(upload([{ name: "map.json", text: JSON.stringify(map) }]).map, map);
});
