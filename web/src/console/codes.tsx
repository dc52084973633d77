// Who may enter a sale: access codes, lists of invitations, and how many came by them and went ahead.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Problem } from "../api";
import { classWords } from "../logic/history";
import { fromZoned, shortTime } from "../logic/time";
import { percent } from "../logic/spans";
import { count, plural } from "../logic/words";
import type { Code, EntryView, Imported, MadeCode, Sale } from "../wire";
import { api, get } from "./session";
import { Fault, Field, Loading, Scroll, Select, Tick, TwoStep, useLoad, useWork } from "./ui";

const PAGE = 200;
const over = (c: Code): boolean => c.expires_at_ms !== undefined && c.expires_at_ms <= Date.now();

export function EntryPage({ sale, zone, promotes }: { sale: Sale; zone: string; promotes: boolean }): JSX.Element {
  const path = `/v1/sales/${encodeURIComponent(sale.sale_id)}`;
  const view = useLoad(() => get<EntryView>(path + "/entry"), [path]);
  const [more, setMore] = useState<Code[]>([]);
  const [full, setFull] = useState(false);
  const codes = useLoad(async () => {
    const first = (await get<{ codes: Code[] }>(`${path}/codes?limit=${PAGE}`)).codes;
    setMore([]);
    setFull(first.length < PAGE);
    return first;
  }, [path]);
  const next = useWork();
  const reload = async (): Promise<void> => void (await Promise.all([view.reload(), codes.reload()]));
  const all = [...(codes.data ?? []), ...more];
  return (
    <>
      <section class="card">
        <h2>Who came, and who went ahead</h2>
        <p>{entryWords(sale)}</p>
        {!view.data ? <Loading what="the counts" fault={view.fault} again={() => void view.reload()} /> : <Counts v={view.data} />}
      </section>
      {promotes && <MakeCode path={path} zone={zone} classes={sale.ordering === "invited_first"} done={reload} />}
      {promotes && <ImportList path={path} done={reload} />}
      {promotes && <Uninvite path={path} done={reload} />}
      <section class="card">
        <h2>Codes</h2>
        <p class="small">Codes themselves are not kept, only how they begin. Who lost one has it ended and gets another.</p>
        {!codes.data ? <Loading what="the codes" fault={codes.fault} again={() => void codes.reload()} /> : all.length === 0 ? <p>No code yet.</p>
          : <Scroll label="Codes"><table data-testid="codes">
            <thead><tr><th scope="col">Begins with</th><th scope="col">What for</th><th scope="col">Goes first</th><th scope="col" class="num">Used</th><th scope="col">Good until</th>{promotes && <th scope="col"><span class="vh">End it</span></th>}</tr></thead>
            <tbody>{all.map((c) => <tr key={c.code_id}>
              <th scope="row"><code>{c.prefix}…</code></th><td>{c.label || "–"}</td><td>{c.class === undefined ? "–" : `class ${c.class}`}</td>
              <td class="num">{count(c.uses)} of {count(c.uses_max)}</td><td>{c.expires_at_ms === undefined ? "the sale’s end" : over(c) ? `ended ${shortTime(c.expires_at_ms, zone)}` : shortTime(c.expires_at_ms, zone)}</td>
              {promotes && <td>{!over(c) && <TwoStep label="End…" ask={`Nobody joins by ${c.prefix}… any more. Who did keeps the place.`} yes="End the code" danger testid="end-code" act={async () => { await api("DELETE", `${path}/codes/${c.code_id}`); await reload(); }} />}</td>}
            </tr>)}</tbody></table></Scroll>}
        <Fault p={next.fault} />
        {all.length > 0 && !full && <p><button type="button" aria-disabled={next.busy} onClick={() => void next.run(async () => {
          const page = (await get<{ codes: Code[] }>(`${path}/codes?limit=${PAGE}&after=${all[all.length - 1]!.code_id}`)).codes;
          setMore([...more, ...page]);
          setFull(page.length < PAGE);
        })}>Load more</button></p>}
      </section>
    </>
  );
}

function entryWords(s: Sale): string {
  const who = { open: "Everybody may join.", account: "Everybody with an account may join.", code: "A code is needed to join.", invited: "Only accounts whose e-mail address is on the list may join." }[s.entry];
  return `${who} ${s.ordering === "invited_first" ? "Places with a class go first, smaller classes before larger." : "Classes do not change the order of this sale."}`;
}

function Counts({ v }: { v: EntryView }): JSX.Element {
  return (
    <>
      <dl class="facts">
        <div><dt>Codes</dt><dd data-testid="codes-made">{count(v.codes)}</dd></div>
        <div><dt>Uses</dt><dd data-testid="codes-used">{count(v.uses)} of {count(v.uses_max)}</dd></div>
        <div><dt>Addresses invited</dt><dd data-testid="invited">{count(v.invited)}</dd></div>
      </dl>
      {v.invited > 0 && <p class="small">{UNVERIFIED}</p>}
      {v.classes.length === 0 ? <p>Nobody has joined yet.</p> : <Scroll label="Who came, by class and reason"><table data-testid="entry-classes">
        <thead><tr><th scope="col">Class</th><th scope="col">Why</th><th scope="col" class="num">Joined</th><th scope="col" class="num">Let in</th></tr></thead>
        <tbody>{v.classes.map((c) => <tr key={c.class + c.reason}><th scope="row">{classWords(c.class)}</th><td>{c.reason || (c.class === 0 ? "put there by an operator" : "like anybody")}</td><td class="num">{count(c.joined)}</td><td class="num">{count(c.admitted)}{c.joined > 0 && <small>{percent(c.admitted / c.joined)}</small>}</td></tr>)}</tbody>
      </table></Scroll>}
    </>
  );
}

function MakeCode({ path, zone, classes, done }: { path: string; zone: string; classes: boolean; done: () => Promise<void> }): JSX.Element {
  const [own, setOwn] = useState("");
  const [label, setLabel] = useState("");
  const [uses, setUses] = useState("1");
  const [until, setUntil] = useState("");
  const [cls, setClass] = useState("");
  const [made, setMade] = useState<MadeCode | null>(null);
  const [copied, setCopied] = useState("");
  const w = useWork();
  return (
    <form class="card" onSubmit={(e) => {
      e.preventDefault();
      void w.run(async () => {
        setMade(null);
        setCopied("");
        const expires_at_ms = until === "" ? undefined : fromZoned(until, zone) ?? undefined;
        setMade((await api<MadeCode>("POST", path + "/codes", { body: { code: own.trim() || undefined, label: label.trim(), uses_max: Number(uses), expires_at_ms, class: cls === "" ? undefined : Number(cls) } })).data);
        setOwn("");
        await done();
      });
    }}>
      <h2>Make a code</h2>
      <div class="fields">
        <Field label="What for" maxLength={100} value={label} set={setLabel} hint="For example “fan club”; it stands in the counts." data-testid="code-label" />
        <Field label="Good for so many places" type="number" required min={1} max={1_000_000} step={1} value={uses} set={setUses} data-testid="code-uses" />
        <Field label="Good until" type="datetime-local" value={until} set={setUntil} hint={`Time in ${zone}. Empty: until the sale ends.`} />
        <Select label="Goes first as class" value={cls} set={setClass} options={[["", "none"], ...Array.from({ length: 9 }, (_, i): [string, string] => [String(i + 1), String(i + 1)])]} hint={classes ? "1 goes before 2, and so on." : "This sale’s order does not use classes."} />
        <Field label="The code itself" maxLength={80} autocomplete="off" value={own} set={setOwn} hint="6 to 64 letters and digits. Empty: we make one that nobody guesses." data-testid="code-own" />
      </div>
      <Fault p={w.fault} />
      <div class="row"><button type="submit" class="main" aria-disabled={w.busy} data-testid="make-code">{w.busy ? "Making…" : "Make the code"}</button></div>
      <div aria-live="polite">{made && <div class="note" data-testid="made-code">
        <p>This is the only time that the code is shown. Keep it now:</p>
        <p class="row"><code class="secret">{made.code}</code>
          <button type="button" onClick={() => void navigator.clipboard?.writeText(made.code).then(() => setCopied("Copied."), () => setCopied("It could not be copied: select it instead."))}>Copy</button>
          <span role="status">{copied}</span></p>
      </div>}</div>
    </form>
  );
}

const UNVERIFIED = "Invitations go by address, and nobody has verified yet that an account’s address is its owner’s: use codes for what must not be taken by others.";

function Uninvite({ path, done }: { path: string; done: () => Promise<void> }): JSX.Element {
  const [email, setEmail] = useState("");
  const [told, setTold] = useState("");
  const w = useWork();
  return (
    <form class="card" onSubmit={(e) => {
      e.preventDefault();
      setTold("");
      void w.run(async () => {
        await api("DELETE", path + "/invitations", { body: { email: email.trim() } });
        setTold(`${email.trim()} is off the list.`);
        setEmail("");
        await done();
      });
    }}>
      <h2>Take an invitation back</h2>
      <div class="fields"><Field label="Address" type="email" required maxLength={254} autocomplete="off" value={email} set={setEmail} hint="Who has joined by it already keeps the place." data-testid="uninvite-email" /></div>
      <Fault p={w.fault} />
      <div class="row"><button type="submit" aria-disabled={w.busy} data-testid="uninvite">{w.busy ? "Taking it back…" : "Take it back"}</button><span role="status">{told}</span></div>
    </form>
  );
}

const EXAMPLES = {
  codes: "code,uses_max,label,class\nSPRING-2027-A7QX,1,newsletter,\nFANCLUB-9M2K,200,fan club,2",
  invitations: "email,class,reason\nkim@example.org,1,season ticket\nada@example.org,2,newsletter",
};

function ImportList({ path, done }: { path: string; done: () => Promise<void> }): JSX.Element {
  const [kind, setKind] = useState<"codes" | "invitations">("codes");
  const [text, setText] = useState("");
  const [partial, setPartial] = useState(false);
  const [result, setResult] = useState<Imported | null>(null);
  const w = useWork();
  const lines = Math.max(0, text.trim().split("\n").length - 1);
  const what = (n: number): string => (kind === "codes" ? plural(n, "code") : plural(n, "address", "addresses"));
  const change = (t: string): void => {
    setText(t);
    setResult(null);
    w.clear();
  };
  return (
    <form class="card" onSubmit={(e) => {
      e.preventDefault();
      void w.run(async () => {
        setResult(null);
        if (lines === 0) throw new Problem(422, "empty", "There is nothing to import", "the first line names the columns, each further line is one entry");
        setResult((await api<Imported>("POST", `${path}/${kind}/import?partial=${partial}`, { body: text, type: "text/csv", withinMs: 120_000 })).data);
        await done();
      });
    }}>
      <h2>Import a list</h2>
      <div class="fields">
        <Select label="List of" value={kind} set={(k) => { setKind(k as typeof kind); setResult(null); w.clear(); }} options={[["codes", "access codes"], ["invitations", "invited people"]]} />
        <div class="field"><label for="csv-file">From a CSV file</label>
          <input id="csv-file" type="file" accept=".csv,text/csv,text/plain" data-testid="csv-file" onChange={(e) => void e.currentTarget.files?.[0]?.text().then(change)} /></div>
        <div class="field wide"><label for="csv">Or paste it here</label>
          <textarea id="csv" rows={6} spellcheck={false} placeholder={EXAMPLES[kind]} value={text} data-testid="csv" onInput={(e) => change(e.currentTarget.value)} />
          <p class="small">{kind === "codes" ? <>Columns: <code>code</code>, and if wanted <code>uses_max</code>, <code>expires_at_ms</code>, <code>class</code> (1 to 9), <code>label</code>.</> : <>Columns: <code>email</code>, <code>class</code> (1 to 9), <code>reason</code>. A later list corrects an earlier one. {UNVERIFIED}</>}</p></div>
        <div class="field wide"><Tick label="Import the good lines also if others have faults" on={partial} set={setPartial} /></div>
      </div>
      <Fault p={w.fault} />
      <div class="row"><button type="submit" class="main" aria-disabled={w.busy} data-testid="import-list">{w.busy ? "Importing…" : lines > 0 ? `Import ${what(lines)}` : "Import"}</button></div>
      <div aria-live="polite">{result && <div class="note" data-testid="imported">
        <p><strong>{what(result.imported)} imported.</strong>{result.refused > 0 && ` ${plural(result.refused, "line")} left out:`}</p>
        {result.faults && result.faults.length > 0 && <ul>{result.faults.map((f) => <li key={f}>{f}</li>)}</ul>}
      </div>}</div>
    </form>
  );
}
