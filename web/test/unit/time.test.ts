import assert from "node:assert/strict";
import test from "node:test";
import { fromZoned, longTime, shortTime, toZoned, zoneExists } from "../../src/logic/time";

test("a time is told in the venue's zone, which is named", () => {
  const ms = Date.UTC(2027, 5, 18, 18, 0);
  assert.match(longTime(ms, "Europe/Berlin"), /^Friday,? 18 June 2027 at 20:00 (CEST|GMT\+2)$/);
  assert.match(shortTime(ms, "Asia/Tokyo"), /19 Jun 2027, 03:00 (JST|GMT\+9)/);
  assert.match(longTime(ms, "Nowhere/Land"), /18:00 UTC/);
});

test("a typed time is meant in the zone, summer and winter", () => {
  assert.equal(fromZoned("2027-06-18T20:00", "Europe/Berlin"), Date.UTC(2027, 5, 18, 18, 0));
  assert.equal(fromZoned("2027-01-18T20:00", "Europe/Berlin"), Date.UTC(2027, 0, 18, 19, 0));
  assert.equal(fromZoned("2027-01-18T20:00:30", "America/New_York"), Date.UTC(2027, 0, 19, 1, 0, 30));
  assert.equal(fromZoned("2027-06-18T20:00", "Asia/Kolkata"), Date.UTC(2027, 5, 18, 14, 30));
  assert.equal(fromZoned("nonsense", "UTC"), null);
  assert.equal(fromZoned("2027-06-18T20:00", "Nowhere/Land"), null);
});

test("the hours around clock changes", () => {
  // 28 March 2027, Berlin: 02:00 becomes 03:00. 02:30 does not exist and moves forward.
  assert.equal(toZoned(fromZoned("2027-03-28T02:30", "Europe/Berlin")!, "Europe/Berlin"), "2027-03-28T03:30");
  assert.equal(fromZoned("2027-03-28T03:00", "Europe/Berlin"), Date.UTC(2027, 2, 28, 1, 0));
  // 31 October 2027, Berlin: 02:30 happens twice; the first is meant.
  assert.equal(fromZoned("2027-10-31T02:30", "Europe/Berlin"), Date.UTC(2027, 9, 31, 0, 30));
});

test("a field's value survives the way there and back", () => {
  for (const zone of ["Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Auckland", "UTC"]) {
    for (let h = 0; h < 24 * 400; h += 7) {
      const ms = Date.UTC(2027, 0, 1) + h * 3_600_000;
      const back = fromZoned(toZoned(ms, zone), zone)!;
      assert.ok(back === ms || ms - back === 3_600_000, `${zone} ${new Date(ms).toISOString()}`);
    }
  }
  assert.equal(toZoned(Date.UTC(2027, 0, 1, 12, 0, 5), "UTC"), "2027-01-01T12:00:05");
});

test("zones are known by name", () => {
  assert.ok(zoneExists("Europe/Berlin"));
  assert.ok(!zoneExists("Europe/Nowhere"));
  assert.ok(!zoneExists(""));
});
