// Choosing a sale of one's organisations.

import type { JSX } from "preact";
import { get, useWho } from "../console/session";
import { Chip, Heading, Loading, useLoad, Scroll } from "../console/ui";
import { shortTime } from "../logic/time";
import { stateWords } from "../logic/spans";
import type { Event, Sale } from "../wire";

const URGENT: Sale["state"][] = ["open", "drawing", "paused", "closing", "lobby", "scheduled", "sold_out", "closed", "draft"];

export function Pick(): JSX.Element {
  const { me } = useWho();
  const organisations = [...new Map(me.memberships.map((m) => [m.organisation_id, m.organisation]))];
  const l = useLoad(async () => {
    const events = (await Promise.all(organisations.map(([id]) => get<Event[]>(`/v1/organisations/${id}/events`)))).flat();
    return events.flatMap((event) => event.sales.map((sale) => ({ event, sale })))
      .sort((a, b) => URGENT.indexOf(a.sale.state) - URGENT.indexOf(b.sale.state) || a.sale.opens_at_ms - b.sale.opens_at_ms);
  }, [organisations.map(([id]) => id).join()]);
  return (
    <>
      <Heading title="Sales">Sales</Heading>
      {organisations.length === 0 ? <p class="card">You belong to no organisation. A promoter can add {me.email} as an operator.</p>
        : !l.data ? <Loading what="sales" fault={l.fault} again={() => void l.reload()} />
        : l.data.length === 0 ? <p class="card">None of your organisations has a sale yet. Promoters set them up in the <a href="/promoter">promoter console</a>.</p>
        : <Scroll label="Sales"><table>
          <thead><tr><th scope="col">Sale</th><th scope="col">State</th><th scope="col">Opens</th></tr></thead>
          <tbody>{l.data.map(({ event, sale }) => (
            <tr key={sale.sale_id}>
              <th scope="row"><a href={"#/s/" + sale.sale_id} data-testid="pick-sale">{event.name}: {sale.name}</a><span class="small">{event.venue}</span></th>
              <td><Chip kind={sale.stopped ? "stopped" : sale.state}>{stateWords(sale)}</Chip></td>
              <td>{shortTime(sale.opens_at_ms, event.time_zone)}</td>
            </tr>))}
          </tbody></table></Scroll>}
    </>
  );
}
