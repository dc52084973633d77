// The report's numbers in words, and minutes put together where there are too many to read.

import type { FairnessReport } from "../wire";

type Waits = FairnessReport["waits"][number];

export function percent(part: number, whole: number): string {
  return whole === 0 ? "none" : `${Math.round((100 * part) / whole)} %`;
}

export function classWords(c: number): string {
  return c === 0 ? "head of the line" : c === 10 ? "everybody" : `invited, ${c}`;
}

/** At most `most` rows: of several minutes the one is shown in which half waited longest, with all their joins and admissions. */
export function every(rows: Waits[], most: number): Waits[] {
  const step = Math.ceil(rows.length / most);
  const out: Waits[] = [];
  for (let at = 0; at < rows.length; at += step) {
    const some = rows.slice(at, at + step);
    const worst = some.reduce((a, b) => ((b.p50_ms ?? -1) > (a.p50_ms ?? -1) ? b : a));
    out.push({ ...worst, minute_ms: some[0]!.minute_ms, joined: some.reduce((n, w) => n + w.joined, 0), admitted: some.reduce((n, w) => n + w.admitted, 0) });
  }
  return out;
}
