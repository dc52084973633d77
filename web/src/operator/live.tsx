// One sale, read every second; its knobs, each change with its reason.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api";
import { api, get, useWho } from "../console/session";
import { Chip, Fault, Field, Heading, Loading, TwoStep, useLoad, useWork, Scroll } from "../console/ui";
import { fullJitter } from "../logic/backoff";
import { clockTime, shortTime } from "../logic/time";
import { count, estimateWords, saleWords } from "../logic/words";
import type { AdmissionView, AuditLine, Event, Sale } from "../wire";
import { Announce } from "./announce";
import { CarryBeacon } from "./beacon";
import { Sparkline } from "./sparkline";

const KEEP = 300;
interface Point { at: number; waiting: number; admitted: number }

export function LiveSale({ id }: { id: string }): JSX.Element {
  const { me } = useWho();
  const path = `/v1/sales/${encodeURIComponent(id)}/admission`;
  const about = useLoad(async () => {
    const sale = await get<Sale>("/v1/sales/" + encodeURIComponent(id));
    return { sale, event: await get<Event>("/v1/events/" + sale.event_id) };
  }, [id]);
  const [view, setView] = useState<AdmissionView | null>(null);
  const [fault, setFault] = useState<Problem | null>(null);
  const [points, setPoints] = useState<Point[]>([]);
  const [heard, setHeard] = useState(0);
  const [now, setNow] = useState(Date.now());
  const etag = useRef<string | null>(null);
  const audit = useLoad(() => get<{ lines: AuditLine[] }>(path + "/audit").then((a) => a.lines), [id]);
  const show = (a: AdmissionView, tag: string | null): void => {
    etag.current = tag ?? `"${a.rate_version}"`;
    setView(a);
    setHeard(Date.now());
    setFault(null);
    setPoints((p) => [...p.slice(1 - KEEP), { at: Date.now(), waiting: a.numbers.waiting, admitted: a.numbers.admitted_last_minute }]);
  };
  useEffect(() => {
    let stopped = false;
    let failures = 0;
    let timer: ReturnType<typeof setTimeout>;
    const poll = async (): Promise<void> => {
      let wait = 1000;
      if (!document.hidden) {
        try {
          const a = await api<AdmissionView>("GET", path);
          if (stopped) return;
          failures = 0;
          show(a.data, a.etag);
        } catch (e) {
          if (stopped) return;
          const p = e as Problem;
          setFault(p);
          wait = p.passing ? Math.max(1000, (p.retryAfterS ?? 0) * 1000) + fullJitter(++failures) : 10_000;
        }
      }
      setNow(Date.now());
      timer = setTimeout(() => void poll(), wait);
    };
    void poll();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [id]);
  const version = view?.rate_version;
  useEffect(() => {
    if (version !== undefined) void audit.reload();
  }, [version]);

  const event = about.data?.event;
  const roles = me.memberships.filter((m) => !event || m.organisation_id === event.organisation_id).map((m) => m.role);
  const operates = roles.includes("operator");
  const title = about.data ? `${event!.name}: ${about.data.sale.name}` : "Sale";
  return (
    <>
      <p class="where"><a href="#/">All sales</a></p>
      <div class="between">
        <div><Heading title={title}>{title}</Heading>{event && <p class="muted">{event.venue} · opens {shortTime(about.data!.sale.opens_at_ms, event.time_zone)} · <a href={"/q/" + id}>what fans see</a></p>}</div>
        {view && <p data-testid="sale-state" data-state={view.state}><Chip kind={view.state}>{saleWords[view.state]}</Chip></p>}
      </div>
      <Fault p={about.fault} again={() => void about.reload()} />
      {!view ? <Loading what="the numbers" fault={fault} again={() => location.reload()} /> : (
        <>
          {fault && <div class="note bad" role="alert"><p><strong>The numbers are {Math.round((now - heard) / 1000)} s old.</strong> {fault.title}. We go on asking.</p></div>}
          {view.state === "paused" && <p class="note">Paused. Fans read: “{view.pause_reason}”</p>}
          <Numbers view={view} />
          <div class="charts">
            <Sparkline label="Waiting" points={points.map((p) => p.waiting)} />
            <Sparkline label="Let in during the last minute" points={points.map((p) => p.admitted)} limit={view.tuning.rate_per_minute} />
          </div>
          {operates && view.state === "drawing" && <CarryBeacon id={id} path={path} />}
          {operates && <Announce now={view.announcement} path={path} />}
          {operates ? <Knobs view={view} path={path} etag={etag} show={show} />
            : <p class="card">You can watch this sale. Changing it needs the role of operator in this organisation.</p>}
        </>
      )}
      <section class="card">
        <h2>Audit log</h2>
        {!audit.data ? <Loading what="the log" fault={audit.fault} again={() => void audit.reload()} /> : audit.data.length === 0 ? <p>Nothing was changed yet. Every change is written here before it takes effect.</p> : <Audit lines={audit.data} own={me.account_id} />}
      </section>
      <p class="small">{heard > 0 && `Numbers of ${clockTime(heard)}, read every second.`}</p>
    </>
  );
}

function Numbers({ view }: { view: AdmissionView }): JSX.Element {
  const n = view.numbers;
  const tiles: [string, number, string?][] = [
    ["Waiting", n.waiting, n.waiting && view.state === "open" ? `${estimateWords({ low_s: (n.waiting / view.tuning.rate_per_minute) * 60, high_s: (n.waiting / view.tuning.rate_per_minute) * 60 })} at this rate` : undefined],
    ["Let in, last minute", n.admitted_last_minute, `of ${count(view.tuning.rate_per_minute)} allowed`],
    ["Finding seats", n.standing],
    ["Holding or paying", n.holding, `${count(n.standing + n.holding)} of ${count(view.tuning.max_active)} at once`],
    ["Paid", n.paid],
    ["Holds lapsed", n.lapsed],
    ["Skipped", n.skipped, "away when their turn came"],
    ["Joined ever", n.joined, `${count(n.admitted)} let in`],
    ["Seats free", n.seats_free, `of ${count(n.capacity)}`],
    ["Seats held", n.seats_held],
    ["Seats sold", n.seats_sold, n.capacity ? `${Math.floor((100 * n.seats_sold) / n.capacity)} %` : undefined],
  ];
  return <dl class="tiles">{tiles.map(([name, value, more]) => <div key={name}><dt>{name}</dt><dd data-testid={"n-" + name.toLowerCase().replace(/[^a-z]+/g, "-")}>{count(value)}</dd>{more && <dd class="small">{more}</dd>}</div>)}</dl>;
}

function Knobs({ view, path, etag, show }: { view: AdmissionView; path: string; etag: { current: string | null }; show: (a: AdmissionView, tag: string | null) => void }): JSX.Element {
  const t = view.tuning;
  // Nothing until it is touched: what is not touched follows the live value.
  const [rate, setRate] = useState<string | null>(null);
  const [active, setActive] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const [why, setWhy] = useState("");
  const [readAt, setReadAt] = useState<string | null>(null);
  const [told, setTold] = useState("");
  /** A change that the server wants confirmed: what it would do, and what confirms it. */
  const [asked, setAsked] = useState<Problem | null>(null);
  const w = useWork();
  const touch = (f: (v: string) => void) => (v: string): void => {
    if (rate === null && active === null) setReadAt(etag.current);
    f(v);
    setTold("");
    setAsked(null);
  };
  const newRate = rate === null ? t.rate_per_minute : Number(rate);
  const newActive = active === null ? t.max_active : Number(active);
  const changes = newRate !== t.rate_per_minute || newActive !== t.max_active;
  const paused = view.state === "paused";
  const reset = (): void => {
    setRate(null);
    setActive(null);
    setReadAt(null);
    setAsked(null);
  };
  const apply = (confirm?: string): void => {
    void w.run(async () => {
      try {
        const a = await api<AdmissionView>("PATCH", path, {
          body: { ...(newRate !== t.rate_per_minute && { rate_per_minute: newRate }), ...(newActive !== t.max_active && { max_active: newActive }), reason: reason.trim(), confirm },
          ifMatch: readAt ?? undefined,
        });
        show(a.data, a.etag);
        reset();
        setReason("");
        setTold("Changed. It takes effect within a second.");
      } catch (x) {
        const p = x as Problem;
        if (p.code === "confirm-needed") return setAsked(p);
        setAsked(null);
        if (p.status !== 412) throw p;
        setReadAt(etag.current);
        throw new Problem(412, p.code, "Somebody else changed the knobs meanwhile", `they stand at ${count(t.rate_per_minute)} per minute and ${count(t.max_active)} at once now; what you typed is still here: look, and apply again`);
      }
    });
  };
  return (
    <div class="knobs">
      <form class="card" onSubmit={(e) => {
        e.preventDefault();
        if (!changes) return setTold("Nothing is changed.");
        apply();
      }}>
        <h2>Pace</h2>
        <div class="fields">
          <Field label="Let in per minute" type="number" required min={1} max={600000} step={1} value={rate ?? String(t.rate_per_minute)} set={touch(setRate)} hint={`Now ${count(t.rate_per_minute)}.`} data-testid="rate" />
          <Field label="At once, at most" type="number" required min={1} max={1000000} step={1} value={active ?? String(t.max_active)} set={touch(setActive)} hint={`Now ${count(t.max_active)}.`} data-testid="max-active" />
          <Field label="Reason" wide required maxLength={500} value={reason} set={setReason} hint="For the audit log." data-testid="reason" />
        </div>
        {changes && newRate > 0 && <p class="note">{newRate > 3 * t.rate_per_minute && "That is more than three times the rate of now. "}At {count(newRate)} per minute, {count(view.numbers.waiting)} waiting are let in within {estimateWords({ low_s: (view.numbers.waiting / newRate) * 60, high_s: (view.numbers.waiting / newRate) * 60 })}, if seats last.</p>}
        <Fault p={w.fault} />
        {asked && <div class="note" role="alert"><p><strong>Please look once more:</strong> {asked.detail.replace(/; ask again with.*$/, ".")}</p>
          <p class="row"><button type="button" class="main" data-testid="confirm-tuning" onClick={() => apply(asked.confirm)}>Yes, change it</button>
            <button type="button" onClick={() => setAsked(null)}>No</button></p></div>}
        <div class="row"><button type="submit" class="main" aria-disabled={w.busy} data-testid="apply-tuning">{w.busy ? "Applying…" : "Apply"}</button>
          {(rate !== null || active !== null) && <button type="button" onClick={() => { reset(); w.clear(); }}>Undo</button>}
          <span role="status">{told}</span></div>
      </form>
      <div class="card">
        <h2>{paused ? "Resume" : "Pause"}</h2>
        <p class="small">{paused ? "People are let in again at the pace set." : "Nobody is let in; places are kept, and seats held stay held."}</p>
        <TwoStep key={String(paused)} label={paused ? "Resume the sale…" : "Pause the sale…"} yes={paused ? "Resume now" : "Pause now"} danger={!paused} testid={paused ? "resume" : "pause"}
          ask={paused ? "Fans are let in again within a second." : "Everybody in line reads the reason. It takes effect within a second."}
          act={async () => {
            const send = (confirm?: string): Promise<{ data: AdmissionView; etag: string | null }> =>
              api<AdmissionView>("POST", `${path}/${paused ? "resume" : "pause"}`, { body: { reason: why.trim(), confirm } });
            // This form has asked already.
            const a = await send().catch((p: Problem) => (p.code === "confirm-needed" ? send(p.confirm) : Promise.reject(p)));
            setWhy("");
            show(a.data, a.etag);
          }}>
          <Field label={paused ? "Reason, for the audit log" : "Reason, as fans will read it"} required maxLength={500} value={why} set={setWhy} data-testid="pause-reason" />
        </TwoStep>
      </div>
    </div>
  );
}

function changeWords(change: unknown): string {
  if (!change || typeof change !== "object") return "";
  const c = change as { from?: Record<string, unknown>; to?: Record<string, unknown> };
  if (c.from && c.to && typeof c.from === "object" && typeof c.to === "object") {
    return Object.keys(c.to).filter((k) => c.to![k] !== c.from![k]).map((k) => `${k.replaceAll("_", " ")}: ${c.from![k]} → ${c.to![k]}`).join(", ");
  }
  const text = JSON.stringify(change);
  return text === "{}" ? "" : text;
}

function Audit({ lines, own }: { lines: AuditLine[]; own: string }): JSX.Element {
  return (
    <Scroll label="Audit log"><table data-testid="audit">
      <thead><tr><th scope="col">When</th><th scope="col">What</th><th scope="col">Change</th><th scope="col">Why</th><th scope="col">Who</th></tr></thead>
      <tbody>{lines.map((l, i) => (
        <tr key={l.at_ms + l.action + i}><td class="tight-cell">{clockTime(l.at_ms)}</td><th scope="row">{l.action}</th><td>{changeWords(l.change)}</td><td>{l.reason}</td><td>{l.account_id === own ? "you" : <code>{l.account_id}</code>}</td></tr>))}
      </tbody></table></Scroll>
  );
}
