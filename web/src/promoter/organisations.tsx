// The organisations one belongs to, and one organisation's events and members.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { api, get, useOnce, useWho } from "../console/session";
import { Chip, Fault, Field, Heading, Loading, Select, useLoad, useWork, Scroll } from "../console/ui";
import { shortTime } from "../logic/time";
import { plural, saleWords } from "../logic/words";
import type { Event, Organisation } from "../wire";
import { EventForm, noEvent, toDraft } from "./event-form";

export function Organisations(): JSX.Element {
  const { me, reload } = useWho();
  const [name, setName] = useState("");
  const w = useWork();
  const once = useOnce();
  const mine = [...new Map(me.memberships.map((m) => [m.organisation_id, m.organisation]))];
  return (
    <>
      <Heading title="Organisations">Organisations</Heading>
      {mine.length === 0
        ? <p class="card">You belong to no organisation yet. Create one below, or ask a promoter of yours to add {me.email}.</p>
        : <ul class="list">{mine.map(([id, title]) => (
          <li key={id} class="card"><a href={"#/o/" + id} data-testid="organisation">{title}</a>
            <span class="small">{me.memberships.filter((m) => m.organisation_id === id).map((m) => m.role).join(" and ")}</span></li>))}
        </ul>}
      <form class="card narrow" onSubmit={(e) => {
        e.preventDefault();
        void w.run(async () => {
          const o = (await once<Organisation>("/v1/organisations", { name: name.trim() })).data;
          setName("");
          await reload();
          location.hash = "#/o/" + o.organisation_id;
        });
      }}>
        <h2>New organisation</h2>
        <Field label="Name" required maxLength={100} value={name} set={setName} />
        <Fault p={w.fault} />
        <div class="row"><button class="main" type="submit" aria-disabled={w.busy}>Create</button></div>
      </form>
    </>
  );
}

export function OrganisationPage({ id }: { id: string }): JSX.Element {
  const { me } = useWho();
  const path = `/v1/organisations/${encodeURIComponent(id)}`;
  const events = useLoad(() => get<Event[]>(path + "/events"), [id]);
  const [adding, setAdding] = useState(false);
  const once = useOnce();
  const title = me.memberships.find((m) => m.organisation_id === id)?.organisation ?? "Organisation";
  return (
    <>
      <p class="where"><a href="#/">Organisations</a></p>
      <Heading title={title}>{title}</Heading>
      <div class="between"><h2>Events</h2>{!adding && <button class="main" type="button" data-testid="new-event" onClick={() => setAdding(true)}>New event</button>}</div>
      {adding && (
        <div class="card"><h3>New event</h3>
          <EventForm start={{ values: noEvent(), etag: null }} button="Create" cancel={() => setAdding(false)} save={async (v) => {
            const e = (await once<Event>(path + "/events", toDraft(v))).data;
            location.hash = `#/e/${e.event_id}/seats`;
            return { values: v, etag: null };
          }} />
        </div>
      )}
      {!events.data ? <Loading what="events" fault={events.fault} again={() => void events.reload()} />
        : events.data.length === 0 ? <p class="card">No event yet. An event needs a name, a venue and a time; then a seat map, then a sale.</p>
        : <Scroll label="Events"><table>
          <thead><tr><th scope="col">Event</th><th scope="col">When</th><th scope="col">Seats</th><th scope="col">Sales</th><th scope="col">State</th></tr></thead>
          <tbody>{events.data.map((e) => (
            <tr key={e.event_id}>
              <th scope="row"><a href={"#/e/" + e.event_id} data-testid="event">{e.name}</a><span class="small">{e.venue}</span></th>
              <td>{shortTime(e.starts_at_ms, e.time_zone)}</td>
              <td class="num">{e.capacity.toLocaleString()}</td>
              <td>{e.sales.length === 0 ? "none" : e.sales.length === 1 ? saleWords[e.sales[0]!.state] : plural(e.sales.length, "sale")}</td>
              <td><Chip kind={e.publication}>{e.publication === "draft" ? "Draft" : "Published"}</Chip></td>
            </tr>))}
          </tbody></table></Scroll>}
      <Members path={path} />
    </>
  );
}

function Members({ path }: { path: string }): JSX.Element {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState("operator");
  const [added, setAdded] = useState("");
  const w = useWork();
  return (
    <details class="card"><summary>Add a member</summary>
      <form class="narrow" onSubmit={(e) => {
        e.preventDefault();
        setAdded("");
        void w.run(async () => {
          await api("POST", path + "/members", { body: { email: email.trim(), role } });
          setAdded(`${email.trim()} is ${role === "operator" ? "an operator" : "a promoter"} now.`);
          setEmail("");
        });
      }}>
        <Field label="E-mail of an existing account" type="email" required value={email} set={setEmail} />
        <Select label="May" value={role} set={setRole} options={[["operator", "watch and tune admission (operator)"], ["promoter", "set up events and sales, refund (promoter)"]]} />
        <Fault p={w.fault} />
        <div class="row"><button type="submit" aria-disabled={w.busy}>Add</button><span role="status">{added}</span></div>
      </form>
    </details>
  );
}
