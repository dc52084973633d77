// One sale, read every second: its numbers and what is in force, its knobs, one fan's place, who may enter.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api";
import { api, get, useWho } from "../console/session";
import { EntryPage } from "../console/codes";
import { Chip, Fault, Heading, Loading, useLoad } from "../console/ui";
import { fullJitter } from "../logic/backoff";
import { clockTime, shortTime } from "../logic/time";
import { stateWords } from "../logic/spans";
import { count, estimateWords } from "../logic/words";
import type { AdmissionView, AuditLine, Event, Sale } from "../wire";
import { Announce } from "./announce";
import { Audit, Undo } from "./audit";
import { CarryBeacon } from "./beacon";
import { Deadlines } from "./deadlines";
import { Halt } from "./halt";
import { InForce, Knobs } from "./knobs";
import { Mending } from "./mending";
import { SeatsOverTime } from "./seats-over-time";
import { Sparkline } from "./sparkline";

const KEEP = 300;
const TABS: [string, string][] = [["live", "Live"], ["fan", "One fan"], ["entry", "Codes and lists"]];
interface Point { at: number; waiting: number; admitted: number }

export function LiveSale({ id, tab }: { id: string; tab: string }): JSX.Element {
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
  const version = view && `${view.rate_version} ${view.clock.acts} ${view.clock.frozen?.since_ms}`;
  useEffect(() => {
    if (version !== undefined) void audit.reload();
  }, [version]);

  const event = about.data?.event;
  const zone = event?.time_zone ?? "UTC";
  const roles = me.memberships.filter((m) => !event || m.organisation_id === event.organisation_id).map((m) => m.role);
  const operates = roles.includes("operator");
  const title = about.data ? `${event!.name}: ${about.data.sale.name}` : "Sale";
  const stopped = view?.stop_reason !== undefined;
  const watching = <p class="card">You can watch this sale. Changing it needs the role of operator in this organisation.</p>;
  return (
    <>
      <p class="where"><a href="#/">All sales</a></p>
      <div class="between">
        <div><Heading title={title}>{title}</Heading>{event && <p class="muted">{event.venue} · opens {shortTime(about.data!.sale.opens_at_ms, zone)} · <a href={"/q/" + id}>what fans see</a></p>}</div>
        {view && <p data-testid="sale-state" data-state={stopped ? "stopped" : view.state}><Chip kind={stopped ? "stopped" : view.state}>{stateWords({ state: view.state, stopped })}</Chip></p>}
      </div>
      <nav class="tabs" aria-label="Parts of the sale">
        {TABS.map(([name, words]) => <a key={name} href={`#/s/${id}/${name}`} aria-current={tab === name ? "page" : undefined}>{words}</a>)}
      </nav>
      <Fault p={about.fault} again={() => void about.reload()} />
      {!view ? <Loading what="the numbers" fault={fault} again={() => location.reload()} /> : (
        <>
          <InForce view={view} zone={zone} title="In force now" />
          {fault && <div class="note bad" role="alert"><p><strong>The numbers are {Math.round((now - heard) / 1000)} s old.</strong> {fault.title}. We go on asking.</p></div>}
          {stopped && <p class="note bad" data-testid="stop-note"><strong>Stopped: nobody can join, nobody is let in.</strong> Fans read: “{view.stop_reason}”</p>}
          {view.pause_reason !== undefined && <p class="note" data-testid="pause-note"><strong>Everybody is held.</strong> {stopped ? "When it is started again, fans read" : "Fans read"}: “{view.pause_reason}”</p>}
          {view.clock.frozen && <p class="note" data-testid="frozen-note"><strong>Deadlines are frozen</strong> since {clockTime(view.clock.frozen.since_ms, zone)}{view.clock.frozen.by && ` by ${view.clock.frozen.by}`}. Who holds seats reads: “{view.clock.frozen.reason}”</p>}
          {view.brake.factor < 1 && <p class="note" data-testid="brake-note"><strong>The automatic brake slows the sale.</strong> {view.brake.why}{view.brake.since_ms !== undefined && `, since ${clockTime(view.brake.since_ms, zone)}`}.</p>}
        </>
      )}
      {tab === "live" && view && (
        <>
          <Numbers view={view} />
          <div class="charts">
            <Sparkline label="Waiting" points={points.map((p) => p.waiting)} />
            <Sparkline label="Let in during the last minute" points={points.map((p) => p.admitted)} limit={view.tuning.rate_per_minute} />
          </div>
          {event && <SeatsOverTime event={event.event_id} zone={zone} />}
          {operates && view.state === "drawing" && <CarryBeacon id={id} path={path} />}
          {operates && <Announce now={view.announcement} path={path} />}
          {operates ? <><Halt view={view} path={path} show={show} /><Deadlines view={view} path={path} show={show} />{event && <Knobs view={view} zone={zone} path={path} etag={etag} show={show} />}</> : watching}
        </>
      )}
      {tab === "fan" && about.data && (operates ? <Mending sale={id} zone={zone} own={me.account_id} audit={{ lines: audit.data ?? [], reload: audit.reload }} /> : watching)}
      {tab === "entry" && about.data && <EntryPage sale={about.data.sale} zone={zone} promotes={roles.includes("promoter")} />}
      {tab !== "entry" && <section class="card">
        <h2>History of changes</h2>
        {!audit.data ? <Loading what="the history" fault={audit.fault} again={() => void audit.reload()} />
          : audit.data.length === 0 ? <p>Nothing was changed yet. Every change is written here before it takes effect.</p>
          : <>{tab === "live" && operates && view && <div class="gap"><Undo view={view} lines={audit.data} zone={zone} path={path} show={show} /></div>}<Audit lines={audit.data} own={me.account_id} zone={zone} /></>}
      </section>}
      <p class="small">{heard > 0 && `Numbers of ${clockTime(heard, zone)}, read every second. Times are of ${zone}.`}</p>
    </>
  );
}

function Numbers({ view }: { view: AdmissionView }): JSX.Element {
  const n = view.numbers;
  const tiles: [string, number, string?][] = [
    ["Waiting", n.waiting, n.waiting && view.state === "open" && view.rate_in_force > 0 ? `${estimateWords({ low_s: (n.waiting / view.rate_in_force) * 60, high_s: (n.waiting / view.rate_in_force) * 60 })} at this rate` : undefined],
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
    ...(n.seats_blocked ? [["Seats blocked", n.seats_blocked, "by the promoter"] as [string, number, string]] : []),
  ];
  return <dl class="tiles">{tiles.map(([name, value, more]) => <div key={name}><dt>{name}</dt><dd data-testid={"n-" + name.toLowerCase().replace(/[^a-z]+/g, "-")}>{count(value)}</dd>{more && <dd class="small">{more}</dd>}</div>)}</dl>;
}
