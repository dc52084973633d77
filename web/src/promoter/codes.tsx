// Codes and lists of one of the event's sales.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { EntryPage } from "../console/codes";
import { useWho } from "../console/session";
import { Select } from "../console/ui";
import type { Event } from "../wire";

export function CodesTab({ event }: { event: Event }): JSX.Element {
  const { me } = useWho();
  const first = event.sales.find((s) => s.entry === "code" || s.entry === "invited" || s.ordering === "invited_first") ?? event.sales[0];
  const [id, setId] = useState(first?.sale_id ?? "");
  const sale = event.sales.find((s) => s.sale_id === id);
  if (!sale) return <p class="card">Codes and lists are of one sale. Set up a sale first.</p>;
  const promotes = me.memberships.some((m) => m.organisation_id === event.organisation_id && m.role === "promoter");
  return (
    <>
      {event.sales.length > 1 && <div class="fields card"><Select label="Of which sale" value={id} set={setId} options={event.sales.map((s) => [s.sale_id, s.name])} /></div>}
      <EntryPage key={id} sale={sale} zone={event.time_zone} promotes={promotes} />
    </>
  );
}
