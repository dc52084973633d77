import assert from "node:assert/strict";
import test from "node:test";
import { dangers } from "../../src/operator/act";
import { changed } from "../../src/operator/audit";
import { rows, waitWords } from "../../src/operator/preview";
import { Problem } from "../../src/api";
import { stamp } from "../../src/logic/spans";
import { after, BRAKE, changeOf, differences, fromLog, fromTuning, inForce } from "../../src/logic/tuning";
import type { AdmissionView, Tuning } from "../../src/wire";

const ZONE = "Europe/Berlin";
const now: Tuning = { rate_per_minute: 600, max_active: 1000, grace_ms: 60_000, presence_ms: 120_000 };
const at = Date.UTC(2027, 5, 18, 18, 0, 0, 250);
const full: Tuning = { ...now, rate_per_minute: 1_200, target_per_minute: 300, ramp: { steps: [{ at_ms: at, rate_per_minute: 900 }], between: "linear" }, brake: BRAKE };

test("a form that was not touched changes nothing, down to the milliseconds that it does not show", () => {
  for (const t of [now, full, { ...full, grace_ms: 1_500 }]) assert.deepEqual(changeOf(fromTuning(t, ZONE), t, ZONE), { change: {}, faults: [] });
});

test("what is changed is sent, and what is emptied is taken away", () => {
  const v = fromTuning(full, ZONE);
  assert.deepEqual(changeOf({ ...v, rate: "700", target: "", ramped: false, braked: false }, full, ZONE).change, { rate_per_minute: 700, target_per_minute: null, ramp: null, brake: null });
  assert.deepEqual(changeOf({ ...v, p99_ms: "800" }, full, ZONE).change, { brake: { ...BRAKE, p99_ms: 800 } });
  const more = changeOf({ ...v, steps: [...v.steps, { at: "2027-06-18T20:10", rate: "1200" }] }, full, ZONE);
  assert.deepEqual(more, { faults: [], change: { ramp: { between: "linear", steps: [{ at_ms: at, rate_per_minute: 900 }, { at_ms: Date.UTC(2027, 5, 18, 18, 10), rate_per_minute: 1200 }] } } });
});

test("a schedule that is none is told before it is sent", () => {
  const v = { ...fromTuning(now, ZONE), ramped: true };
  const faults = (steps: { at: string; rate: string }[]): string[] => changeOf({ ...v, steps }, now, ZONE).faults;
  assert.match(faults([])[0]!, /no step yet/);
  assert.match(faults([{ at: "", rate: "5" }])[0]!, /Step 1 .* date and a time/);
  assert.match(faults([{ at: "2027-06-18T20:10", rate: "0" }])[0]!, /rate of 1 or more/);
  assert.match(faults([{ at: "2027-06-18T20:10", rate: "601" }])[0]!, /Step 1 .* above the most/);
  assert.match(faults([{ at: "2027-06-18T20:10", rate: "5" }, { at: "2027-06-18T20:10", rate: "6" }])[0]!, /follow each other/);
});

test("differences are told in words, of the wire and of the log alike", () => {
  assert.deepEqual(differences(now, after(now, { rate_per_minute: 1200, grace_ms: 90_000 }), ZONE), ["let in per minute: 600 → 1,200", "absent fans keep the head for: 1 min → 1 min 30 s"]);
  assert.deepEqual(after(full, { rate_per_minute: 600, target_per_minute: null, ramp: null, brake: null }), now);
  const logged = { ...full, ramp: { steps: full.ramp!.steps, linear: true }, pause_reason: null, stop_reason: null };
  assert.deepEqual(fromLog(logged), full);
  assert.deepEqual(fromLog({ ...now, target_per_minute: null, ramp: null, brake: null }), now);
  assert.equal(fromLog({}), null);
  assert.deepEqual(differences(full, { ...full, brake: { ...BRAKE, hold_off_ms: 9_000 } }, ZONE), ["brake, not again for: 5 s → 9 s"]);
  const words = differences(now, full, ZONE).join("\n");
  assert.match(words, /wanted per minute: none → 300/);
  assert.match(words, /schedule: none → 900 from 18 Jun 2027, 20:00 CEST, in straight lines/);
  assert.match(words, /automatic brake: off → on, above 1,000 ms or 20 errors of 1,000/);
});

test("the history says what was done to knobs and to places", () => {
  const line = (action: string, change: unknown): Parameters<typeof changed>[0] => ({ at_ms: 0, account_id: "acc_1", action, reason: "x", change });
  assert.deepEqual(changed(line("admission.tune", { from: now, to: { ...now, max_active: 5 } }), ZONE), ["at once: 1,000 → 5"]);
  assert.deepEqual(changed(line("admission.pause", { from: now, to: now }), ZONE), []);
  assert.deepEqual(changed(line("place.put-back", { from: { state: "lapsed", class: 10 }, to: { state: "waiting", class: 0 } }), ZONE), ["hold ran out → waiting", "everybody → head of the line"]);
  assert.deepEqual(changed(line("place.put-back", { from: { state: "none", class: 10 }, to: { state: "waiting", class: 0 } }), ZONE), ["new place: head of the line"]);
  assert.deepEqual(changed(line("code.make", { codes: 1, first: [{ prefix: "AB", label: "press" }] }), ZONE), ["1 code", "AB… (press)"]);
  assert.deepEqual(changed(line("invitation.withdraw", { class: 2, reason: "press" }), ZONE), ["invited, class 2: press"]);
  assert.deepEqual(changed(line("sale.edit", null), ZONE), []);
  const edited = changed(line("event.edit", { from: { name: "A", starts_at_ms: 0, accessible_release: "house" }, to: { name: "A", starts_at_ms: 60_000, accessible_release: "never" } }), ZONE);
  assert.deepEqual(edited, [`start: ${stamp(0, ZONE)} → ${stamp(60_000, ZONE)}`, "wheelchair places: house → never"]);
});

const view: AdmissionView = {
  sale_id: "sal_1", state: "open", tuning: now, rate_in_force: 600, brake: { factor: 1 }, clock: { acts: 0 }, rate_version: 1, server_now_ms: at,
  numbers: { joined: 0, waiting: 0, skipped: 0, standing: 2, holding: 3, admitted_last_minute: 0, admitted: 0, paid: 0, lapsed: 0, seats_free: 9, seats_held: 4, seats_sold: 0, capacity: 13 },
};
const words = (v: Partial<AdmissionView>): Record<string, string> => Object.fromEntries(inForce({ ...view, ...v }, ZONE).map((f) => [f.name, (f.eye ? "! " : "") + f.words]));

test("what is in force is told apart: paced, held, stopped, braked, scheduled, not yet, over", () => {
  assert.deepEqual(words({}), { "Let in": "600 a minute", Set: "600 a minute", "At once": "5 of 1,000", "Seats in play": "9 free, 4 held", Brake: "off" });
  assert.equal(words({ state: "paused", pause_reason: "x" })["Let in"], "! nobody: held");
  assert.equal(words({ state: "paused", pause_reason: "x", stop_reason: "y" })["Let in"], "! nobody: stopped");
  assert.equal(words({ state: "scheduled" })["Let in"], "nobody yet");
  assert.equal(words({ state: "sold_out", pause_reason: "x" })["Let in"], "nobody: over");
  const braked = words({ tuning: full, brake: { factor: 0.25 } });
  assert.deepEqual([braked["Let in"], braked.Brake, braked.Wanted], ["150 a minute", "! slowed to 25%", "300 a minute"]);
  assert.equal(braked.Schedule, "at its last step");
  assert.equal(words({ tuning: full, server_now_ms: at - 60_000 }).Schedule, "900 a minute from 20:00");
  assert.equal(words({ tuning: { ...full, rate_per_minute: 300 }, server_now_ms: at - 60_000 }).Schedule, "300 a minute from 20:00");
});

test("a preview is told in rounded words", () => {
  assert.deepEqual([null, 59, 187, 5000].map(waitWords), ["nobody is let in", "59 s", "3 min 10 s", "1 h 23 min"]);
  const f = { wait_p10_s: 10, wait_p50_s: 20, wait_p90_s: null, unreached: 0.004, sold_out_at_ms: null, peak_per_minute: 600, peak_active: 5 };
  assert.equal(rows({ without: f, with: f, moved: 0, waiting: 0, runs: 1, took_ms: 1, server_now_ms: at }, ZONE)[0]![1], "–");
  const told = rows({ without: f, with: { ...f, sold_out_at_ms: at, unreached: 0.5 }, moved: 0, waiting: 1, runs: 1, took_ms: 1, server_now_ms: at - 1 }, ZONE);
  assert.deepEqual(told.map((r) => r[1]), ["10 s", "20 s", "nobody is let in", "0.4%", "not to be expected", "600", "5"]);
  assert.equal(told[4]![2], "about 20:00");
});

test("what a dangerous change does is told line by line, without what is for machines", () => {
  const p = new Problem(409, "confirm-needed", "", "the rate goes up; it is more than was ever measured; ask again with this code within 60 s to do it");
  assert.deepEqual(dangers(p), ["The rate goes up.", "It is more than was ever measured."]);
});
