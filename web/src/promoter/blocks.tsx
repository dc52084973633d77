// Blocked seats: which, with what note, and giving them free again.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Problem } from "../api";
import { api, get, useOnce } from "../console/session";
import { Fault, Field, Loading, Tick, TwoStep, useLoad, usePages, useWork } from "../console/ui";
import { stamp } from "../logic/spans";
import { fromZoned, toZoned } from "../logic/time";
import { plural } from "../logic/words";
import type { Block, Blocks, Event, SeatMap } from "../wire";
import { Give } from "./gifts";

/** Seats told before the rest is folded away. */
const TOLD = 60;

export function BlocksTab({ event }: { event: Event }): JSX.Element {
  const path = `/v1/events/${event.event_id}`;
  const m = useLoad(async () => {
    const map = await get<SeatMap>(path + "/seat-map").catch((e: Problem): null => {
      if (e.status === 404) return null;
      throw e;
    });
    return { map };
  }, [event.event_id]);
  const l = usePages((query) => get<Blocks>(path + "/blocks" + query).then((a) => a.blocks), (b) => b.block_id, [event.event_id]);
  if (!m.data) return <Loading what="the seat map" fault={m.fault} again={() => void m.reload()} />;
  if (!l.all) return <Loading what="blocked seats" fault={l.fault} again={() => void l.reload()} />;
  const { map } = m.data;
  const { all } = l;
  // One without seats is on no page.
  const changed = (b: Block): void => l.change((all) => all.map((x) => (x.block_id === b.block_id ? b : x)).filter((x) => x.seats.length > 0));
  const made = (b: Block): void => l.change((all) => [b, ...all.filter((x) => x.block_id !== b.block_id)]);
  return (
    <>
      <p class="small">Blocked seats are in no sale: for guests, the crew, or a camera. Given free, they go to the head of the line at once.</p>
      {map ? <Make map={map} zone={event.time_zone} path={path} done={made} /> : <p class="card">No seat map yet: there is nothing to block.</p>}
      {all.length === 0 && !l.more ? <p class="card">No seats are blocked.</p>
        : all.map((b) => <BlockCard key={b.block_id} block={b} zone={event.time_zone} path={path} done={changed} />)}
      {l.more}
    </>
  );
}

/** A time at the venue that is still to come, as milliseconds. */
function opening(local: string, zone: string): number {
  const at = fromZoned(local, zone);
  const fault = (why: string): Problem => new Problem(422, "invalid-request", "The form cannot be sent as it is", "opens: " + why);
  if (at === null) throw fault("needs a date and a time");
  if (at <= Date.now()) throw fault("that time is over at the venue; name one that is still to come");
  return at;
}

/** The next whole minute at the venue, for a field of the kind that says how late it is. */
const soonest = (zone: string): string => toZoned(Math.ceil((Date.now() + 1) / 60_000) * 60_000, zone);

function Make({ map, zone, path, done }: { map: SeatMap; zone: string; path: string; done: (made: Block) => void }): JSX.Element {
  const sections = map.sections ?? [];
  const areas = map.standing ?? [];
  const [form, setForm] = useState({ section: sections[0]?.name ?? areas[0]?.name ?? "", row: "", seats: "", count: "1", label: "", note: "", opens: "" });
  const [told, setTold] = useState("");
  const w = useWork();
  const once = useOnce();
  const set = (f: keyof typeof form) => (v: string): void => {
    setTold("");
    setForm((was) => was[f] === v ? was : { ...was, [f]: v, ...(f === "section" && { row: "", seats: "" }), ...(f === "row" && { seats: "" }) });
  };
  const area = areas.some((a) => a.name === form.section);
  const rows = [...new Set(sections.find((s) => s.name === form.section)?.rows.map((r) => r.label))];
  return (
    <form class="card" onSubmit={(e) => {
      e.preventDefault();
      void w.run(async () => {
        const seats = form.seats.split(/[\s,;]+/).filter(Boolean);
        const part = area ? { section: form.section, count: Math.trunc(Number(form.count)) }
          : { section: form.section, ...(form.row && { row: form.row, ...(seats.length && { seats }) }) };
        const { data } = await once<Block>(path + "/blocks", { label: form.label, note: form.note, parts: [part], ...(form.opens && { frees_at_ms: opening(form.opens, zone) }) });
        setForm((was) => ({ ...was, seats: "", opens: "" }));
        done(data);
        setTold(`${plural(data.seats.length, "seat")} blocked.`);
      });
    }}>
      <h2>Block seats</h2>
      {/* With keys: an input that took another's place would keep what was taken off it, such as a longest length of nothing. */}
      <div class="fields">
        <div class="field"><label for="block-section">Section or area</label>
          <select id="block-section" data-testid="block-section" value={form.section} onChange={(e) => set("section")(e.currentTarget.value)}>
            {[...sections, ...areas].map((s) => <option key={s.name}>{s.name}</option>)}
          </select></div>
        {area ? <Field key="count" label="How many places" type="number" min={1} required value={form.count} set={set("count")} data-testid="block-count" />
          : <div class="field"><label for="block-row">Row</label>
            <select id="block-row" data-testid="block-row" value={form.row} onChange={(e) => set("row")(e.currentTarget.value)}>
              <option value="">the whole section</option>{rows.map((r) => <option key={r} value={r}>{r}</option>)}
            </select></div>}
        {form.row && !area && <Field key="seats" label="Seats" value={form.seats} set={set("seats")} hint="Their numbers, such as 1, 2, 5. Empty for the whole row." data-testid="block-seats" />}
        <Field key="label" label="Label" required maxLength={100} value={form.label} set={set("label")} hint="For example Guest list." data-testid="block-label" />
        <Field key="opens" label="Opens" type="datetime-local" min={soonest(zone)} value={form.opens} set={set("opens")} hint="When the seats are given free by themselves, in the venue's time. Empty: only when you do." data-testid="block-opens" />
        <Field key="note" label="Note" wide maxLength={500} value={form.note} set={set("note")} hint="It stands in the history of changes, too." />
      </div>
      <Fault p={w.fault} />
      <div class="row"><button type="submit" class="main" aria-disabled={w.busy} data-testid="block-make">{w.busy ? "One moment…" : "Block"}</button><span role="status">{told}</span></div>
    </form>
  );
}

/** When the seats are given free by themselves, and another time for that. */
function Opening({ block, zone, path, done }: { block: Block; zone: string; path: string; done: (changed: Block) => void }): JSX.Element {
  const [at, setAt] = useState("");
  const w = useWork();
  const put = (when: () => number | undefined): Promise<boolean> => w.run(async () => {
    const { data } = await api<Block>("PUT", `${path}/blocks/${block.block_id}/opening`, { body: { frees_at_ms: when() } });
    setAt("");
    done(data);
  });
  return (
    <details><summary>{block.frees_at_ms === undefined ? "Opens when you give them free" : `Opens ${stamp(block.frees_at_ms, zone)}`}</summary>
      <form class="row" onSubmit={(e) => { e.preventDefault(); if (at) void put(() => opening(at, zone)); }}>
        <Field label="Opens" type="datetime-local" min={soonest(zone)} value={at} set={setAt} hint="In the venue's time." />
        <button type="submit" aria-disabled={w.busy || !at} data-testid="block-reschedule">Set the time</button>
        {block.frees_at_ms !== undefined && <button type="button" aria-disabled={w.busy} onClick={() => void put(() => undefined)}>Not by themselves</button>}
      </form>
      <Fault p={w.fault} />
    </details>
  );
}

function BlockCard({ block, zone, path, done }: { block: Block; zone: string; path: string; done: (changed: Block) => void }): JSX.Element {
  const [some, setSome] = useState<ReadonlySet<number>>(new Set());
  const [all, setAll] = useState(false);
  const shown = all ? block.seats : block.seats.slice(0, TOLD);
  const kept = block.seats.filter((s) => !s.given).length;
  const count = some.size || kept;
  return (
    <section class="card" data-testid="block">
      <h2>{block.label}: {plural(block.seats.length, "seat")}{kept < block.seats.length && `, ${block.seats.length - kept} given`}</h2>
      <p class="small">{block.note && <>{block.note} · </>}blocked {stamp(block.made_at_ms, zone)} by {block.by}</p>
      <Opening block={block} zone={zone} path={path} done={done} />
      <details><summary>Seats</summary>
        <div class="fields">{shown.map((s) => (
          s.given ? <p key={s.seat} class="tick">{s.label} <span class="small">given</span></p> : <Tick key={s.seat} label={s.label} on={some.has(s.seat)} set={(on) => {
            const next = new Set(some);
            if (on) next.add(s.seat);
            else next.delete(s.seat);
            setSome(next);
          }} />))}</div>
        {shown.length < block.seats.length && <button type="button" onClick={() => setAll(true)}>All {block.seats.length.toLocaleString()}</button>}
      </details>
      <Give path={path} block={block.block_id} seats={[...some]} done={() => {
        setSome(new Set());
        done({ ...block, seats: block.seats.map((s) => (some.has(s.seat) ? { ...s, given: true } : s)) });
      }} />
      {kept > 0 && <TwoStep label={some.size ? `Give ${plural(count, "seat")} free` : "Give all free"} ask={`${plural(count, "seat")} can be sold from then on, to who is next in line.`} yes="Give free" testid="block-free"
        act={async () => {
          const { data } = await api<Block>("POST", `${path}/blocks/${block.block_id}/free`, { body: some.size ? { seats: [...some] } : {} });
          setSome(new Set());
          done(data);
        }} />}
    </section>
  );
}
