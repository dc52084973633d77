// Finding one fan's place by the support code that they read out, and mending it.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api";
import { api, get } from "../console/session";
import { Chip, Fault, Field, Scroll, Select, useWork } from "../console/ui";
import { classWords, placeWords, stepWords } from "../logic/history";
import { stamp } from "../logic/spans";
import { count, plural } from "../logic/words";
import type { AuditLine, FoundPlace } from "../wire";
import { Act } from "./act";

const WAITS = new Set(["waiting", "skipped", "standing"]);
const BACK = new Set(["skipped", "lapsed", "released", "failed", "left", "removed", "sold_out", "idle"]);

/** What may be done to a place in this state. */
export function mayDo(p: Pick<FoundPlace, "state" | "class">): { remove: boolean; back: boolean; front: boolean } {
  return { remove: WAITS.has(p.state), back: BACK.has(p.state), front: (p.state === "waiting" && p.class !== 0) || BACK.has(p.state) };
}

export function Mending({ sale, zone, own, audit }: { sale: string; zone: string; own: string; audit: { lines: AuditLine[]; reload: () => Promise<void> } }): JSX.Element {
  const path = `/v1/sales/${encodeURIComponent(sale)}/places`;
  const [code, setCode] = useState("");
  const [found, setFound] = useState<FoundPlace[] | null>(null);
  const [told, setTold] = useState("");
  const w = useWork();
  const result = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (found) result.current?.focus();
  }, [found !== null]);
  const read = async (asked: string): Promise<void> => {
    try {
      setFound((await get<{ places: FoundPlace[] }>(`${path}/by-code/${encodeURIComponent(asked)}`)).places);
    } catch (e) {
      setFound(null);
      const p = e as Problem;
      throw p.status === 404 ? new Problem(404, p.code, "No place of this sale has this code", "it may be of another sale: ask for which event and sale it is, and check the code") : p;
    }
  };
  const mended = (words: string) => async (): Promise<void> => {
    setTold(words);
    await Promise.all([w.run(() => read(code.trim())), audit.reload()]);
  };
  return (
    <>
      <form class="card" onSubmit={(e) => { e.preventDefault(); setTold(""); void w.run(() => read(code.trim())); }}>
        <h2>Find a place</h2>
        <p>Fans find their support code on their page under “Your place”. It opens nothing: it only says which place is meant.</p>
        <div class="fields">
          <Field label="Support code" required maxLength={20} autocomplete="off" value={code} set={setCode} hint="Such as K3M9-7QXA-D. Capitals and dashes do not matter." data-testid="support-code" />
        </div>
        <Fault p={w.fault} />
        <div class="row"><button type="submit" class="main" aria-disabled={w.busy} data-testid="find-place">{w.busy ? "Looking…" : "Find"}</button></div>
      </form>
      <Insert path={path} done={async (made) => {
        setCode(made);
        setTold(`The fan has a place: its support code is ${made}. Their page shows it as soon as it is looked at.`);
        await Promise.all([w.run(() => read(made)), audit.reload()]);
      }} />
      <p role="status" class={told ? "note" : "vh"} data-testid="mended">{told}</p>
      <div ref={result} tabIndex={-1}>
        {found && found.length > 1 && <p class="note">By a rare chance, {plural(found.length, "place")} have this code. Ask when the fan joined.</p>}
        {found?.map((p) => <Found key={p.place_id} p={p} zone={zone} own={own} lines={audit.lines} path={path} mended={mended} />)}
      </div>
    </>
  );
}

function Insert({ path, done }: { path: string; done: (code: string) => Promise<void> }): JSX.Element {
  const [email, setEmail] = useState("");
  const [party, setParty] = useState("1");
  const [to, setTo] = useState("back");
  const send = async (reason: string): Promise<void> => {
    const made = (await api<{ support_code: string }>("POST", `${path}/insert`, { body: { email: email.trim(), party: Number(party), to, reason } })).data;
    setEmail("");
    await done(made.support_code);
  };
  return (
    <section class="card">
      <h2>Give a place to somebody who has none</h2>
      <p>For a fan who lost their place through no fault of theirs. The history, the sale’s public log and the report name it as an exception. Who has or had a place gets it put back instead.</p>
      <div class="fields">
        <Field label="Address of the fan’s account" type="email" required maxLength={254} autocomplete="off" value={email} set={setEmail} data-testid="insert-email" />
        <Field label="Tickets" type="number" required min={1} max={8} step={1} value={party} set={setParty} />
        <Select label="Where to" value={to} set={setTo} options={[["back", "Behind everybody"], ["front", "The head of the line"]]} />
      </div>
      <div class="row"><Act testid="insert-place" off={email.trim() === "" ? "Type the address first" : undefined} label="Give the place…" yes="Give it" ask={to === "front" ? "The place is next, before everybody who waits by number." : "The place comes behind everybody who is in the line now."} reason="Reason" hint="It stands in the history, and the fan reads it." send={send} /></div>
    </section>
  );
}

function Found({ p, zone, own, lines, path, mended }: {
  p: FoundPlace; zone: string; own: string; lines: AuditLine[]; path: string; mended: (words: string) => () => Promise<void>;
}): JSX.Element {
  const may = mayDo(p);
  const who = (account: string): string => (account === own ? "you" : lines.find((l) => l.account_id === account)?.email ?? account);
  const send = (what: string, done: string, more: object = {}) => async (reason: string): Promise<void> => {
    await api("POST", `${path}/${p.place_id}/${what}`, { body: { reason, ...more } });
    await mended(done)();
  };
  const reason = { reason: "Reason", hint: "It stands in the history, and the fan reads it." };
  return (
    <section class="card" data-testid="found-place" data-state={p.state}>
      <div class="between"><h2>Place {p.support_code}</h2><p><Chip kind={p.state}>{placeWords[p.state]}</Chip></p></div>
      <dl class="facts">
        <div><dt>Entry</dt><dd>{count(p.entry)}</dd></div>
        <div><dt>Number</dt><dd>{count(p.number)}</dd></div>
        <div><dt>Class</dt><dd>{classWords(p.class)}{p.reason ? ` (${p.reason})` : ""}</dd></div>
        <div><dt>Tickets wanted</dt><dd>{p.party}</dd></div>
        <div><dt>Joined</dt><dd>{stamp(p.joined_at_ms, zone)}</dd></div>
      </dl>
      <h3>What happened to it</h3>
      <Scroll label="History of the place"><table class="lines" role="table" data-testid="place-history">
        <thead role="rowgroup"><tr role="row">{["When", "What", "Who"].map((c) => <th key={c} scope="col" role="columnheader">{c}</th>)}</tr></thead>
        <tbody role="rowgroup">{p.steps.map((s, i) => {
          const { what, why } = stepWords(s, zone, false);
          return <tr role="row" key={s.at_ms + s.step + i}><td role="cell" class="tight-cell">{stamp(s.at_ms, zone)}</td><th scope="row" role="rowheader">{what}{why && <span class="small">{why}</span>}</th><td role="cell" class="who">{s.account_id && who(s.account_id)}</td></tr>;
        })}</tbody></table></Scroll>
      <h3>Mend it</h3>
      {p.state === "holding" && <p>Seats are held for this place. It can be mended once they are paid, given back, or the hold has run out.</p>}
      {p.state === "booked" && <p>This place ended with tickets. A promoter can refund its booking.</p>}
      {p.state === "refunded" && <p>This place’s money went back. The fan can join again at the back.</p>}
      <div class="row">
        {may.back && <Act testid="put-back" label="Put back where it was…" yes="Put it back" ask="The place waits again by its own number: who came later goes after it." {...reason} send={send("put-back", "The place is back in the line. The fan’s page shows it as soon as it is looked at again.", { to: "own_place" })} />}
        {may.front && <Act testid="put-front" label="Put to the head of the line…" yes="Put it to the head" ask="The place is next, before everybody who waits by number. The report counts it as put there." {...reason} send={send("put-back", "The place is at the head of the line. A page that had seen it end shows it as soon as it is looked at again.", { to: "front" })} />}
        {may.remove && <Act testid="remove" danger label="Take out of the line…" yes="Take it out" ask="The place ends. The fan reads the reason, and can join again at the back if the sale allows it." {...reason} send={send("remove", "The place was taken out of the line.")} />}
      </div>
    </section>
  );
}
