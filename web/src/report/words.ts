// The report's waits as shapes, and minutes put together where there are too many to read.

import type { FairnessReport } from "../wire";

type Waits = FairnessReport["waits"][number];

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

/** The waits as shapes in a box of `width` by `height`: from a tenth to nine tenths as a band, and half as a line. Minutes of
 * which nobody was let in are left out. */
export function shapes(rows: Waits[], width: number, height: number): { band: string; middle: string; most: number } {
  const known = rows.filter((w) => w.p10_ms !== undefined && w.p50_ms !== undefined && w.p90_ms !== undefined);
  const most = Math.max(1, ...known.map((w) => w.p90_ms!));
  const first = rows[0]?.minute_ms ?? 0;
  const span = Math.max(1, (rows[rows.length - 1]?.minute_ms ?? 0) - first);
  const at = (w: Waits, ms: number): string => `${(((w.minute_ms - first) / span) * width).toFixed(1)} ${(height - 2 - (ms / most) * (height - 4)).toFixed(1)}`;
  if (known.length < 2) return { band: "", middle: "", most };
  const up = known.map((w) => at(w, w.p90_ms!));
  const down = known.map((w) => at(w, w.p10_ms!)).reverse();
  return { band: `M${[...up, ...down].join("L")}Z`, middle: `M${known.map((w) => at(w, w.p50_ms!)).join("L")}`, most };
}
