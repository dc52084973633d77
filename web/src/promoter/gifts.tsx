// Complimentary tickets: giving blocked seats, who has some, and taking them back.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { api, get, useOnce } from "../console/session";
import { Chip, Fault, Field, Loading, Scroll, usePages, useWork } from "../console/ui";
import { stamp } from "../logic/spans";
import { plural } from "../logic/words";
import { Act } from "../operator/act";
import type { Event, Gift, Gifts } from "../wire";

export function GiftList({ event }: { event: Event }): JSX.Element | null {
  const l = usePages((query) => get<Gifts>(`/v1/events/${event.event_id}/gifts${query}`).then((a) => a.gifts), (g) => g.gift_id, [event.event_id]);
  const { all } = l;
  if (!all) return <Loading what="complimentary tickets" fault={l.fault} again={() => void l.reload()} />;
  if (all.length === 0) return null;
  return (
    <section>
      <h2>Complimentary tickets</h2>
      <Scroll label="Complimentary tickets"><table>
        <thead><tr><th scope="col">Reference</th><th scope="col">State</th><th scope="col">For</th><th scope="col">Seats</th><th scope="col">Given</th><th scope="col">Take back</th></tr></thead>
        <tbody>{all.map((g) => (
          <tr key={g.gift_id} data-testid="gift">
            <th scope="row"><code>{g.reference}</code></th>
            <td>{g.revoked_at_ms === undefined ? <Chip kind="paid">Given</Chip> : <Chip kind="refunded">Taken back</Chip>}</td>
            <td>{g.name}<span class="block small">{g.email}</span></td>
            <td>{g.seats.map((s) => <span key={s} class="block">{s}</span>)}</td>
            <td>{stamp(g.made_at_ms, event.time_zone)}<span class="block small">by {g.by}</span></td>
            <td>{g.revoked_at_ms === undefined ? <Act testid="revoke" danger label="Take back…" yes="Take back" ask={`The tickets of ${g.name} are marked as taken back, here and where ${g.name} finds them; the seats stay blocked. Their codes stay genuine: a scanner that only checks the signature still lets them in, so tell whoever is at the entrance.`} reason="Reason, for the history"
              send={async (reason) => {
                const { data } = await api<Gift>("POST", `/v1/gifts/${g.gift_id}/revoke`, { body: { reason } });
                l.change((all) => all.map((x) => (x.gift_id === data.gift_id ? data : x)));
              }} /> : "–"}</td>
          </tr>))}
        </tbody></table></Scroll>
      {l.more}
    </section>
  );
}

/** Makes tickets of some seats of a block. */
export function Give({ path, block, seats, done }: { path: string; block: string; seats: number[]; done: () => void }): JSX.Element {
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [told, setTold] = useState<Gift | null>(null);
  const w = useWork();
  const once = useOnce();
  return (
    <form onSubmit={(e) => {
      e.preventDefault();
      void w.run(async () => {
        setTold((await once<Gift>(path + "/gifts", { block_id: block, seats, name, email })).data);
        setName("");
        setEmail("");
        done();
      });
    }}>
      {seats.length > 0 && (
        <>
          <h3>Give {plural(seats.length, "ticket")} to somebody</h3>
          <div class="fields">
            <Field label="Name" required maxLength={200} value={name} set={setName} data-testid="gift-name" />
            <Field label="E-mail" type="email" required value={email} set={setEmail} hint="With it and the reference they find their tickets." data-testid="gift-email" />
          </div>
          <div class="row"><button type="submit" class="main" aria-disabled={w.busy} data-testid="gift-give">{w.busy ? "One moment…" : "Give"}</button></div>
        </>
      )}
      <Fault p={w.fault} />
      <p role="status">{told && <>Given to {told.name}. They find {plural(told.seats.length, "ticket")} at <a href="/find">Find a booking</a> with {told.email} and <code>{told.reference}</code>.</>}</p>
    </form>
  );
}
