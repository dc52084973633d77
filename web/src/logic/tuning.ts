// The knobs of admission between the form, the wire and words.

import type { AdmissionView, Brake, ChangeTuning, Ramp, Tuning } from "../wire";
import { fromZoned, shortTime, toZoned } from "./time";
import { lasted, percent, soonTime } from "./spans";
import { count } from "./words";

/** What the form holds: fields as typed. */
export interface KnobValues {
  rate: string; active: string; target: string; grace_s: string; presence_s: string;
  ramped: boolean; linear: boolean; steps: { at: string; rate: string }[];
  braked: boolean; p99_ms: string; errors: string; samples: string; hold_off_s: string; halvings: string; recover_s: string; recover_percent: string;
}

/** What the server takes where a brake says nothing. */
export const BRAKE: Brake = { p99_ms: 1000, errors_per_mille: 20, least_samples: 20, hold_off_ms: 5000, halvings_max: 4, recover_every_ms: 10_000, recover_percent: 125 };

export function fromTuning(t: Tuning, zone: string): KnobValues {
  const b = t.brake ?? BRAKE;
  return {
    rate: String(t.rate_per_minute), active: String(t.max_active), target: t.target_per_minute === undefined ? "" : String(t.target_per_minute),
    grace_s: String(t.grace_ms / 1000), presence_s: String(t.presence_ms / 1000),
    ramped: t.ramp !== undefined, linear: t.ramp?.between === "linear",
    steps: (t.ramp?.steps ?? []).map((s) => ({ at: toZoned(s.at_ms, zone), rate: String(s.rate_per_minute) })),
    braked: t.brake !== undefined, p99_ms: String(b.p99_ms), errors: String(b.errors_per_mille), samples: String(b.least_samples), hold_off_s: String(b.hold_off_ms / 1000),
    halvings: String(b.halvings_max), recover_s: String(b.recover_every_ms / 1000), recover_percent: String(b.recover_percent),
  };
}

const ms = (seconds: string): number => Math.round(Number(seconds) * 1000);

function brakeOf(v: KnobValues): Brake {
  return {
    p99_ms: Number(v.p99_ms), errors_per_mille: Number(v.errors), least_samples: Number(v.samples), hold_off_ms: ms(v.hold_off_s),
    halvings_max: Number(v.halvings), recover_every_ms: ms(v.recover_s), recover_percent: Number(v.recover_percent),
  };
}

/** The schedule as it is sent; the first knob caps it. */
function rampOf(v: KnobValues, was: Ramp | undefined, zone: string, faults: string[]): Ramp {
  if (v.steps.length === 0) faults.push("The schedule has no step yet: add one, or untick it.");
  const steps = v.steps.map((s, i) => {
    // A time that was not touched keeps its milliseconds, which the field does not show.
    const old = was?.steps.find((o) => toZoned(o.at_ms, zone) === s.at);
    const at_ms = old?.at_ms ?? fromZoned(s.at, zone);
    if (at_ms === null) faults.push(`Step ${i + 1} of the schedule needs a date and a time.`);
    if (!(Number(s.rate) >= 1)) faults.push(`Step ${i + 1} of the schedule needs a rate of 1 or more; to let nobody in, hold everybody.`);
    if (Number(s.rate) > Number(v.rate)) faults.push(`Step ${i + 1} of the schedule is above the most that is let in per minute: raise that too, or lower the step.`);
    return { at_ms: at_ms ?? 0, rate_per_minute: Number(s.rate) };
  });
  if (!faults.length && steps.some((s, i) => i > 0 && s.at_ms <= steps[i - 1]!.at_ms)) faults.push("The steps of the schedule must follow each other in time.");
  return { steps, between: v.linear ? "linear" : "steps" };
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** What the form changes of the knobs as they are, and what keeps it from being sent. */
export function changeOf(v: KnobValues, now: Tuning, zone: string): { change: ChangeTuning; faults: string[] } {
  const faults: string[] = [];
  const change: ChangeTuning = {};
  if (Number(v.rate) !== now.rate_per_minute) change.rate_per_minute = Number(v.rate);
  if (Number(v.active) !== now.max_active) change.max_active = Number(v.active);
  const target = v.target === "" ? undefined : Number(v.target);
  if (target !== now.target_per_minute) change.target_per_minute = target ?? null;
  if (ms(v.grace_s) !== now.grace_ms) change.grace_ms = ms(v.grace_s);
  if (ms(v.presence_s) !== now.presence_ms) change.presence_ms = ms(v.presence_s);
  const shown = fromTuning(now, zone);
  if (v.ramped) {
    if (!shown.ramped || v.linear !== shown.linear || !same(v.steps, shown.steps)) change.ramp = rampOf(v, now.ramp, zone, faults);
  } else if (now.ramp) change.ramp = null;
  if (v.braked) {
    const brake = brakeOf(v);
    if (!now.brake || (Object.keys(brake) as (keyof Brake)[]).some((k) => brake[k] !== now.brake![k])) change.brake = brake;
  } else if (now.brake) change.brake = null;
  return { change, faults };
}

export function after(now: Tuning, change: ChangeTuning): Tuning {
  const to = { ...now, ...change } as Record<string, unknown>;
  for (const k of Object.keys(to)) if (to[k] === null) delete to[k];
  return to as unknown as Tuning;
}

function rampWords(r: Ramp | undefined, zone: string): string {
  if (!r) return "none";
  const steps = r.steps.map((s) => `${count(s.rate_per_minute)} from ${shortTime(s.at_ms, zone)}`).join(", ");
  return steps + (r.between === "linear" ? ", in straight lines" : "");
}

const BRAKE_PARTS: [string, (b: Brake) => string][] = [
  ["slow is more than", (b) => `${count(b.p99_ms)} ms`], ["failing is more than", (b) => `${count(b.errors_per_mille)} of 1,000`], ["measured on", (b) => `${count(b.least_samples)} or more`],
  ["halves at most", (b) => `${b.halvings_max} times`], ["not again for", (b) => lasted(b.hold_off_ms)], ["a step back each", (b) => lasted(b.recover_every_ms)], ["a step back makes it", (b) => `${b.recover_percent} %`],
];

function brakeWords(b: Brake | undefined): string {
  return b ? `on, above ${count(b.p99_ms)} ms or ${count(b.errors_per_mille)} errors of 1,000` : "off";
}

/** Each knob that differs, in words. */
export function differences(from: Tuning, to: Tuning, zone: string): string[] {
  const out: string[] = [];
  const line = (name: string, a: string, b: string): void => void (a !== b && out.push(`${name}: ${a} → ${b}`));
  const rate = (n?: number): string => (n === undefined ? "none" : count(n));
  line("let in per minute", rate(from.rate_per_minute), rate(to.rate_per_minute));
  line("at once", rate(from.max_active), rate(to.max_active));
  line("wanted per minute", rate(from.target_per_minute), rate(to.target_per_minute));
  line("absent fans keep the head for", lasted(from.grace_ms), lasted(to.grace_ms));
  line("present for", lasted(from.presence_ms), lasted(to.presence_ms));
  line("schedule", rampWords(from.ramp, zone), rampWords(to.ramp, zone));
  if (from.brake && to.brake) for (const [name, of] of BRAKE_PARTS) line(`brake, ${name}`, of(from.brake), of(to.brake));
  else line("automatic brake", brakeWords(from.brake), brakeWords(to.brake));
  return out;
}

/** The knobs as the audit log keeps them. */
export function fromLog(kept: unknown): Tuning | null {
  if (!kept || typeof kept !== "object" || !("rate_per_minute" in kept)) return null;
  const { ramp, target_per_minute, brake, ...rest } = kept as Omit<Tuning, "ramp" | "brake" | "target_per_minute"> & {
    ramp?: { steps: Ramp["steps"]; linear?: boolean } | null; brake?: Brake | null; target_per_minute?: number | null;
  };
  const t: Tuning = { rate_per_minute: rest.rate_per_minute, max_active: rest.max_active, grace_ms: rest.grace_ms, presence_ms: rest.presence_ms };
  if (target_per_minute != null) t.target_per_minute = target_per_minute;
  if (ramp) t.ramp = { steps: ramp.steps, between: ramp.linear ? "linear" : "steps" };
  if (brake) t.brake = brake;
  return t;
}

/** What is in force now: name, words, and whether it needs an eye. */
export function inForce(v: AdmissionView, zone: string): { name: string; words: string; eye?: boolean }[] {
  const t = v.tuning;
  const n = v.numbers;
  const braked = v.brake.factor < 1;
  const pace = v.stop_reason !== undefined ? "nobody: stopped" : v.pause_reason !== undefined ? "nobody: held"
    : v.state !== "open" && v.state !== "closing" ? "nobody yet" : `${count(Math.max(1, Math.round(v.rate_in_force * v.brake.factor)))} a minute`;
  const ended = v.state === "closed" || v.state === "sold_out";
  const out: { name: string; words: string; eye?: boolean }[] = [
    { name: "Let in", words: ended ? "nobody: over" : pace, eye: !ended && (v.stop_reason !== undefined || v.pause_reason !== undefined) },
    { name: "Set", words: `${count(t.rate_per_minute)} a minute` },
  ];
  if (t.target_per_minute !== undefined) out.push({ name: "Wanted", words: `${count(t.target_per_minute)} a minute` });
  out.push({ name: "At once", words: `${count(n.standing + n.holding)} of ${count(t.max_active)}` });
  out.push({ name: "Seats in play", words: `${count(n.seats_free)} free, ${count(n.seats_held)} held` });
  const next = t.ramp?.steps.find((s) => s.at_ms > v.server_now_ms);
  if (t.ramp) out.push({ name: "Schedule", words: next ? `${count(Math.min(next.rate_per_minute, t.rate_per_minute))} a minute from ${soonTime(next.at_ms, zone, v.server_now_ms)}` : "at its last step" });
  out.push({ name: "Brake", words: braked ? `slowed to ${percent(v.brake.factor)}` : t.brake ? "ready" : "off", eye: braked });
  return out;
}
