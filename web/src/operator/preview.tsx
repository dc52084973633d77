// What a change would do: the line as it stands, run on with and without it.

import type { JSX } from "preact";
import { Scroll } from "../console/ui";
import { lasted, percent, soonTime, stamp } from "../logic/spans";
import { count, plural } from "../logic/words";
import type { Forecast, Preview } from "../wire";

/** A simulated wait; its last digits mean nothing. */
export function waitWords(s: number | null): string {
  if (s === null) return "nobody is let in";
  const step = s < 120 ? 1 : s < 3600 ? 10 : 60;
  return lasted(Math.round(s / step) * step * 1000);
}

/** The rows of the comparison, in words. */
export function rows(p: Preview, zone: string): [string, string, string][] {
  const row = (name: string, of: (f: Forecast) => string): [string, string, string] => [name, of(p.without), of(p.with)];
  const wait = (s: number | null): string => (p.waiting === 0 ? "–" : waitWords(s));
  return [
    row("A tenth wait less than", (f) => wait(f.wait_p10_s)),
    row("Half wait less than", (f) => wait(f.wait_p50_s)),
    row("Nine tenths wait less than", (f) => wait(f.wait_p90_s)),
    row("Not reached before the end", (f) => (p.waiting === 0 ? "–" : percent(f.unreached))),
    row("Sold out", (f) => (f.sold_out_at_ms === null ? "not to be expected" : `about ${soonTime(f.sold_out_at_ms, zone, p.server_now_ms)}`)),
    row("Most let in within a minute", (f) => count(f.peak_per_minute)),
    row("Most shopping at once", (f) => count(f.peak_active)),
  ];
}

export function PreviewTable({ p, zone }: { p: Preview; zone: string }): JSX.Element {
  const moved = Math.round(p.moved * p.waiting);
  return (
    <section class="preview" aria-label="What it would do" data-testid="preview">
      <h3>What it would do</h3>
      <p>{p.waiting === 0 ? "Nobody waits now: there is no wait to compare." : moved === 0 ? "Nobody’s wait would move by more than a fifth."
        : <><strong>{percent(p.moved)}</strong> of the {plural(p.waiting, "party", "parties")} waiting, about {count(moved)}, would see their wait move by more than a fifth.</>}</p>
      <Scroll label="Forecast"><table>
        <thead><tr><th scope="col"><span class="vh">What</span></th><th scope="col">As it is now</th><th scope="col">After the change</th></tr></thead>
        <tbody>{rows(p, zone).map(([name, a, b]) => <tr key={name}><th scope="row">{name}</th><td>{a}</td><td>{a === b ? b : <strong>{b}</strong>}</td></tr>)}</tbody>
      </table></Scroll>
      <p class="small">Simulated {plural(p.runs, "time")} from the line of {stamp(p.server_now_ms, zone)}. Nothing is changed yet.</p>
    </section>
  );
}
