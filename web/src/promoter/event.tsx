// One event: its details, seats, sales and bookings, and what is still missing before fans see it.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { api, useOnce } from "../console/session";
import { Chip, Fault, Heading, Loading, TwoStep, useLoad, useWork } from "../console/ui";
import { longTime, shortTime } from "../logic/time";
import { stateWords } from "../logic/spans";
import type { Event, Sale } from "../wire";
import { BookingsTab } from "./bookings";
import { CodesTab } from "./codes";
import { EventForm, fromEvent, fromSale, noSale, SaleForm, toDraft, toSale } from "./event-form";
import { BlocksTab } from "./blocks";
import { SeatsTab } from "./seats";

const TABS: [string, string][] = [["details", "Details"], ["seats", "Seats and prices"], ["blocks", "Blocked seats"], ["sales", "Sales"], ["codes", "Codes and lists"], ["bookings", "Bookings"]];

const ENTRY: Record<Sale["entry"], string> = { open: "Everybody", account: "Accounts only", code: "Access code needed", invited: "Invited only" };

export interface Loaded { event: Event; etag: string }

export function EventPage({ id, tab }: { id: string; tab: string }): JSX.Element {
  const path = "/v1/events/" + encodeURIComponent(id);
  const read = async (): Promise<Loaded> => {
    const a = await api<Event>("GET", path);
    return { event: a.data, etag: a.etag ?? `"${a.data.version}"` };
  };
  const l = useLoad(read, [id]);
  if (!l.data) return <><p class="where"><a href="#/">Organisations</a></p><Heading title="Event">Event</Heading><Loading what="the event" fault={l.fault} again={() => void l.reload()} /></>;
  const { event } = l.data;
  return (
    <>
      <p class="where"><a href={"#/o/" + event.organisation_id}>All events</a></p>
      <div class="between">
        <div><Heading title={event.name}>{event.name}</Heading><p class="muted">{event.venue}, {longTime(event.starts_at_ms, event.time_zone)}</p></div>
        <Publish event={event} done={() => l.reload()} />
      </div>
      <nav class="tabs" aria-label="Parts of the event">
        {TABS.map(([name, words]) => <a key={name} href={`#/e/${id}/${name}`} aria-current={tab === name ? "page" : undefined}>{words}</a>)}
      </nav>
      {tab === "seats" ? <SeatsTab event={event} done={() => l.reload()} />
        : tab === "blocks" ? <BlocksTab event={event} />
        : tab === "sales" ? <Sales event={event} done={() => l.reload()} />
        : tab === "codes" ? <CodesTab event={event} />
        : tab === "bookings" ? <BookingsTab event={event} />
        : <Details loaded={l.data} read={read} set={l.set} />}
    </>
  );
}

function Publish({ event, done }: { event: Event; done: () => Promise<void> }): JSX.Element {
  if (event.publication === "published") return <p><Chip kind="published">Published</Chip> <a href={"/e/" + event.event_id}>What fans see</a></p>;
  const missing = [event.capacity === 0 && "a seat map", event.sales.length === 0 && "a sale"].filter(Boolean);
  return (
    <div>
      <p><Chip kind="draft">Draft</Chip> <span class="small">{missing.length ? `Still missing: ${missing.join(" and ")}.` : "Everything is there."}</span></p>
      <TwoStep label="Publish the event" ask="Everybody can see it from then on. Its sales are published one by one." yes="Publish" testid="publish-event"
        act={async () => { await api("POST", `/v1/events/${event.event_id}/publish`); await done(); }} />
    </div>
  );
}

function Details({ loaded, read, set }: { loaded: Loaded; read: () => Promise<Loaded>; set: (l: Loaded) => void }): JSX.Element {
  const { event, etag } = loaded;
  return (
    <div class="card">
      <EventForm start={{ values: fromEvent(event), etag }} button="Save"
        latest={async () => { const now = await read(); return { values: fromEvent(now.event), etag: now.etag }; }}
        save={async (v, match) => {
          const a = await api<Event>("PUT", "/v1/events/" + event.event_id, { body: toDraft(v, event), ifMatch: match ?? undefined });
          const now = { event: a.data, etag: a.etag ?? `"${a.data.version}"` };
          set(now);
          return { values: fromEvent(now.event), etag: now.etag };
        }} />
    </div>
  );
}

function Sales({ event, done }: { event: Event; done: () => Promise<void> }): JSX.Element {
  const [adding, setAdding] = useState(event.sales.length === 0);
  const once = useOnce();
  const zone = event.time_zone;
  return (
    <>
      {event.sales.length === 0 && <p>No sale yet. A sale says when fans may join, who, and how fast they are let in.</p>}
      {[...event.sales].sort((a, b) => a.opens_at_ms - b.opens_at_ms).map((s) => <SaleCard key={s.sale_id} sale={s} zone={zone} done={done} />)}
      {adding
        ? <div class="card"><h2>New sale</h2>
          <SaleForm zone={zone} start={{ values: noSale(event), etag: null }} button="Create" cancel={event.sales.length ? () => setAdding(false) : undefined} save={async (v) => {
            await once<Sale>(`/v1/events/${event.event_id}/sales`, toSale(v, zone));
            await done();
            setAdding(false);
            return { values: v, etag: null };
          }} /></div>
        : <button type="button" class="main" data-testid="new-sale" onClick={() => setAdding(true)}>New sale</button>}
    </>
  );
}

function SaleCard({ sale, zone, done }: { sale: Sale; zone: string; done: () => Promise<void> }): JSX.Element {
  const [start, setStart] = useState<{ values: ReturnType<typeof fromSale>; etag: string | null } | null>(null);
  const path = "/v1/sales/" + sale.sale_id;
  const read = async (): Promise<{ values: ReturnType<typeof fromSale>; etag: string | null }> => {
    const a = await api<Sale>("GET", path);
    return { values: fromSale(a.data, zone), etag: a.etag ?? `"${a.data.version}"` };
  };
  const opening = useWork();
  return (
    <section class="card" data-testid="sale">
      <div class="between">
        <div>
          <h2>{sale.name} <Chip kind={sale.stopped ? "stopped" : sale.state}>{stateWords(sale)}</Chip></h2>
          <p>{sale.lobby_opens_at_ms && <>Lobby from {shortTime(sale.lobby_opens_at_ms, zone)}, opens </>}{shortTime(sale.opens_at_ms, zone)} to {shortTime(sale.closes_at_ms, zone)}{sale.wait_ends_at_ms && <>, wait until {shortTime(sale.wait_ends_at_ms, zone)}</>}</p>
          <p class="small">{ENTRY[sale.entry]} · {sale.seating === "pick" ? "fans pick their seats" : "seats are assigned"} · up to {sale.party_max} tickets · {sale.rate_per_minute.toLocaleString()} per minute · {sale.max_active.toLocaleString()} at once · held for {sale.hold_ttl_ms / 1000} s{sale.allotment !== undefined && ` · at most ${sale.allotment.toLocaleString()} seats`}</p>
        </div>
        <div class="row">
          {sale.publication === "published" && <a class="button" href={"/q/" + sale.sale_id}>What fans see</a>}
          {sale.publication === "published" && <a class="button" href={"/operator#/s/" + sale.sale_id}>Operate</a>}
          {sale.publication === "draft" && <TwoStep label="Publish the sale" ask="Fans can see it, and join when it opens." yes="Publish" testid="publish-sale"
            act={async () => { await api("POST", path + "/publish"); await done(); }} />}
          {!start && <button type="button" data-testid="edit-sale" onClick={() => void opening.run(async () => setStart(await read()))}>Edit</button>}
        </div>
      </div>
      <Fault p={opening.fault} />
      {start && <SaleForm zone={zone} published={sale.publication === "published"} start={start} button="Save" latest={read} cancel={() => setStart(null)} save={async (v, etag, confirm) => {
        const a = await api<Sale>("PUT", path, { body: toSale(v, zone, sale), ifMatch: etag ?? undefined, confirm });
        await done();
        return { values: fromSale(a.data, zone), etag: a.etag ?? `"${a.data.version}"` };
      }} />}
    </section>
  );
}
