// Every knob of admission in one form: preview, then apply. What is not touched follows the live value.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api";
import { api } from "../console/session";
import { Fault, Field, Select, Tick, useWork } from "../console/ui";
import { toZoned } from "../logic/time";
import { after, changeOf, differences, fromTuning, inForce, type KnobValues } from "../logic/tuning";
import { count } from "../logic/words";
import type { AdmissionView, ChangeTuning, Preview } from "../wire";
import { Asked } from "./act";
import { PreviewTable } from "./preview";

const RATE = { type: "number", min: 1, max: 600_000, step: 1 };
const number = (min: number, max: number, step: number | "any" = 1): object => ({ type: "number", required: true, min, max, step });

export function Knobs({ view, zone, path, etag, show }: {
  view: AdmissionView; zone: string; path: string; etag: { current: string | null }; show: (a: AdmissionView, tag: string | null) => void;
}): JSX.Element {
  const t = view.tuning;
  const [touched, setTouched] = useState<Partial<KnobValues>>({});
  const [readAt, setReadAt] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const [told, setTold] = useState("");
  /** A change that the server wants confirmed, and what confirms it. */
  const [asked, setAsked] = useState<Problem | null>(null);
  const [preview, setPreview] = useState<Preview | null>(null);
  const w = useWork();
  const look = useWork();
  const form = useRef<HTMLFormElement>(null);
  const result = useRef<HTMLDivElement>(null);
  const live = fromTuning(t, zone);
  const v: KnobValues = { ...live, ...touched };
  const { change, faults } = changeOf(v, t, zone);
  const lines = differences(t, after(t, change), zone);
  const dirty = Object.keys(touched).length > 0;
  // A change that somebody else made first makes what was previewed another thing.
  useEffect(() => setPreview(null), [view.rate_version]);
  useEffect(() => {
    if (preview) result.current?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }, [preview]);

  const touch = (more: Partial<KnobValues>): void => {
    if (!dirty) setReadAt(etag.current);
    setTouched({ ...touched, ...more });
    setTold("");
    setAsked(null);
    setPreview(null);
    w.clear();
    look.clear();
  };
  const set = (k: keyof KnobValues) => (x: string): void => touch({ [k]: x });
  const reset = (): void => {
    setTouched({});
    setReadAt(null);
    setAsked(null);
    setPreview(null);
    w.clear();
    look.clear();
  };
  const sendable = (): ChangeTuning => {
    if (faults.length) throw new Problem(422, "invalid-request", "This cannot be sent as it is", "", undefined, undefined, undefined, faults);
    if (lines.length === 0) throw new Problem(422, "nothing", "Nothing is changed yet", "set a knob to something else first");
    return change;
  };
  const see = (): void => {
    // A preview needs no reason.
    const fields = [...form.current!.elements] as HTMLInputElement[];
    if (!fields.every((f) => f.dataset.testid === "reason" || f.reportValidity())) return;
    void look.run(async () => {
      setPreview(null);
      setPreview((await api<Preview>("POST", path + "/preview", { body: sendable(), withinMs: 60_000 })).data);
    });
  };
  const apply = (confirm?: string): void => void w.run(async () => {
    try {
      const a = await api<AdmissionView>("PATCH", path, { body: { ...sendable(), reason: reason.trim(), confirm }, ifMatch: readAt ?? undefined });
      show(a.data, a.etag);
      reset();
      setReason("");
      setTold("Changed. It takes effect within a second.");
    } catch (x) {
      const p = x as Problem;
      if (p.code === "confirm-needed") return setAsked(p);
      setAsked(null);
      if (p.status !== 412) throw p;
      setReadAt(etag.current);
      throw new Problem(412, p.code, "Somebody else changed the knobs meanwhile", "what is in force stands above, and what you typed is still here: look, and apply again");
    }
  });
  const step = (i: number, more: Partial<KnobValues["steps"][number]>): void => touch({ steps: v.steps.map((s, j) => (i === j ? { ...s, ...more } : s)) });
  const addStep = (): void => {
    const last = v.steps[v.steps.length - 1];
    const soon = Math.ceil(view.server_now_ms / 300_000) * 300_000 + 300_000;
    const kept = t.ramp?.steps[t.ramp.steps.length - 1]?.at_ms ?? 0;
    touch({ ramped: true, steps: [...v.steps, { at: toZoned(Math.max(soon, kept + 300_000) + (touched.steps ? v.steps.length * 300_000 : 0), zone), rate: last?.rate ?? v.rate }] });
  };

  return (
    <form class="card" ref={form} data-testid="knobs" onSubmit={(e) => { e.preventDefault(); apply(); }}>
      <h2>Knobs</h2>
      <p class="small">Nothing changes before you apply it. Try what a change would do first: a preview changes nothing.</p>
      <fieldset><legend>Pace</legend><div class="fields">
        <Field {...RATE} required label="Let in per minute, at most" value={v.rate} set={set("rate")} hint={`Now ${count(t.rate_per_minute)}. No minute lets in more.`} data-testid="rate" />
        <Field {...number(1, 1_000_000)} label="At once, at most" value={v.active} set={set("active")} hint={`Now ${count(t.max_active)}. Let in, holding seats or paying.`} data-testid="max-active" />
        <Field {...RATE} label="Should really come, per minute" value={v.target} set={set("target")} data-testid="target"
          hint={`${t.target_per_minute === undefined ? "Now not set" : `Now ${count(t.target_per_minute)}`}. As many more are let in as are measured not to come, at most twice as many, and never above the first knob. Empty: no correction.`} />
      </div></fieldset>
      <fieldset><legend>Absent fans</legend><div class="fields">
        <Field {...number(0, 3600, "any")} label="Keep the head for (seconds)" value={v.grace_s} set={set("grace_s")} hint={`Now ${live.grace_s}. Then they are skipped, and next on return.`} data-testid="grace" />
        <Field {...number(5, 600, "any")} label="Count as present for (seconds)" value={v.presence_s} set={set("presence_s")} hint={`Now ${live.presence_s}. After the page’s last sign of life.`} data-testid="presence" />
      </div></fieldset>
      <fieldset><legend>Schedule</legend>
        <Tick label="Change the rate by a schedule" on={v.ramped} set={(on) => (on && v.steps.length === 0 ? addStep() : touch({ ramped: on }))} />
        {v.ramped && <>
          <p class="small">Before the first step the rate above holds, after the last step the last; no step lets in more than that rate. Times are of {zone}.</p>
          {v.steps.map((s, i) => (
            <div class="fields step" key={i}>
              <Field label={`Step ${i + 1}: from`} type="datetime-local" required step={s.at.length > 16 ? 1 : 60} value={s.at} set={(at) => step(i, { at })} data-testid="step-at" />
              <Field {...RATE} required label={`Step ${i + 1}: per minute`} value={s.rate} set={(rate) => step(i, { rate })} data-testid="step-rate" />
              <button type="button" aria-label={`Take step ${i + 1} away`} onClick={() => touch({ steps: v.steps.filter((_, j) => j !== i), ramped: v.steps.length > 1 })}>Take away</button>
            </div>))}
          <div class="fields"><Select label="Between two steps" value={v.linear ? "linear" : "steps"} set={(x) => touch({ linear: x === "linear" })} options={[["steps", "The earlier step’s rate"], ["linear", "A straight line"]]} /></div>
          {v.steps.length < 32 && <p class="row"><button type="button" data-testid="add-step" onClick={addStep}>Add a step</button></p>}
        </>}
      </fieldset>
      <fieldset><legend>Automatic brake</legend>
        <Tick label="Halve the pace while booking is slow or fails, and come back by steps" on={v.braked} set={(braked) => touch({ braked })} />
        {v.braked && <div class="fields">
          <Field {...number(1, 600_000)} label="Slow: 99 of 100 take more than (ms)" value={v.p99_ms} set={set("p99_ms")} data-testid="brake-p99" />
          <Field {...number(0, 1000)} label="Failing: more of 1,000 than" value={v.errors} set={set("errors")} />
          <Field {...number(1, 1_000_000)} label="Measured on, at least" value={v.samples} set={set("samples")} hint="Fewer say nothing." />
          <Field {...number(1, 10)} label="Halve at most so many times" value={v.halvings} set={set("halvings")} />
          <Field {...number(1, 3600, "any")} label="Not again for (seconds)" value={v.hold_off_s} set={set("hold_off_s")} />
          <Field {...number(1, 3600, "any")} label="A step back each (seconds)" value={v.recover_s} set={set("recover_s")} />
          <Field {...number(101, 400)} label="A step back makes it (percent)" value={v.recover_percent} set={set("recover_percent")} hint="Of what it was before." />
        </div>}
        {view.brake.why && <p class="small">{view.brake.factor < 1 ? "It brakes now" : "It does not brake now"}: {view.brake.why}.</p>}
      </fieldset>
      {lines.length > 0 && <div class="changes"><h3>What you change</h3><ul data-testid="changes">{lines.map((l) => <li key={l}>{l}</li>)}</ul></div>}
      <p class="row"><button type="button" data-testid="preview-button" aria-disabled={look.busy} onClick={see}>{look.busy ? "Looking ahead…" : "Preview"}</button>
        <span role="status" class="small">{look.busy && "The whole line is simulated; a long one takes some seconds."}</span></p>
      <Fault p={look.fault} />
      <div ref={result} aria-live="polite">{preview && <PreviewTable p={preview} zone={zone} />}</div>
      <Field label="Reason" wide required maxLength={500} value={reason} set={setReason} hint="It stands in the history." data-testid="reason" />
      <Fault p={w.fault} />
      {asked && <Asked p={asked} busy={w.busy} yes={() => apply(asked.confirm)} no={() => setAsked(null)} testid="confirm-tuning" />}
      <div class="row">{!asked && <button type="submit" class="main" aria-disabled={w.busy} data-testid="apply-tuning">{w.busy ? "Applying…" : "Apply"}</button>}
        {dirty && !asked && <button type="button" onClick={reset}>Forget what I typed</button>}
        <span role="status">{told}</span></div>
    </form>
  );
}

/** What is in force now, always in sight. */
export function InForce({ view, zone, title }: { view: AdmissionView; zone: string; title: string }): JSX.Element {
  return <dl class="force" aria-label={title} data-testid="in-force">{inForce(view, zone).map((f) => <div key={f.name} class={f.eye ? "eye" : ""}><dt>{f.name}</dt><dd>{f.words}</dd></div>)}</dl>;
}
