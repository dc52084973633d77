// What a promoter writes about an event and about a sale, as fields.

import type { JSX } from "preact";
import { Problem } from "../api";
import { Edit, type Version } from "../console/edit";
import { Field, Select, Tick } from "../console/ui";
import { fromZoned, toZoned, zoneExists } from "../logic/time";
import type { Event, EventDraft, Sale, SaleDraft } from "../wire";

export type EventValues = { name: string; venue: string; starts: string; time_zone: string; currency: string; release: string; per_person: string };
export type SaleValues = {
  name: string; opens: string; closes: string; lobby: string; wait: string; ordering: string; entry: string; seating: string; shop_min: string; party_max: string; rate: string; active: string;
  hold_s: string; extension_s: string; grace_s: string; presence_s: string; gather_s: string; answer_s: string; rejoin: boolean; allotment: string; beacon: string; without_min: string;
};

const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const ZONES: string[] = (Intl as unknown as { supportedValuesOf?: (k: string) => string[] }).supportedValuesOf?.("timeZone") ?? [ownZone(), "UTC"];
const CURRENCIES = ["EUR", "GBP", "USD", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "CAD", "AUD", "JPY"];

/** A time field shows seconds only where there are some; without this the browser would call them a mistake. */
const seconds = (local: string): number => (local.length > 16 ? 1 : 60);

function wrong(detail: string): never {
  throw new Problem(422, "invalid-request", "The form cannot be sent as it is", detail);
}

function kept(local: string, zone: string, was?: number): number | null {
  return was !== undefined && zoneExists(zone) && toZoned(was, zone) === local ? was : fromZoned(local, zone);
}

export function noEvent(): EventValues {
  return { name: "", venue: "", starts: "", time_zone: ownZone(), currency: "EUR", release: "house", per_person: "" };
}
export function fromEvent(e: Event): EventValues {
  return { name: e.name, venue: e.venue, starts: toZoned(e.starts_at_ms, e.time_zone), time_zone: e.time_zone, currency: e.currency, release: e.accessible_release ?? "house", per_person: e.tickets_per_person === undefined ? "" : String(e.tickets_per_person) };
}
/** `was`: what was read. A time that was not touched keeps its milliseconds, which the field does not show. */
export function toDraft(v: EventValues, was?: Event): EventDraft {
  if (!zoneExists(v.time_zone)) wrong(`there is no time zone "${v.time_zone}"; choose one from the list`);
  const starts_at_ms = kept(v.starts, v.time_zone, was?.starts_at_ms) ?? wrong("the start needs a date and a time");
  return { name: v.name.trim(), venue: v.venue.trim(), starts_at_ms, time_zone: v.time_zone, currency: v.currency.trim().toUpperCase(), accessible_release: v.release as EventDraft["accessible_release"], ...(v.per_person !== "" && { tickets_per_person: Number(v.per_person) }) };
}

export function EventForm(p: {
  start: Version<EventValues>; button: string; cancel?: () => void;
  save: (v: EventValues, etag: string | null) => Promise<Version<EventValues>>; latest?: () => Promise<Version<EventValues>>;
}): JSX.Element {
  return (
    <Edit {...p} testid="save-event" labels={{ name: "Name", venue: "Venue", starts: "Starts", time_zone: "Time zone", currency: "Currency", release: "Wheelchair places", per_person: "Tickets per person" }}>
      {(v, set) => (
        <>
          <Field label="Name" wide required maxLength={200} value={v.name} set={set("name")} />
          <Field label="Venue" wide required maxLength={200} value={v.venue} set={set("venue")} />
          <Field label="Starts" type="datetime-local" required step={seconds(v.starts)} value={v.starts} set={set("starts")} hint="Date and time at the venue." />
          <Field label="Time zone of the venue" required list="zones" value={v.time_zone} set={set("time_zone")} hint="For example Europe/Berlin." />
          <Field label="Currency" required list="currencies" pattern="[A-Za-z]{3}" maxLength={3} value={v.currency} set={set("currency")} hint="Three letters." />
          <Field label="Tickets per person" type="number" min={1} max={1000} step={1} value={v.per_person} set={set("per_person")} hint="Over all sales of the event, by account, visitor and e-mail address. Empty: no limit." />
          <Select label="Wheelchair places" value={v.release} set={set("release")} options={[
            ["house", "For all once the house is sold"], ["section", "For all once their section is sold"], ["tier", "For all once their tier is sold"], ["never", "Never for all"],
          ]} hint="Until then they and the companions’ seats beside them are kept for parties that need one." />
          <datalist id="zones">{ZONES.map((z) => <option key={z} value={z} />)}</datalist>
          <datalist id="currencies">{CURRENCIES.map((c) => <option key={c} value={c} />)}</datalist>
        </>
      )}
    </Edit>
  );
}

export function noSale(e: Event): SaleValues {
  const hour = 3_600_000;
  const opens = Math.ceil((Date.now() + 24 * hour) / hour) * hour;
  return {
    name: "General sale", opens: toZoned(opens, e.time_zone), closes: toZoned(Math.max(opens + hour, e.starts_at_ms - hour), e.time_zone),
    lobby: toZoned(opens - hour, e.time_zone), wait: "", ordering: "draw_then_fifo", entry: "open", seating: "assign", shop_min: "5", party_max: "6",
    rate: "600", active: "1000", hold_s: "300", extension_s: "180", grace_s: "60", presence_s: "120", gather_s: "15", answer_s: "45", rejoin: true, allotment: "", beacon: "public", without_min: "",
  };
}
export function fromSale(s: Sale, zone: string): SaleValues {
  const seconds = (ms: number): string => String(ms / 1000);
  return {
    name: s.name, opens: toZoned(s.opens_at_ms, zone), closes: toZoned(s.closes_at_ms, zone),
    lobby: s.lobby_opens_at_ms === undefined ? "" : toZoned(s.lobby_opens_at_ms, zone), wait: s.wait_ends_at_ms === undefined ? "" : toZoned(s.wait_ends_at_ms, zone), ordering: s.ordering, entry: s.entry, seating: s.seating ?? "assign", shop_min: String((s.shop_ms ?? 300_000) / 60_000), party_max: String(s.party_max), rate: String(s.rate_per_minute),
    active: String(s.max_active), hold_s: seconds(s.hold_ttl_ms), extension_s: seconds(s.extension_ms), grace_s: seconds(s.grace_ms), presence_s: seconds(s.presence_ms), gather_s: seconds(s.gather_ms), answer_s: seconds(s.answer_ms), rejoin: s.rejoin, allotment: s.allotment === undefined ? "" : String(s.allotment),
    beacon: s.beacon ?? "public", without_min: s.unprovable_after_s === undefined ? "" : String(s.unprovable_after_s / 60),
  };
}
export function toSale(v: SaleValues, zone: string, was?: Sale): SaleDraft {
  const opens_at_ms = kept(v.opens, zone, was?.opens_at_ms) ?? wrong("the opening needs a date and a time");
  const closes_at_ms = kept(v.closes, zone, was?.closes_at_ms) ?? wrong("the end needs a date and a time");
  if (closes_at_ms <= opens_at_ms) wrong("the sale must end after it opens");
  const optional = (local: string, before?: number): number | undefined => (local === "" ? undefined : kept(local, zone, before) ?? wrong("a time is not complete: give a date and a time, or leave it empty"));
  const lobby_opens_at_ms = optional(v.lobby, was?.lobby_opens_at_ms);
  const wait_ends_at_ms = optional(v.wait, was?.wait_ends_at_ms);
  if (lobby_opens_at_ms !== undefined && lobby_opens_at_ms >= opens_at_ms) wrong("the lobby must open before the sale; leave it empty for a sale without a lobby");
  if (wait_ends_at_ms !== undefined && wait_ends_at_ms <= closes_at_ms) wrong("the wait must end after the sale closes; leave it empty to end it then");
  if (v.ordering === "draw_only" && lobby_opens_at_ms === undefined) wrong("a draw needs a lobby: say when it opens, or choose another order");
  const ms = (s: string): number => Math.round(Number(s) * 1000);
  return {
    name: v.name.trim(), lobby_opens_at_ms, opens_at_ms, closes_at_ms, wait_ends_at_ms, ordering: v.ordering as SaleDraft["ordering"], entry: v.entry as SaleDraft["entry"], seating: v.seating as SaleDraft["seating"], shop_ms: Math.round(Number(v.shop_min) * 60_000), party_max: Number(v.party_max), rate_per_minute: Number(v.rate), max_active: Number(v.active),
    hold_ttl_ms: ms(v.hold_s), extension_ms: ms(v.extension_s), grace_ms: ms(v.grace_s), presence_ms: ms(v.presence_s), gather_ms: ms(v.gather_s), answer_ms: ms(v.answer_s), rejoin: v.rejoin,
    allotment: v.allotment === "" ? undefined : Number(v.allotment), beacon: v.beacon as SaleDraft["beacon"],
    unprovable_after_s: v.beacon === "none" || v.without_min === "" ? undefined : Math.round(Number(v.without_min) * 60),
  };
}

/** `published`: who chooses the seats is fixed then. */
export function SaleForm({ zone, published, ...p }: {
  zone: string; published?: boolean; start: Version<SaleValues>; button: string; cancel?: () => void;
  save: (v: SaleValues, etag: string | null, confirm?: string) => Promise<Version<SaleValues>>; latest?: () => Promise<Version<SaleValues>>;
}): JSX.Element {
  const number = { type: "number", required: true, step: "any" as const };
  return (
    <Edit {...p} testid="save-sale" labels={{
      name: "Name", opens: "Opens", closes: "Closes", lobby: "Lobby opens", wait: "Wait ends", ordering: "Order", entry: "Who may join", seating: "Who chooses the seats", shop_min: "Time to choose", party_max: "Tickets per place", rate: "Let in per minute", active: "At once",
      hold_s: "Hold", extension_s: "Extension", grace_s: "Grace", presence_s: "Presence", gather_s: "Gathering", answer_s: "Time to answer", rejoin: "Joining again", allotment: "Allotment", beacon: "Randomness of the draw", without_min: "Draw without it after",
    }}>
      {(v, set) => (
        <>
          <Field label="Name" wide required maxLength={100} value={v.name} set={set("name")} />
          <Field label="Opens" type="datetime-local" required step={seconds(v.opens)} value={v.opens} set={set("opens")} hint={`Time in ${zone}.`} />
          <Field label="Closes" type="datetime-local" required step={seconds(v.closes)} value={v.closes} set={set("closes")} hint={`Time in ${zone}.`} />
          <Field label="Lobby opens" type="datetime-local" step={seconds(v.lobby)} value={v.lobby} set={set("lobby")} hint="Fans gather from then on. Empty: no lobby." />
          <Field label="Wait ends" type="datetime-local" step={seconds(v.wait)} value={v.wait} set={set("wait")} hint="Until then those in line at the close are still let in. Empty: the wait ends at the close." />
          <Select label="Order" value={v.ordering} set={set("ordering")} options={[
            ["draw_then_fifo", "Lobby by draw, then first come"], ["fifo", "First come, first served"], ["draw_only", "Lobby only, by draw"], ["invited_first", "Invited first, then as drawn"],
          ]} />
          {v.lobby !== "" && v.ordering !== "fifo" && <>
            <Select label="Randomness of the draw" value={v.beacon} set={set("beacon")} options={[["public", "Public: anybody can check it"], ["none", "None: the draw proves nothing"]]} hint="Published when the lobby opens, and fixed from then on." />
            {v.beacon !== "none" && <Field label="If it is late, draw without it after (minutes)" type="number" min={1} max={1440} step="any" value={v.without_min} set={set("without_min")} hint="The draw then says that it proves nothing. Empty: it waits, or an operator carries the value in." />}
          </>}
          <Select label="Who may join" value={v.entry} set={set("entry")} options={[["open", "Everybody"], ["account", "Accounts only"], ["code", "Holders of an access code"], ["invited", "Invited accounts only"]]} />
          <Select label="Who chooses the seats" value={v.seating} set={set("seating")} disabled={published} options={[["assign", "The system: the best that fit, in the line’s order"], ["pick", "The fans, on a live map"]]}
            hint={published ? "Fixed, since the sale is published." : "The line decides whose turn it is either way. Fixed once the sale is published."} />
          {v.seating === "pick" && <Field {...number} label="Time to choose the first seat (minutes)" min={0.17} max={60} value={v.shop_min} set={set("shop_min")} hint="Who holds none by then loses the turn to the next in line. With the first seat the hold’s time begins." />}
          <Field label="Allotment" type="number" min={1} max={1000000} step={1} value={v.allotment} set={set("allotment")} hint="How many of the event’s seats this sale may sell. Empty: all that are left; then no other sale may run at the same time." />
          <Field {...number} label="Tickets per place" min={1} max={8} step={1} value={v.party_max} set={set("party_max")} hint="1 to 8." />
          <Field {...number} label="Let in per minute" min={1} max={600000} step={1} value={v.rate} set={set("rate")} hint="Operators can change it live." />
          <Field {...number} label="Shopping at once, at most" min={1} max={1000000} step={1} value={v.active} set={set("active")} hint="Let in, holding seats or paying." />
          <Field {...number} label="Seats are held for (seconds)" min={2} max={3600} value={v.hold_s} set={set("hold_s")} />
          <Field {...number} label="One extension by (seconds)" min={0} max={1800} value={v.extension_s} set={set("extension_s")} hint="When paying starts, or when the fan asks." />
          <Field {...number} label="An absent fan keeps the head for (seconds)" min={0} max={3600} value={v.grace_s} set={set("grace_s")} />
          <Field {...number} label="Counts as present for (seconds)" min={5} max={600} value={v.presence_s} set={set("presence_s")} hint="After the page’s last sign of life." />
          <Field {...number} label="Free seats are kept for a party at the head (seconds)" min={0} max={600} value={v.gather_s} set={set("gather_s")} hint="Once, while others may come free beside them. Then they go to those behind." />
          <Field {...number} label="Time to answer when nothing fits any more (seconds)" min={2} max={600} value={v.answer_s} set={set("answer_s")} hint="The nearest that is left is offered: fewer, apart, or another price." />
          <div class="field wide"><Tick label="Who ended without tickets may join again, at the back" on={v.rejoin} set={set("rejoin")} /></div>
        </>
      )}
    </Edit>
  );
}
