// The seat map: what is there, and making another from a form or a file.

import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import type { Problem } from "../api";
import { api, get } from "../console/session";
import { Fault, Field, Loading, Tick, useLoad, useWork, Scroll } from "../console/ui";
import { money, parseMoney, plainMoney } from "../logic/money";
import { arena, faults, perTier, read, units, upload } from "../logic/seat-map";
import { plural } from "../logic/words";
import type { Event, SeatMap } from "../wire";

/** Large maps take some seconds to be stored. */
const WITHIN_MS = 60_000;
const DOWNLOADS = [["usher", "Usher (JSON)", "seat-map.json"], ["pretix", "pretix (seating plan)", "pretix-plan.json"], ["pretix-side", "pretix (side file)", "pretix-side.json"], ["csv", "CSV", "seat-map.csv"]] as const;

/** What the server is sent when the map is used; the map itself where there is nothing else. */
interface Send { query: string; type?: string; body: unknown }

export function SeatsTab({ event, done }: { event: Event; done: () => Promise<void> }): JSX.Element {
  const path = `/v1/events/${event.event_id}/seat-map`;
  const l = useLoad(() => get<SeatMap>(path).catch((e: Problem) => {
    if (e.status === 404) return null;
    throw e;
  }), [event.event_id]);
  const [way, setWay] = useState<"generate" | "paste">("generate");
  const [map, setMap] = useState<SeatMap | null>(null);
  const [found, setFound] = useState<string[]>([]);
  const [stored, setStored] = useState("");
  const [send, setSend] = useState<Send | null>(null);
  const w = useWork();
  if (l.data === undefined) return <Loading what="the seat map" fault={l.fault} again={() => void l.reload()} />;
  const offer = (m: SeatMap | null, f: string[], s: Send | null = null): void => {
    setMap(m);
    setFound(f);
    setSend(s);
    setStored("");
    w.clear();
  };
  return (
    <>
      {l.data ? <section class="card"><h2>The seat map: {l.data.name}</h2><Summary map={l.data} currency={event.currency} /><Downloads path={path} /></section>
        : <p class="card">No seat map yet: the event has nothing to sell. Make one below.</p>}
      <section class="card">
        <h2>{l.data ? "Replace it" : "Make a seat map"}</h2>
        {l.data && <p class="small">Once a sale of the event is published, places are neither added nor taken away, and those that somebody has or had stay what they are. Names, prices for holds to come and all else may change.</p>}
        <div class="row choice" role="group" aria-label="How">
          <button type="button" aria-pressed={way === "generate"} onClick={() => { setWay("generate"); offer(null, []); }}>Generate an arena</button>
          <button type="button" aria-pressed={way === "paste"} onClick={() => { setWay("paste"); offer(null, []); }}>Paste or upload a file</button>
        </div>
        {way === "generate" ? <Generate currency={event.currency} venue={event.venue} offer={offer} /> : <Paste path={path} offer={offer} />}
        {found.length > 0 && (
          <div class="note bad" role="alert" data-testid="map-faults"><p><strong>{plural(found.length, "fault")}:</strong></p><ul>{found.map((f) => <li key={f}>{f}</li>)}</ul></div>
        )}
        {map && found.length === 0 && (
          <div data-testid="map-preview"><h3>Preview: {map.name}</h3><Summary map={map} currency={event.currency} />
            <div class="row"><button type="button" class="main" aria-disabled={w.busy} data-testid="store-map" onClick={() => void w.run(async () => {
              await api("PUT", path + (send?.query ?? ""), { body: send?.body ?? map, type: send?.type, withinMs: WITHIN_MS });
              setMap(null);
              setStored("The seat map is stored.");
              await l.reload();
              await done();
            })}>{w.busy ? "Storing…" : "Use this map"}</button></div></div>
        )}
        <Fault p={w.fault} />
        <p role="status">{stored}</p>
      </section>
    </>
  );
}

function Downloads({ path }: { path: string }): JSX.Element {
  const w = useWork();
  const save = async (format: string, name: string): Promise<void> => {
    const { data } = await api<string>("GET", `${path}?format=${format}`, { text: true, withinMs: WITHIN_MS });
    const url = URL.createObjectURL(new Blob([data]));
    Object.assign(document.createElement("a"), { href: url, download: name }).click();
    URL.revokeObjectURL(url);
  };
  return (
    <details><summary>Download</summary>
      <div class="row">{DOWNLOADS.map(([format, label, name]) => (
        <button type="button" key={format} data-testid={"download-" + format} aria-disabled={w.busy} onClick={() => void w.run(() => save(format, name))}>{label}</button>))}</div>
      <p class="small">A seating plan has no prices, aisles, wheelchair places and standing areas: they are in its side file.</p>
      <Fault p={w.fault} />
    </details>
  );
}

function Summary({ map, currency }: { map: SeatMap; currency: string }): JSX.Element {
  const counts = perTier(map);
  const sections = map.sections ?? [];
  return (
    <>
      <p>{plural(units(map), "place")}: {plural(sections.length, "section")}{map.standing?.length ? `, ${plural(map.standing.length, "standing area")}` : ""}.</p>
      <Scroll label="Tiers"><table>
        <thead><tr><th scope="col">Tier</th><th scope="col" class="num">Price</th><th scope="col" class="num">Fee</th><th scope="col" class="num">Fans pay</th><th scope="col" class="num">Places</th></tr></thead>
        <tbody>{map.tiers.map((t) => (
          <tr key={t.id}><th scope="row">{t.name}</th><td class="num">{money(t.price_minor, currency)}</td><td class="num">{money(t.fee_minor ?? 0, currency)}</td>
            <td class="num">{money(t.price_minor + (t.fee_minor ?? 0), currency)}</td><td class="num">{(counts.get(t.id) ?? 0).toLocaleString()}</td></tr>))}
        </tbody></table></Scroll>
      <details><summary>Sections</summary><ul>{sections.map((s) => <li key={s.name}>{s.name}: {plural(s.rows.length, "row")}, {plural(s.rows.reduce((a, r) => a + r.seats.length, 0), "seat")}</li>)}
        {(map.standing ?? []).map((a) => <li key={a.name}>{a.name}: standing, {a.capacity.toLocaleString()}</li>)}</ul></details>
    </>
  );
}

interface TierRow { name: string; price: string; fee: string }

function Generate({ currency, venue, offer }: { currency: string; venue: string; offer: (m: SeatMap | null, f: string[]) => void }): JSX.Element {
  const [form, setForm] = useState({ name: venue, sections: "8", rows: "20", seats: "25", accessible: "2", standing: "0" });
  const [aisle, setAisle] = useState(true);
  const [tiers, setTiers] = useState<TierRow[]>([{ name: "Gold", price: plainMoney(9000, currency), fee: plainMoney(450, currency) }, { name: "Silver", price: plainMoney(6000, currency), fee: plainMoney(300, currency) }]);
  const set = (f: keyof typeof form) => (v: string): void => setForm({ ...form, [f]: v });
  const tier = (i: number, f: keyof TierRow) => (v: string): void => setTiers(tiers.map((t, n) => (n === i ? { ...t, [f]: v } : t)));
  const number = { type: "number", required: true, step: 1 };
  const make = (): void => {
    const bad: string[] = [];
    const amount = (text: string, what: string): number => {
      const minor = parseMoney(text, currency);
      if (minor === null) bad.push(`${what}: "${text}" is not an amount in ${currency}`);
      return minor ?? 0;
    };
    const ids = new Set<string>();
    const made = tiers.map((t) => {
      let id = t.name.trim().toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "tier";
      while (ids.has(id)) id += "x";
      ids.add(id);
      return { id, name: t.name.trim(), price_minor: amount(t.price, `${t.name}, price`), fee_minor: amount(t.fee, `${t.name}, fee`) };
    });
    const n = (s: string): number => Math.trunc(Number(s)) || 0;
    if (n(form.sections) * n(form.rows) * n(form.seats) + n(form.standing) > 200_000) bad.push("More than 200,000 places are too many for one map");
    if (n(form.sections) < tiers.length && n(form.sections) > 0) bad.push("There are more tiers than sections: some tier would have no seat");
    if (bad.length) return offer(null, bad);
    const map = arena({ name: form.name.trim(), sections: n(form.sections), rows: n(form.rows), seats: n(form.seats), aisle, accessible: n(form.accessible), standing: n(form.standing), tiers: made });
    offer(map, faults(map));
  };
  return (
    <form onSubmit={(e) => { e.preventDefault(); make(); }} onInput={() => offer(null, [])}>
      <div class="fields">
        <Field label="Name of the hall" wide required maxLength={100} value={form.name} set={set("name")} />
        <Field {...number} label="Sections" min={0} max={500} value={form.sections} set={set("sections")} hint="The best first." />
        <Field {...number} label="Rows per section" min={1} max={200} value={form.rows} set={set("rows")} />
        <Field {...number} label="Seats per row" min={1} max={200} value={form.seats} set={set("seats")} />
        <Field {...number} label="Wheelchair places per section" min={0} max={50} value={form.accessible} set={set("accessible")} hint="In the last row, each with a companion’s seat beside it. Both are kept for parties that need them." />
        <Field {...number} label="Standing room" min={0} max={200000} value={form.standing} set={set("standing")} hint="In the last tier." />
        <div class="field"><Tick label="An aisle in the middle of each row" on={aisle} set={setAisle} /></div>
      </div>
      <fieldset><legend>Tiers and prices ({currency})</legend>
        {tiers.map((t, i) => (
          <div class="fields tight" key={i}>
            <Field label={`Tier ${i + 1}`} required maxLength={100} value={t.name} set={tier(i, "name")} />
            <Field label="Price" required inputMode="decimal" value={t.price} set={tier(i, "price")} />
            <Field label="Fee" required inputMode="decimal" value={t.fee} set={tier(i, "fee")} />
            <button type="button" disabled={tiers.length < 2} aria-label={`Remove tier ${i + 1}`} onClick={() => setTiers(tiers.filter((_, n) => n !== i))}>Remove</button>
          </div>
        ))}
        <button type="button" class="link" disabled={tiers.length >= 32} onClick={() => setTiers([...tiers, { name: `Tier ${tiers.length + 1}`, price: plainMoney(4000, currency), fee: plainMoney(200, currency) }])}>Add a tier</button>
        <p class="small">Sections share the tiers evenly: the first sections are of the first tier.</p>
      </fieldset>
      <div class="row"><button type="submit" data-testid="generate-map">Generate</button></div>
    </form>
  );
}

function Paste({ path, offer }: { path: string; offer: (m: SeatMap | null, f: string[], s?: Send | null) => void }): JSX.Element {
  const [text, setText] = useState("");
  const w = useWork();
  const id = useId();
  const check = (t: string): void => {
    const r = read(t);
    offer(r.map ?? null, r.faults);
  };
  const choose = async (files: File[]): Promise<void> => {
    offer(null, []);
    if (files.some((f) => f.size > 32 * 1024 * 1024)) return offer(null, ["The file is larger than 32 MiB."]);
    const u = upload(await Promise.all(files.map(async (f) => ({ name: f.name, text: await f.text() }))));
    if (!u.query) {
      setText(u.body.length < 200_000 ? u.body : "");
      return offer(u.map ?? null, u.faults);
    }
    // The server reads what is not ours, and says what it understood.
    const { data } = await api<SeatMap>("PUT", `${path}${u.query}&dry_run=true`, { body: u.body, type: u.type, withinMs: WITHIN_MS });
    offer(data, [], u);
  };
  return (
    <form onSubmit={(e) => { e.preventDefault(); check(text); }}>
      <div class="field wide"><label for={id + "f"}>A file in the format usher-seat-map/1, a CSV sheet, or a seating plan of pretix (choose its side file, too, if there is one)</label>
        <input id={id + "f"} type="file" multiple accept=".json,.csv,application/json,text/csv" onChange={(e) => {
          const files = [...(e.currentTarget.files ?? [])];
          if (files.length > 0) void w.run(() => choose(files));
        }} /></div>
      {w.busy && <p role="status">Reading…</p>}
      <Fault p={w.fault} />
      <div class="field wide"><label for={id}>Or paste it here</label>
        <textarea id={id} rows={8} spellcheck={false} value={text} onInput={(e) => { setText(e.currentTarget.value); offer(null, []); }} /></div>
      <div class="row"><button type="submit" data-testid="check-map">Check</button></div>
    </form>
  );
}
