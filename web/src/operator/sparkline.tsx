// A line of the last minutes, drawn as SVG. The newest value stands beside it in words.

import type { JSX } from "preact";
import { count } from "../logic/words";
import { path } from "../logic/line";

const WIDTH = 300;
const HEIGHT = 60;

export function Sparkline({ label, points, limit }: { label: string; points: number[]; limit?: number }): JSX.Element {
  const top = Math.max(...points, limit ?? 0, 1);
  const now = points[points.length - 1] ?? 0;
  const y = (v: number): number => HEIGHT - 2 - (v / top) * (HEIGHT - 4);
  return (
    <figure class="card spark">
      <figcaption><span>{label}</span><strong>{count(now)}</strong></figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${label}: ${count(now)} now, between ${count(Math.min(...points, now))} and ${count(Math.max(...points, now))} in the last ${points.length} seconds`}>
        {limit !== undefined && <line x1="0" x2={WIDTH} y1={y(limit)} y2={y(limit)} class="limit" />}
        <path d={path(points, 300, top, WIDTH, HEIGHT)} class="line" />
      </svg>
    </figure>
  );
}
