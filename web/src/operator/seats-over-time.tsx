// The event's seats since the first change: what is free, held and sold, tier by tier or section by section.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get } from "../console/session";
import { Fault, Loading, useLoad } from "../console/ui";
import { bands } from "../logic/bands";
import { soonTime } from "../logic/spans";
import { count } from "../logic/words";
import type { AvailabilityHistory, SeatCounts } from "../wire";

const WIDTH = 300;
const HEIGHT = 60;
const AGAIN_MS = 15_000;
const KINDS: [keyof SeatCounts, string][] = [["sold", "sold"], ["held", "held"], ["blocked", "blocked"], ["free", "free"]];

export function SeatsOverTime({ event, zone }: { event: string; zone: string }): JSX.Element {
  const [by, setBy] = useState<"tier" | "section">("tier");
  const told = useLoad(() => get<AvailabilityHistory>(`/v1/events/${event}/availability/history?by=${by}`), [event, by]);
  useEffect(() => {
    const timer = setInterval(() => void (document.hidden || told.reload()), AGAIN_MS);
    return () => clearInterval(timer);
  }, [told.reload]);
  const h = told.data;
  const first = h?.points[0];
  return (
    <section class="card" data-testid="seats-over-time">
      <div class="between">
        <h2>Seats over time</h2>
        <label>By <select value={by} onChange={(e) => setBy(e.currentTarget.value as typeof by)}><option value="tier">tier</option><option value="section">section</option></select></label>
      </div>
      {h && told.fault && <><p class="small">What follows is not the newest:</p><Fault p={told.fault} again={() => void told.reload()} /></>}
      {!h ? <Loading what="the seats" fault={told.fault} again={() => void told.reload()} />
        : !first ? <p>Nobody has held a seat yet. From the first hold on, this shows how the house fills.</p>
        : <>
          <p class="small">Since {soonTime(first.at_ms, zone, Date.now())}. {KINDS.map(([kind, words]) => <span key={kind} class={"key " + kind}>{words} </span>)}</p>
          <div class="charts">{h.parts.map((part, nth) => <Part key={part} name={part} counts={h.points.map((p) => p.counts[nth]!)} />)}</div>
        </>}
    </section>
  );
}

function Part({ name, counts }: { name: string; counts: SeatCounts[] }): JSX.Element {
  const now = counts[counts.length - 1]!;
  const words = KINDS.filter(([kind]) => now[kind] > 0).map(([kind, w]) => `${count(now[kind])} ${w}`).join(", ");
  return (
    <figure class="spark">
      <figcaption><span>{name}</span><strong>{words}</strong></figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${name}: ${words} now`}>
        {bands(counts, KINDS.map(([kind]) => kind), WIDTH, HEIGHT).map((d, i) => <path key={i} d={d} class={"band " + KINDS[i]![0]} />)}
      </svg>
    </figure>
  );
}
