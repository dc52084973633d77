// The event's bookings, page by page, with refunds.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { api, get } from "../console/session";
import { Chip, Fault, Field, Loading, TwoStep, useLoad, useWork, Scroll } from "../console/ui";
import { money } from "../logic/money";
import { bookingWords } from "../logic/booking-words";
import { plural } from "../logic/words";
import type { Booking, Bookings, Event } from "../wire";
import { GiftList } from "./gifts";

const PAGE = 200;

export function BookingsTab({ event }: { event: Event }): JSX.Element {
  return <><Sold event={event} /><GiftList event={event} /></>;
}

function Sold({ event }: { event: Event }): JSX.Element {
  const path = `/v1/events/${event.event_id}/bookings`;
  const [search, setSearch] = useState("");
  const [ended, setEnded] = useState(false);
  const more = useWork();
  const l = useLoad(async () => {
    const { bookings } = await get<Bookings>(`${path}?limit=${PAGE}`);
    return { bookings, end: bookings.length < PAGE };
  }, [event.event_id]);
  if (!l.data) return <Loading what="bookings" fault={l.fault} again={() => void l.reload()} />;
  const { bookings, end } = l.data;
  const wanted = search.trim().toLowerCase();
  const shown = bookings.filter((b) => !wanted || [b.reference, b.email, b.state, ...b.seats.map((s) => s.label)].join(" ").toLowerCase().includes(wanted));
  const replace = (b: Booking): void => l.set({ bookings: bookings.map((x) => (x.booking_id === b.booking_id ? b : x)), end });
  const next = (): void => void more.run(async () => {
    const last = bookings[bookings.length - 1]!;
    const got = await get<Bookings>(`${path}?limit=${PAGE}&after=${last.booking_id}`);
    const known = new Set(bookings.map((b) => b.booking_id));
    const fresh = got.bookings.filter((b) => !known.has(b.booking_id));
    l.set({ bookings: [...bookings, ...fresh], end: got.bookings.length < PAGE || fresh.length === 0 });
    setEnded(true);
  });
  if (bookings.length === 0) return <p class="card">No bookings yet. They appear here as soon as seats are held. <button type="button" onClick={() => void l.reload()}>Look again</button></p>;
  return (
    <>
      <div class="between">
        <Field label="Search in what is loaded" type="search" value={search} set={setSearch} hint="Reference, e-mail, seat or state." />
        <button type="button" onClick={() => void l.reload()}>Load anew</button>
      </div>
      <p class="small" role="status">{plural(shown.length, "booking")}{wanted ? ` of ${bookings.length}` : ""}{end ? "" : ", more can be loaded"}</p>
      <Scroll label="Bookings"><table>
        <thead><tr><th scope="col">Reference</th><th scope="col">State</th><th scope="col">E-mail</th><th scope="col">Seats</th><th scope="col" class="num">Amount</th><th scope="col">Refund</th></tr></thead>
        <tbody>{shown.map((b) => <Row key={b.booking_id} b={b} replace={replace} />)}</tbody>
      </table></Scroll>
      {shown.length === 0 && <p>Nothing that is loaded matches.</p>}
      <Fault p={more.fault} />
      {!end ? <div class="row"><button type="button" aria-disabled={more.busy} onClick={next}>{more.busy ? "Loading…" : "Load more"}</button></div> : ended && <p class="small">That is all.</p>}
    </>
  );
}

function Row({ b, replace }: { b: Booking; replace: (b: Booking) => void }): JSX.Element {
  return (
    <tr>
      <th scope="row"><code>{b.reference}</code></th>
      <td><Chip kind={b.state}>{bookingWords[b.state]}</Chip></td>
      <td>{b.email ?? "–"}</td>
      <td>{b.seats.map((s) => <span key={s.seat} class="block">{s.label}</span>)}</td>
      <td class="num">{money(b.amount_minor, b.currency)}</td>
      <td>{b.state === "paid" ? (
        <TwoStep label="Refund" ask={`Send ${money(b.amount_minor, b.currency)} back and make the tickets of ${b.reference} invalid?`} yes="Refund" danger testid="refund"
          act={async () => replace((await api<Booking>("POST", `/v1/bookings/${b.booking_id}/refund`)).data)} />
      ) : "–"}</td>
    </tr>
  );
}
